import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { verifyDataset } from '../../datasets/verify.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { RlpdAgent } from '../../src/agent/agent.js';
import { selectBackend } from '../../src/backend/select.js';
import { InputError } from '../../src/errors.js';
import { type ActOptions, act } from '../../src/training/act.js';
import { ActionLimit } from '../../src/training/actionLimit.js';
import { agentSettings } from '../../src/training/config.js';
import { type Clock, ControlRate } from '../../src/training/controlRate.js';
import type { NamedPolicy } from '../../src/training/experts.js';
import { writePolicy } from '../../src/training/policyFile.js';
import type { AnyEnvironment } from '../../src/training/rollout.js';
import { startRobot } from '../envs/remoteRobot.js';
import { box, episodeSteps, executed } from '../envs/remoteRobotServer.js';
import { rlpd } from '../scripts/commandLine.js';
import { smallConfig, temporaryFolder } from './smallRun.js';

/** The robot's control time, in milliseconds. */
const period = 50;

/** A clock that stands still but for what is waited for and what `pass` says. */
class ScriptedClock implements Clock {
  time = 1000;
  /** When each wait was over. */
  readonly waits: number[] = [];

  now = (): number => this.time;

  until = async (time: number): Promise<void> => {
    this.time = Math.max(this.time, time);
    this.waits.push(this.time);
  };

  pass(milliseconds: number): void {
    this.time += milliseconds;
  }
}

/** Behind the environment, what each of its steps takes and what reaches it. */
function slowed(environment: EnvironmentWorker, clock: ScriptedClock, times: readonly number[]) {
  const actions: number[][] = [];
  const slow: AnyEnvironment = {
    spec: environment.spec,
    observationSpace: environment.observationSpace,
    reset: (options) => environment.reset(options),
    render: (options) => environment.render(options),
    step: async (action) => {
      clock.pass(times[actions.length] ?? 10);
      actions.push([...action]);
      return environment.step(action);
    },
  };
  return { environment: slow, actions };
}

let behaviour: NamedPolicy;

before(async () => {
  await selectBackend({ backend: 'cpu' });
  const config = smallConfig({ actionRepeat: 1, task: 'remote:127.0.0.1:1' });
  const agent = RlpdAgent.create({
    config: agentSettings(config),
    observationSpace: {
      images: [],
      state: { shape: [2], low: -Infinity, high: Infinity, dtype: 'float32' },
    },
    actionSize: 3,
    seed: 3,
  });
  behaviour = { name: 'fresh', config, envFrames: 0, return: null, tensors: await agent.policyTensors() };
  agent.dispose();
});

/** The robot without a person beside it, `act` on it, and what happened. */
async function robot(context: { after(clean: () => Promise<unknown>): void }, times: readonly number[] = []) {
  const task = await startRobot(context, { alone: true });
  const worker = await EnvironmentWorker.create(task, {
    observations: 'both',
    imageSize: { front: 4, wrist: 2 },
    frameStack: 1,
    actionRepeat: 1,
  });
  context.after(() => worker.close());
  const clock = new ScriptedClock();
  const { environment, actions } = slowed(worker, clock, times);
  const play = (options: Partial<ActOptions> = {}) =>
    act({ environment, policy: () => Float32Array.of(0.5, 1, -1), episodes: 1, clock, ...options });
  return { play, actions, clock };
}

