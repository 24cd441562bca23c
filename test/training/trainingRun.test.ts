import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { DatasetWriter } from '../../datasets/writer.js';
import type { StepResult } from '../../envs/environment.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { RlpdAgent } from '../../src/agent/agent.js';
import { selectBackend } from '../../src/backend/select.js';
import { Generator } from '../../src/random/generator.js';
import { ReplayBuffer } from '../../src/replay/replayBuffer.js';
import { SymmetricSampler } from '../../src/replay/symmetricSampler.js';
import { agentSettings, type RunSettings } from '../../src/training/config.js';
import { EnvironmentExperience, type TrainingEnvironment } from '../../src/training/environmentExperience.js';
import { environmentOptions, replayLayout } from '../../src/training/environmentOptions.js';
import { MetricsWriter } from '../../src/training/metrics.js';
import { createRun, readMetrics, runPaths } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { TrainingRun } from '../../src/training/trainingRun.js';
import { smallConfig, temporaryFolder } from './smallRun.js';

before(() => selectBackend({ backend: 'cpu' }));

/** The small run's environment with a hand on what a step returns; `step` counts over all episodes. */
async function environmentWith(
  change: (result: StepResult, step: number) => StepResult,
): Promise<TrainingEnvironment> {
  const inner = await makeEnv('cartpole-swingup', environmentOptions(smallConfig()));
  let steps = 0;
  return {
    spec: inner.spec,
    observationSpace: inner.observationSpace,
    actionSpace: inner.actionSpace,
    reset: async (options) => inner.reset(options),
    step: async (action) => change(inner.step(action), ++steps),
    render: async (options) => inner.render(options),
    saveState: async () => inner.saveState(),
    restoreState: async (state) => inner.restoreState(state),
    close: async () => inner.close(),
  };
}

async function assemble(
  folder: string,
  environment: TrainingEnvironment,
  envFrames: number,
  changes: Readonly<Partial<RunSettings>> = {},
) {
  const config = smallConfig({ envFrames, randomSteps: 1000, evaluationInterval: 100_000, ...changes });
  await createRun(folder, config);
  const layout = replayLayout(environment.observationSpace, environment.spec);
  const replay = new ReplayBuffer(layout, 300);
  const sampler = new SymmetricSampler({
    online: replay,
    offlineShare: 0,
    batchSize: 8,
    minibatches: 1,
    discount: 0.99,
    randomShiftPad: 0,
    generator: new Generator(1),
  });
  const agent = RlpdAgent.create({
    config: agentSettings(config),
    observationSpace: environment.observationSpace,
    actionSize: 1,
    seed: 0,
  });
  const run = new TrainingRun({
    folder,
    config,
    agent,
    experience: new EnvironmentExperience(environment),
    evaluationEnvironment: await environmentWith((result) => result),
    replay,
    sampler,
    interventions: undefined,
    recorder: undefined,
    films: undefined,
    metrics: await MetricsWriter.open(folder),
    exploration: new Generator(2),
    sampling: new Generator(3),
    data: { datasets: [], backgrounds: null },
    signal: new AbortController().signal,
    report: () => {},
  });
  return { run, replay, agent };
}

test('a step whose simulation went bad ends the episode, is logged, and never enters the replay', async (context) => {
  const folder = join(await temporaryFolder(context), 'run');
  const environment = await environmentWith((result, step) =>
    step === 11
      ? {
          observation: { images: {}, state: new Float32Array(5).fill(Number.NaN) },
          reward: Number.NaN,
          terminated: false,
          truncated: true,
          info: { ...result.info, invalid: 'NaN in QACC' },
        }
      : result,
  );
  const { run, replay } = await assemble(folder, environment, 20 * 8);
  await run.run();
  await run.close();
  assert.equal(run.counters.agentSteps, 20);
  // Ten transitions before the bad step, nine after it: 11 + 10 observations.
  assert.equal(replay.transitions, 19);
  assert.equal(replay.written, 21);
  const state = new Float32Array(5);
  for (let row = 0; row < replay.written; row++) {
    replay.copyState(row, state, 0);
    assert.ok(state.every(Number.isFinite) && Number.isFinite(replay.reward(row)));
  }
  const [{ seconds, ...line } = { seconds: undefined }] = (await readMetrics(folder)).filter(
    ({ kind }) => kind === 'invalidEpisode',
  );
  assert.ok(seconds !== undefined && seconds >= 0);
  assert.deepEqual(line, {
    kind: 'invalidEpisode',
    envFrames: 88,
    agentSteps: 11,
    updates: 0,
    episodes: 1,
    reason: 'NaN in QACC',
    length: 10,
  });
});

test('a termination ends the return and a time limit does not', async (context) => {
  const folder = join(await temporaryFolder(context), 'run');
  const environment = await environmentWith((result, step) =>
    step === 5 ? { ...result, terminated: true } : step === 9 ? { ...result, truncated: true } : result,
  );
  const { run, replay } = await assemble(folder, environment, 12 * 8);
  await run.run();
  await run.close();
  const starts = Array.from({ length: replay.written }, (_, row) => row).filter((row) =>
    replay.isTransition(row),
  );
  assert.deepEqual(
    starts.filter((row) => replay.terminated(row)),
    [4],
  );
  assert.equal(starts.length, 12);
});

