import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { selectBackend } from '../../src/backend/select.js';
import { collect } from '../../src/training/collect.js';
import { environmentOptions } from '../../src/training/environmentOptions.js';
import { evaluate } from '../../src/training/evaluate.js';
import { type PolicyFile, policyAgent, readPolicy, readRunPolicy } from '../../src/training/policyFile.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { metricsText, smallConfig, temporaryFolder } from './smallRun.js';

// 25 agent steps an episode, images as small as the encoder takes them.
const actionRepeat = 40;
const imageSize = 32;

let folder: string;

const config = () =>
  smallConfig({
    obs: 'pixels',
    offlineMode: 'symmetric',
    dataset: [`${join(folder, 'data')}:0.7`, `${join(folder, 'more:data')}:0.3`],
    backend: 'wasm',
    actionRepeat,
    imageSize,
    envFrames: 60 * actionRepeat,
    randomSteps: 45,
    replayCapacity: 52,
    evaluationInterval: 55 * actionRepeat,
    checkpointInterval: 20 * actionRepeat,
    trunkWidth: 8,
    snapshots: true,
  });

let clean = async (): Promise<void> => {};
const atEnd = {
  after: (fn: () => Promise<void>): void => {
    clean = fn;
  },
};
after(() => clean());

before(async () => {
  folder = await temporaryFolder(atEnd);
  await selectBackend({ backend: 'wasm' });
  for (const [seed, name] of [
    [1, 'data'],
    [2, 'more:data'],
  ] as const)
    await collect({
      task: 'cartpole-swingup',
      folder: join(folder, name),
      behaviours: [undefined, undefined],
      mode: 'sample',
      environment: { actionRepeat, imageSize },
      seed,
      workers: 1,
      details: { level: 'random' },
    });
  await train({ run: join(folder, 'whole'), config: config() });
});

async function score(policy: PolicyFile): Promise<readonly number[] | undefined> {
  const environment = await EnvironmentWorker.create(policy.config.task, environmentOptions(policy.config));
  const agent = policyAgent(policy, environment, 0);
  const evaluation = await evaluate({
    environment,
    policy: (observation) => agent.act(observation, 'mean'),
    episodes: policy.config.evaluationEpisodes,
  });
  agent.dispose();
  await environment.close();
  return evaluation?.returns;
}

test('collected episodes hold pixels and state of every observation, and differ from one another', async () => {
  const dataset = await openDataset(join(folder, 'data'));
  assert.deepEqual(
    [dataset.manifest.episodes, dataset.manifest.steps, dataset.manifest.images[0]?.height],
    [2, 50, imageSize],
  );
  const [a, b] = [await dataset.episode(0), await dataset.episode(1)];
  assert.equal(Object.values(a.images)[0]?.length, 26 * imageSize * imageSize * 3);
  assert.equal(a.state?.length, 26 * 5);
  assert.notDeepEqual(a.actions, b.actions);
  assert.notDeepEqual(a.state, b.state);
});

