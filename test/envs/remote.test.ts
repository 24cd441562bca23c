import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { openDataset } from '../../datasets/reader.js';
import type { Environment, EnvironmentOptions } from '../../envs/environment.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { RemoteEnvironment } from '../../envs/remote/remoteEnvironment.js';
import { resize } from '../../envs/remote/resize.js';
import { RlpdAgent } from '../../src/agent/agent.js';
import { selectBackend } from '../../src/backend/select.js';
import { collect } from '../../src/training/collect.js';
import { agentSettings } from '../../src/training/config.js';
import { train } from '../../src/training/train.js';
import { smallConfig, temporaryFolder } from '../training/smallRun.js';
import { mischief, mischievous, saysSuccess, token } from './remoteServer.js';

let server: Worker;
let task: string;

before(async () => {
  process.env.RLPD_REMOTE_TOKEN = token;
  server = new Worker(new URL('./remoteServer.js', import.meta.url));
  const [port] = await once(server, 'message');
  task = `remote:127.0.0.1:${port}`;
});
after(() => server.terminate());

const times = { connectMs: 20_000, answerMs: 60_000, reconnectMs: 30_000 };
const options: EnvironmentOptions = { observations: 'both', imageSize: 4 };
const open = (changes: Partial<typeof times> = {}): Environment =>
  RemoteEnvironment.create(task, options, { ...times, ...changes });

describe('remote environments, of a server of version 1', () => {
  test('an episode is a function of its seed, actions are repeated, the time limit truncates', async () => {
    const environment = await makeEnv(task, { observations: 'both', actionRepeat: 4, frameStack: 2 });
    assert.equal(environment.spec.task, 'Count-v0');
    assert.deepEqual(environment.observationSpace.images, [
      { name: 'remote', height: 64, width: 64, channels: 3, frameStack: 2 },
    ]);
    assert.equal(environment.spec.actionBox, null);
    const first = environment.reset({ seed: 3 });
    const states: (number | undefined)[] = [];
    let result = environment.step(Float32Array.of(0, 0.25));
    for (;;) {
      states.push(result.observation.state?.[1]);
      assert.equal(result.reward, 0.25);
      if (result.truncated) break;
      result = environment.step(Float32Array.of(0, 0.25));
    }
    assert.deepEqual(states, [4, 8, 10], 'the last step is cut at the time limit');
    assert.equal(result.terminated, false);
    assert.equal(result.info.envFrames, 10);
    assert.throws(() => environment.step(Float32Array.of(0, 0)), /call reset first/);
    assert.deepEqual(environment.reset({ seed: 3 }), first);
    assert.notDeepEqual(environment.reset().observation.state, first.observation.state);
    assert.equal(environment.render({ width: 12, height: 8 }).data.length, 12 * 8 * 3);
    environment.close();
  });

  test('its picture has a size and a stack by its name, and no other name is taken', async () => {
    const imageSize = { remote: { height: 8, width: 6 } };
    const environment = await makeEnv(task, { imageSize, frameStack: { remote: 2 } });
    assert.deepEqual(environment.observationSpace, {
      images: [{ name: 'remote', height: 8, width: 6, channels: 3, frameStack: 2 }],
    });
    // Each of the server's four rows twice: its first byte is 0 after a reset, all others are 9.
    const zeros = [0, 3, 6 * 6, 6 * 6 + 3];
    const expected = Uint8Array.from({ length: 8 * 6 * 6 }, (_, i) => (zeros.includes(i) ? 0 : 9));
    assert.deepEqual(environment.reset().observation.images, { remote: expected });
    environment.close();
    await assert.rejects(makeEnv(task, { imageSize: { front: 8 } }), {
      name: 'InputError',
      message: 'imageSize is given for the image "front", which is not observed: there is remote.',
    });
  });

  test('a success in any of the repeated steps crosses the wire, and a server may say nothing of it', async () => {
    const environment = await makeEnv(task, { observations: 'state', actionRepeat: 2 });
    environment.reset({ seed: 3 });
    const steps = [0.25, saysSuccess, saysSuccess].map(
      (reward) => environment.step(Float32Array.of(0, reward)).info,
    );
    assert.deepEqual(
      steps.map((info) => ('success' in info ? info.success : 'nothing')),
      ['nothing', true, true],
    );
    environment.reset();
    assert.equal(environment.step(Float32Array.of(0, saysSuccess)).info.success, false);
    environment.close();
  });

  test('a lost connection ends the episode without a lesson, and the next reset connects anew', () => {
    for (const wrong of ['drop', 'hang', 'huge'] as const) {
      const environment = open(wrong === 'hang' ? { answerMs: 3000 } : {});
      environment.reset({ seed: 1 });
      environment.step(Float32Array.of(0, 1));
      const broken = environment.step(Float32Array.of(mischief[wrong], mischievous));
      assert.equal(broken.truncated, true);
      assert.equal(broken.terminated, false);
      assert.equal(broken.reward, 0);
      assert.match(String(broken.info.invalid), /connection to 127\.0\.0\.1:\d+ was lost: /);
      assert.equal(environment.reset({ seed: 1 }).observation.state?.[1], 0);
      assert.equal(environment.step(Float32Array.of(0, 1)).reward, 1);
      environment.close();
    }
  });

  test('an environment that breaks off at every first step is given up', () => {
    const environment = open();
    const tries = () => {
      for (let i = 0; i < 5; i++) {
        environment.reset();
        environment.step(Float32Array.of(mischief.drop, mischievous));
      }
    };
    assert.throws(tries, /3 episodes in a row broke off at their first step/);
    environment.close();
  });

  test('a server that comes back is found again by a reset', async () => {
    const environment = open();
    environment.reset({ seed: 1 });
    server.postMessage(700);
    await once(server, 'message');
    assert.match(String(environment.step(Float32Array.of(0, 1)).info.invalid), /was lost/);
    environment.reset({ seed: 1 });
    assert.equal(environment.step(Float32Array.of(0, 1)).reward, 1);
    environment.close();
  });

  test('what is not finite ends the episode; what is not the protocol, or fails, is an error in a sentence', () => {
    const environment = open();
    const after = (first: number) => {
      environment.reset();
      return environment.step(Float32Array.of(first, mischievous));
    };
    assert.match(String(after(mischief.nan).info.invalid), /not finite/);
    assert.throws(() => after(mischief.nonsense), /does not speak the protocol: its answer is not msgpack/);
    assert.throws(() => after(mischief.fail), /says: the arm fell off/);
    assert.throws(() => after(mischief.short), /sent a state of another size/);
    environment.close();
  });

  test('a wrong token, an address that is none, and a machine elsewhere without a token are refused', async () => {
    process.env.RLPD_REMOTE_TOKEN = 'guess';
    await assert.rejects(makeEnv(task), { name: 'InputError', message: /the token is wrong/ });
    delete process.env.RLPD_REMOTE_TOKEN;
    await assert.rejects(makeEnv('remote:example.org:80'), {
      name: 'InputError',
      message: /not this machine/,
    });
    process.env.RLPD_REMOTE_TOKEN = token;
    await assert.rejects(makeEnv('remote:5555'), { name: 'InputError', message: /remote:HOST:PORT/ });
    await assert.rejects(makeEnv('remote:127.0.0.1:1'), { name: 'InputError', message: /nothing listens/ });
    await assert.rejects(makeEnv(task, { cameras: [0] }), {
      name: 'InputError',
      message: /shows no picture "0": expected one of remote/,
    });
  });

  test('a resumed run ends the episode that the server has forgotten, and learns from none of its gap', async (context) => {
    const folder = await temporaryFolder(context);
    await selectBackend({ backend: 'cpu' });
    const config = smallConfig({
      task,
      actionRepeat: 1,
      envFrames: 75,
      randomSteps: 40,
      checkpointInterval: 25,
      evaluationInterval: 75,
    });
    const run = join(folder, 'run');
    const stop = new AbortController();
    await train({
      run,
      config,
      signal: stop.signal,
      onProgress: ({ envFrames }) => {
        if (envFrames >= 45) stop.abort();
      },
    });
    await train({ run, resume: true });
    const replay = await openDataset(join(run, 'replay'));
    assert.equal(replay.manifest.task, 'Count-v0');
    for await (const episode of replay.episodes()) {
      const seeds = new Set(episode.state?.filter((_, i) => i % 2 === 0));
      const counts = episode.state?.filter((_, i) => i % 2 === 1);
      assert.equal(seeds.size, 1, 'an episode is of one piece');
      assert.deepEqual(
        counts,
        Float32Array.from({ length: episode.length + 1 }, (_, i) => i),
      );
    }
  });

  test('collecting records the same with 1 and 2 workers', async (context) => {
    const folder = await temporaryFolder(context);
    const episodes = [];
    for (const workers of [1, 2]) {
      const out = join(folder, String(workers));
      const behaviours = [undefined, undefined, undefined];
      const environment = { actionRepeat: 1, imageSize: 4 };
      await collect({
        task,
        folder: out,
        behaviours,
        mode: 'sample',
        environment,
        seed: 1,
        workers,
        details: {},
      });
      const dataset = await openDataset(out);
      episodes.push(await Promise.all([0, 1, 2].map((episode) => dataset.episode(episode))));
    }
    assert.deepEqual(episodes[1], episodes[0]);
  });
});