test('a loss that is not finite stops the run with the quantity, the step and the last good checkpoint', async (context) => {
  const folder = await temporaryFolder(context);
  const data = join(folder, 'data');
  const writer = await DatasetWriter.create(data, {
    task: 'cartpole-swingup',
    actionRepeat: 8,
    controlTimestep: 0.01,
    renderer: null,
    actionSize: 1,
    stateSize: 5,
    provenance: { source: 'test', writer: 'test', writerVersion: '0', lossy: false },
  });
  // One reward of 3e38 squares to infinity once it is drawn.
  const rewards = new Float32Array(400);
  rewards[77] = 3e38;
  const episode = { id: 'e', length: 400, terminated: false, truncated: true, rewards };
  await writer.append({
    ...episode,
    images: {},
    state: new Float32Array(401 * 5).fill(0.1),
    actions: new Float32Array(400),
  });
  await writer.close();
  const run = join(folder, 'run');
  const config = smallConfig({
    dataset: [data],
    offlineMode: 'symmetric',
    pretrainUpdates: 5000,
    checkpointInterval: 160,
    evaluationInterval: 100_000,
  });
  await assert.rejects(train({ run, config }), {
    name: 'NonFiniteError',
    message: /criticLoss became (Infinity|NaN) at update \d+ .*last good checkpoint is .*step-\d+/,
  });
  assert.match(await readFile(runPaths(run).failure, 'utf8'), /criticLoss became .*\n$/);
});

test('why a run failed is no longer said once it goes on', async (context) => {
  const run = join(await temporaryFolder(context), 'run');
  const settings = { offlineMode: 'none', evaluationInterval: 100_000 } as const;
  await train({ run, config: smallConfig({ ...settings, envFrames: 8 }) });
  await writeFile(runPaths(run).failure, 'The disk was full.\n');
  await train({ run, resume: true, changes: { envFrames: 16 } });
  await assert.rejects(readFile(runPaths(run).failure), { code: 'ENOENT' });
});

/** Makes one number of one of the agent's tensors NaN. */
async function spoil(agent: RlpdAgent, name: string): Promise<void> {
  const tensors = await agent.tensors();
  const tensor = tensors.get(name);
  assert.ok(tensor !== undefined);
  tensor.data[0] = Number.NaN;
  agent.restore(tensors, agent.state());
}

test('weights that are no numbers are never written: the run stops before its checkpoint and its snapshot', async (context) => {
  for (const settings of [{}, { snapshots: true, evaluationInterval: 80 }]) {
    const folder = join(await temporaryFolder(context), 'run');
    const environment = await environmentWith((result) => result);
    const { run, agent } = await assemble(folder, environment, 20 * 8, settings);
    // Random steps alone: neither a loss nor an action tells.
    await spoil(
      agent,
      'snapshots' in settings ? 'actor/policy/hidden1/weight' : 'adam/critic/heads/output/bias/second',
    );
    await assert.rejects(run.run(), {
      name: 'NonFiniteError',
      message:
        /(the weights "adam\/critic.*are not finite|the policy's action became NaN) .*There is no checkpoint yet/,
    });
    await run.close();
    const written = await readdir(folder);
    assert.ok(!written.includes('checkpoints') && !written.includes('policies'), `${written}`);
  }
});

test('a policy whose action is no number stops the run before the simulation sees it', async (context) => {
  const folder = join(await temporaryFolder(context), 'run');
  const inner = await environmentWith((result) => result);
  let steps = 0;
  const environment: TrainingEnvironment = {
    ...inner,
    step: async (action) => {
      // The third is the last random one.
      if (++steps === 3) await spoil(agent, 'actor/policy/heads/bias');
      return inner.step(action);
    },
  };
  const { run, agent } = await assemble(folder, environment, 20 * 8, { randomSteps: 3 });
  await assert.rejects(run.run(), {
    name: 'NonFiniteError',
    message: /the policy's action became NaN at update 0 \(env frame 24, agent step 3\)/,
  });
  await run.close();
});

test('settings that do not fit each other leave no run behind', async (context) => {
  const run = join(await temporaryFolder(context), 'small');
  const config = smallConfig({ obs: 'pixels', imageSize: 16 });
  await assert.rejects(train({ run, config }), { name: 'InputError', message: /16×16 pixels is too small/ });
  await assert.rejects(readdir(run), { code: 'ENOENT' });
});

test('metrics that are shorter than at the checkpoint are refused, not filled up with zeros', async (context) => {
  const folder = await temporaryFolder(context);
  const metrics = await MetricsWriter.open(folder);
  await metrics.write({
    kind: 'episode',
    envFrames: 8,
    agentSteps: 1,
    updates: 0,
    episodes: 1,
    return: 0,
    length: 1,
  });
  const { position } = metrics;
  await metrics.close();
  await (await MetricsWriter.open(folder, position)).close();
  await assert.rejects(MetricsWriter.open(folder, { ...position, jsonl: position.jsonl + 1 }), {
    name: 'InputError',
    message: /metrics\.jsonl has \d+ bytes and the run's checkpoint was made at \d+/,
  });
});
