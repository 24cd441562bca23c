/** What a program does with a trained policy, through what the package exports. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  behaviours,
  collect,
  compareRuns,
  environmentOptions,
  evaluate,
  evaluateKept,
  loadPolicy,
  makeEnv,
  openDataset,
  parseAgentConfig,
  RlpdAgent,
  readBehaviour,
  readComparedRun,
  readPolicy,
  selectBackend,
  train,
  writeChart,
  writePolicy,
} from '../../src/index.js';
import { smallConfig, temporaryFolder } from './smallRun.js';

/** A state policy that ships. */
const file = fileURLToPath(
  new URL('../../datasets/experts/cartpole-swingup/step-00100000.safetensors', import.meta.url),
);
const engine = { backend: 'cpu' } as const;

before(() => selectBackend(engine));

test('a policy that a program loads acts as rlpd evaluate has it act', async () => {
  const policy = await loadPolicy(file);
  const { task } = policy.config;
  // 100 agent steps an episode.
  const options = { ...policy.environmentOptions, actionRepeat: 10 };
  const environment = await makeEnv(task, options);
  const own: number[] = [];
  for (const seed of [4, 5]) {
    let { observation } = environment.reset({ seed });
    let [total, isOver] = [0, false];
    while (!isOver) {
      const step = environment.step(await policy.act(observation));
      total += step.reward;
      isOver = step.terminated || step.truncated;
      ({ observation } = step);
    }
    own.push(total);
  }
  const scored = await evaluateKept({
    task,
    environment: options,
    behaviour: await readBehaviour(file),
    engine,
    episodes: 2,
    workers: 1,
    seed: 4,
  });
  assert.deepEqual(scored?.evaluation.returns, own);
  const more = await evaluate({ environment, policy: (seen) => policy.act(seen), episodes: 1 });
  assert.equal(more?.returns.length, 1);
  environment.close();
  policy.dispose();
});

test('drawn actions follow from the seed, and differ from the mode', async () => {
  const policy = await loadPolicy(file, { seed: 3 });
  const environment = await makeEnv(policy.config.task, policy.environmentOptions);
  const { observation } = environment.reset({ seed: 0 });
  const drawn = [await policy.act(observation, 'sample'), await policy.act(observation, 'sample')];
  policy.seed(3);
  assert.deepEqual([await policy.act(observation, 'sample'), await policy.act(observation, 'sample')], drawn);
  assert.notDeepEqual(drawn[0], drawn[1]);
  const mode = await policy.act(observation);
  assert.deepEqual(await policy.act(observation, 'mean'), mode);
  assert.notDeepEqual(mode, drawn[0]);
  environment.close();
  policy.dispose();
});

test('a policy from pixels acts on what its own environment shows, made here or handed over', async (t) => {
  const path = join(await temporaryFolder(t), 'policy.safetensors');
  const config = smallConfig({ obs: 'pixels', imageSize: 36, frameStack: 2, encoder: 'rlpd-small' });
  const environment = await makeEnv(config.task, environmentOptions(config));
  const agent = RlpdAgent.create({
    config: parseAgentConfig({ ensembleSize: 2, hiddenWidth: 8, batchSize: 8, encoder: 'rlpd-small' }),
    observationSpace: environment.observationSpace,
    actionSize: environment.spec.actionSize,
    seed: 1,
  });
  const { observation } = environment.reset({ seed: 0 });
  const expected = await agent.act(observation, 'mean');
  await writePolicy(path, { config, envFrames: 0, return: null, tensors: await agent.policyTensors() });
  for (const options of [{}, { environment }]) {
    const policy = await loadPolicy(path, options);
    assert.deepEqual(await policy.act(observation), expected);
    await assert.rejects(policy.act({ images: { fixed: new Uint8Array(3) } }), /has 3 bytes/);
    policy.dispose();
  }
  // Made for the task, not handed over: a task that is not here is said, and what is handed over spares it.
  const elsewhere = join(await temporaryFolder(t), 'elsewhere.safetensors');
  await writePolicy(elsewhere, { ...(await readPolicy(path)), config: { ...config, task: 'my-robot' } });
  await assert.rejects(loadPolicy(elsewhere), { name: 'InputError', message: /my-robot/ });
  const policy = await loadPolicy(elsewhere, { environment });
  assert.deepEqual(await policy.act(observation), expected);
  environment.close();
});

test('a program trains, loads the run’s best policy, collects with it and draws the curve', async (t) => {
  const folder = await temporaryFolder(t);
  const run = join(folder, 'run');
  const config = smallConfig({ envFrames: 1200, evaluationInterval: 400 });
  await train({ run, config });
  const policy = await loadPolicy(run);
  const best = await readBehaviour(join(run, 'best.safetensors'));
  const collected = await collect({
    task: config.task,
    folder: join(folder, 'data'),
    behaviours: [best, ...(await behaviours(config.task, 'random', 1))],
    environment: { imageSize: 16 },
    workers: 1,
    engine,
  });
  const dataset = await openDataset(join(folder, 'data'));
  assert.deepEqual([collected.episodes, dataset.length], [2, 2]);
  assert.equal(dataset.manifest.provenance.details?.policies, `${best.name}, uniform`);
  const { charts } = compareRuns([await readComparedRun(run)], 'envFrames');
  const [chart] = charts;
  assert.ok(chart !== undefined);
  assert.equal(policy.return, chart.groups[0]?.best.value);
  await writeChart(join(folder, 'curve.svg'), chart.svg);
  assert.match(await readFile(join(folder, 'curve.svg'), 'utf8'), /^<svg.*cartpole-swingup/s);
});