test("a policy acts in a server's environment whatever its task, and elsewhere in its own alone", async (context) => {
  const folder = await temporaryFolder(context);
  await selectBackend({ backend: 'cpu' });
  const config = smallConfig({ actionRepeat: 1 });
  const served = open();
  const agent = RlpdAgent.create({
    config: agentSettings(config),
    observationSpace: { ...served.observationSpace, images: [] },
    actionSize: 2,
    seed: 0,
  });
  served.close();
  const policy = { config, envFrames: 0, return: null, tensors: await agent.policyTensors(), name: 'policy' };
  agent.dispose();
  const record = (where: string) =>
    collect({
      task: where,
      folder: join(folder, 'data'),
      behaviours: [policy],
      mode: 'mean',
      environment: { imageSize: 4 },
      seed: 1,
      engine: { backend: 'cpu' },
      details: {},
    });
  await assert.rejects(record('walker-walk'), /trained on cartpole-swingup and cannot act in walker-walk/);
  const { episodes, steps } = await record(task);
  assert.deepEqual([episodes, steps], [1, 10]);
});

test('resizing takes the mean of what a pixel covers', () => {
  const frame = { width: 4, height: 2, channels: 1, data: Uint8Array.of(0, 10, 20, 30, 40, 50, 60, 70) };
  assert.deepEqual([...resize(frame, 2, 1).data], [25, 45]);
  assert.deepEqual([...resize(frame, 4, 2).data], [...frame.data]);
  // A pixel covers 1⅓ columns: ¾ and ¼ of the first two, half of each of the middle two, ¼ and ¾ of the last two.
  const row = { width: 4, height: 1, channels: 1, data: Uint8Array.of(0, 12, 24, 36) };
  assert.deepEqual([...resize(row, 3, 1).data], [3, 18, 33]);
});