describe('a policy at a control rate', () => {
  test('steps begin a control time apart, whatever an answer takes within it', async (context) => {
    const { play, clock } = await robot(context, [1, 49, 50, 20]);
    const acted = await play();
    assert.deepEqual(
      clock.waits,
      Array.from({ length: episodeSteps }, (_, i) => 1000 + period * i),
    );
    assert.deepEqual([acted.missedDeadlines, acted.periodMs, acted.finished], [0, period, true]);
    assert.deepEqual(acted.latencyMs, { p50: 10, p95: 50, p99: 50, max: 50 });
  });

  test('a late answer is a missed deadline, said once an episode, and the steps after it do not hurry', async (context) => {
    const { play, clock } = await robot(context, [10, 170, 60, 10]);
    const said: [number, number][] = [];
    const acted = await play({ onMissed: (step, latency) => said.push([step, latency]) });
    assert.equal(acted.missedDeadlines, 2);
    assert.deepEqual(said, [[2, 170]]);
    assert.deepEqual(clock.waits.slice(0, 5), [1000, 1050, 1220, 1280, 1330]);
    assert.equal(acted.latencyMs?.max, 170);
  });

  test('a rate that is asked for is kept instead, an action lasting its action repeat', async (context) => {
    const { play, clock } = await robot(context);
    await play({ controlHz: 4 });
    assert.deepEqual(clock.waits.slice(0, 3), [1000, 1250, 1500]);
  });

  test('what stops it while a step is waited for lets no further action out, and what was done is recorded whole', async (context) => {
    const { play, actions, clock } = await robot(context);
    const folder = join(await temporaryFolder(context), 'acted');
    const stop = new AbortController();
    const stopping: Clock = {
      now: clock.now,
      until: async (time) => {
        if (actions.length === 4) stop.abort();
        await clock.until(time);
      },
    };
    const record = { folder, behaviour };
    const acted = await play({ clock: stopping, signal: stop.signal, record, episodes: 3 });
    assert.equal(actions.length, 4);
    assert.deepEqual([acted.finished, acted.steps, acted.recorded], [false, 4, 1]);
    // The robot's pictures are of one grey level.
    const { problems } = await verifyDataset(folder);
    assert.deepEqual(
      problems.filter(({ kind }) => kind !== 'constant-images'),
      [],
    );
    const episode = await (await openDataset(folder)).episode(0);
    assert.deepEqual([episode.length, episode.truncated, episode.terminated], [4, true, false]);
    assert.deepEqual(
      [...(episode.actions ?? [])].map((value, i) => [i % 3, value]),
      actions.flat().map((value, i) => [i % 3, value]),
    );
  });

  test('a stop within the computation of an action holds that action back, too', async (context) => {
    const { play, actions } = await robot(context);
    const stop = new AbortController();
    const policy = async () => {
      if (actions.length === 2) stop.abort();
      return Float32Array.of(0, 0, 0);
    };
    assert.equal((await play({ policy, signal: stop.signal })).steps, 2);
    assert.equal(actions.length, 2);
  });

  test('an episode is cut off after so many steps, and the same command adds to its recording', async (context) => {
    const { play } = await robot(context);
    const folder = join(await temporaryFolder(context), 'acted');
    const record = { folder, behaviour };
    await play({ maxSteps: 3, episodes: 2, record });
    const acted = await play({ maxSteps: 5, record });
    assert.deepEqual([acted.episodes, acted.recorded, acted.steps], [1, 3, 5]);
    const dataset = await openDataset(folder);
    assert.deepEqual(
      dataset.manifest.shards.flatMap(({ index }) => index.map(({ id, steps }) => [id, steps])),
      [
        ['episode-000000', 3],
        ['episode-000001', 3],
        ['episode-000002', 5],
      ],
    );
    assert.ok(dataset.manifest.complete);
    await assert.rejects(play({ record, controlHz: 5 }), InputError);
  });

  test('an action that is no number reaches nothing', async (context) => {
    const { play, actions } = await robot(context);
    await assert.rejects(play({ policy: () => Float32Array.of(0, Number.NaN, 0) }), {
      name: 'InputError',
      message: /Stopped before step 1: the policy's action became NaN/,
    });
    assert.deepEqual(actions, []);
  });

  test('an action changes by no more than its limit, beginning at rest', async (context) => {
    const { play, actions } = await robot(context);
    const acted = await play({ maxActionChange: [0.25, 2, 0.5] });
    // 0 of gas and brake is the lower edge of their box.
    assert.deepEqual(actions.slice(0, 3), [
      [0.25, 1, -1],
      [0.5, 1, -1],
      [0.5, 1, -1],
    ]);
    assert.equal(acted.heldBack, 1);
    await assert.rejects(play({ maxActionChange: [0.1, 0.1] }), {
      name: 'InputError',
      message: /2 limits .* 3 dimensions/,
    });
  });
});