test('from pixels and with weighted prior data too, stopping, resuming and a budget of memory change nothing', async () => {
  const run = join(folder, 'stopped');
  for (const stop of [30, 50]) {
    const controller = new AbortController();
    await train({
      run,
      // 104 images of 3 kB: all in memory, then about a third, then none but a batch's.
      ...(stop === 30 ? { config: config() } : { resume: true, changes: { datasetMemory: '200KB' } }),
      signal: controller.signal,
      onProgress: ({ agentSteps }) => {
        if (agentSteps >= stop) controller.abort();
      },
    });
  }
  const notes: string[] = [];
  await train({
    run,
    resume: true,
    changes: { datasetMemory: '104KB' },
    onNote: (line) => notes.push(line),
  });
  assert.match(notes.join('\n'), /images in a file of the run's folder/);
  assert.ok((await readdir(run)).every((name) => !name.includes('scratch')));
  assert.equal(await metricsText(run), await metricsText(join(folder, 'whole')));
  const weights = 'checkpoints/step-00002400/agent.safetensors';
  assert.deepEqual(await readFile(join(run, weights)), await readFile(join(folder, 'whole', weights)));
});

test('a policy loaded from the run or from a snapshot earns exactly what the run’s own evaluation did', async () => {
  const run = join(folder, 'whole');
  const evaluations = (await readMetrics(run)).flatMap((line) => (line.kind === 'evaluation' ? [line] : []));
  assert.equal(evaluations.length, 3);
  const [untrained, middle, last] = evaluations;
  assert.equal(untrained?.updates, 0);
  assert.deepEqual(await score(await readRunPolicy(run)), last?.returns);
  const snapshot = await readPolicy(join(run, 'policies/step-00002200.safetensors'));
  assert.equal(snapshot.return, middle?.mean);
  assert.equal(snapshot.envFrames, 2200);
  assert.deepEqual(await score(snapshot), middle?.returns);
  assert.ok([...snapshot.tensors.keys()].every((name) => !name.startsWith('adam/')));
});

test('every evaluation’s first episode is kept as it was scored, and a run without them computes the same', async () => {
  const run = join(folder, 'whole');
  const evaluations = (await readMetrics(run)).flatMap((line) => (line.kind === 'evaluation' ? [line] : []));
  const films = await openDataset(join(run, 'films'));
  const entries = Array.from({ length: films.length }, (_, i) => films.entry(i));
  assert.deepEqual(
    entries.map(({ id }) => id),
    evaluations.map(({ envFrames }) => `step-${String(envFrames).padStart(8, '0')}`),
  );
  // Rewards are kept in float32.
  for (const [i, { returns }] of evaluations.entries())
    assert.ok(Math.abs((entries[i]?.return ?? 0) - (returns[0] as number)) < 1e-4);
  const { images, length } = await films.episode(2);
  assert.equal(Object.values(images)[0]?.length, (length + 1) * imageSize * imageSize * 3);
  const without = join(folder, 'without films');
  await train({ run: without, config: { ...config(), films: false } });
  assert.equal(await metricsText(without), await metricsText(run));
  assert.ok(!(await readdir(without)).includes('films'));
});

test('the policy of the best evaluation is kept, over an interruption too, and replaced by a better one alone', async () => {
  const run = join(folder, 'best');
  // Whoever evaluates often sees policies that are worse again.
  const settings = { evaluationInterval: 5 * actionRepeat, envFrames: 90 * actionRepeat, snapshots: false };
  const controller = new AbortController();
  await train({
    run,
    config: resolveConfig({ flags: { ...config(), ...settings } }),
    signal: controller.signal,
    onProgress: ({ agentSteps }) => {
      if (agentSteps >= 70) controller.abort();
    },
  });
  const before = await readPolicy(join(run, 'best.safetensors'));
  await train({ run, resume: true });
  const evaluations = (await readMetrics(run)).flatMap((line) => (line.kind === 'evaluation' ? [line] : []));
  const best = Math.max(...evaluations.map(({ mean }) => mean));
  assert.notEqual(evaluations.at(-1)?.mean, best, 'the last is the best: this shows nothing');
  const kept = await readPolicy(join(run, 'best.safetensors'));
  assert.equal(kept.return, best);
  assert.ok((before.return ?? Number.NaN) <= best);
  const from = evaluations.find(({ mean }) => mean === best);
  assert.equal(kept.envFrames, from?.envFrames);
  assert.deepEqual(await score(kept), from?.returns);
});

test('a policy cannot be recorded at another action repeat or image size than its own', async () => {
  const policy = { ...(await readRunPolicy(join(folder, 'whole'))), name: 'p' };
  for (const environment of [{ actionRepeat: 2 }, { imageSize: 64 }])
    await assert.rejects(
      collect({
        task: 'cartpole-swingup',
        folder: join(folder, 'other'),
        behaviours: [policy],
        mode: 'sample',
        environment,
        seed: 0,
        details: {},
      }),
      { name: 'InputError', message: /cannot be recorded at/ },
    );
});