test('after a person has taken over, the limit counts from what was executed', () => {
  const spec = { actionSize: 1, actionBox: null } as ConstructorParameters<typeof ActionLimit>[1];
  const limit = new ActionLimit([0.25], spec);
  limit.apply(Float32Array.of(1));
  limit.executed(Float32Array.of(-1));
  assert.deepEqual([...limit.apply(Float32Array.of(1))], [-0.75]);
  limit.begin();
  assert.deepEqual([...limit.apply(Float32Array.of(-1))], [-0.25]);
});

test('the clock of the system waits until the time, and no longer than until it is stopped', async () => {
  const rate = new ControlRate(1);
  for (let i = 0; i < 3; i++) {
    await rate.next();
    rate.answered();
  }
  const endless = new ControlRate(2 ** 30);
  await endless.next();
  endless.answered();
  const stop = new AbortController();
  const waiting = endless.next(stop.signal);
  stop.abort();
  await waiting;
  assert.equal(endless.missed, 0);
});

describe('rlpd act', () => {
  test('acts in a remote environment, with a person beside it, and says what it did', async (context) => {
    const folder = await temporaryFolder(context);
    const policy = join(folder, 'policy.safetensors');
    await writePolicy(policy, behaviour);
    const task = await startRobot(context);
    const out = join(folder, 'acted');
    const flags = ['--policy', policy, '--task', task, '--episodes', '2', '--control-hz', '500'];
    const ended = await rlpd('act', ...flags, '--max-steps', '6', '--record', out, '--json');
    assert.equal(ended.status, 0, ended.stderr);
    const result = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '');
    assert.deepEqual(
      [result.episodes, result.steps, result.finished, result.record, result.recorded],
      [2, 12, true, out, 2],
    );
    assert.ok(result.interventions >= 6 && result.latencyMs.max > 0);
    const first = await (await openDataset(out)).episode(0);
    assert.deepEqual(Object.keys(first.images ?? {}), ['front', 'wrist']);
    assert.equal(first.state?.length, 2 * 7);
    // The person's, from the robot's units into [−1, 1].
    const at = first.interventions?.indexOf(1) ?? -1;
    assert.deepEqual(
      [...(first.actions.subarray(3 * at, 3 * at + 3) ?? [])],
      executed.map(
        (value, i) =>
          (2 * (value - (box.low[i] as number))) / ((box.high[i] as number) - (box.low[i] as number)) - 1,
      ),
    );
  });

  test('a policy of another size, and flags that make no sense, are refused in a sentence', async (context) => {
    const folder = await temporaryFolder(context);
    const policy = join(folder, 'policy.safetensors');
    await writePolicy(policy, behaviour);
    const other = await rlpd('act', '--policy', policy, '--task', 'cartpole-swingup');
    assert.equal(other.status, 2, other.stderr);
    assert.match(
      other.stderr,
      /acts in cartpole-swingup: whether .* has shape \[1,2,8\] and this agent needs \[1,5,8\]/s,
    );
    assert.equal((await rlpd('act', '--policy', policy, '--control-hz', '0')).status, 2);
    assert.equal((await rlpd('act', '--policy', policy, '--max-action-change', '0.1,')).status, 2);
    const nobody = await rlpd('act', '--task', 'cartpole-swingup');
    assert.deepEqual([nobody.status, /--run DIR or --policy FILE/.test(nobody.stderr)], [2, true]);
  });
});
