/** A whole run of IBRL: cloning, steps of the cloned policy, learning; stopped in each and resumed. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { collect } from '../../src/training/collect.js';
import { environmentOptions } from '../../src/training/environmentOptions.js';
import { evaluate } from '../../src/training/evaluate.js';
import { policyAgent, readPolicy, readRunPolicy } from '../../src/training/policyFile.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import type { Progress } from '../../src/training/trainingRun.js';
import { metricsText, smallConfig, smallSettings, temporaryFolder } from './smallRun.js';

const { actionRepeat } = smallSettings;
const warmUpSteps = 30;
let folder: string;

const config = () =>
  smallConfig({
    algorithm: 'ibrl',
    offlineMode: 'symmetric',
    dataset: [join(folder, 'data')],
    pretrainUpdates: 40,
    randomSteps: warmUpSteps,
    envFrames: 140 * actionRepeat,
    actorDropout: 0.5,
    targetSubset: 2,
    proposalInverseTemperature: 5,
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
  await collect({
    task: 'cartpole-swingup',
    folder: join(folder, 'data'),
    behaviours: [undefined],
    mode: 'sample',
    environment: { actionRepeat, imageSize: 8 },
    seed: 1,
    workers: 1,
    details: {},
  });
  await train({ run: join(folder, 'whole'), config: config() });
});

test('a run stopped while it clones, warms up and learns equals one that never was, bit for bit', async () => {
  const run = join(folder, 'stopped');
  const stops: ((progress: Progress) => boolean)[] = [
    ({ updates }) => updates >= 17,
    ({ agentSteps }) => agentSteps >= 12,
    ({ agentSteps }) => agentSteps >= 101,
  ];
  for (const [i, reached] of stops.entries()) {
    const controller = new AbortController();
    const { finished } = await train({
      run,
      ...(i === 0 ? { config: config() } : { resume: true }),
      signal: controller.signal,
      onProgress: (progress) => {
        if (reached(progress)) controller.abort();
      },
    });
    assert.equal(finished, false);
  }
  await train({ run, resume: true });
  const traces = async (of: string) => {
    const latest = (await readFile(join(of, 'checkpoints/latest'), 'utf8')).trim();
    return Promise.all(
      ['agent', 'episode'].map((file) => readFile(join(of, `checkpoints/${latest}/${file}.safetensors`))),
    );
  };
  assert.deepEqual(await traces(run), await traces(join(folder, 'whole')));
  assert.equal(await metricsText(run), await metricsText(join(folder, 'whole')));
});

test('its first steps are the cloned policy’s, which learning leaves alone', async () => {
  const run = join(folder, 'whole');
  const environment = await EnvironmentWorker.create('cartpole-swingup', environmentOptions(config()));
  const agent = policyAgent(await readRunPolicy(run), environment, 0);
  const { actions, state, length } = await (await openDataset(join(run, 'replay'))).episode(0);
  assert.ok(state !== undefined && length > warmUpSteps);
  const size = state.length / (length + 1);
  const isCloned: boolean[] = [];
  for (let step = 0; step < length; step++) {
    const observed = Float32Array.from(state.subarray(step * size, (step + 1) * size));
    isCloned.push((await agent.warmUp({ images: {}, state: observed }))?.[0] === actions[step]);
  }
  assert.ok(isCloned.slice(0, warmUpSteps).every((cloned) => cloned));
  assert.ok(!isCloned.slice(warmUpSteps).every((cloned) => cloned));
  agent.dispose();
  await environment.close();
});

test('a policy file earns exactly what the run’s own evaluation of it did', async () => {
  const run = join(folder, 'whole');
  const policy = await readPolicy(join(run, 'best.safetensors'));
  const environment = await EnvironmentWorker.create('cartpole-swingup', environmentOptions(config()));
  const agent = policyAgent(policy, environment, 0);
  const evaluation = await evaluate({
    environment,
    policy: (observation) => agent.act(observation, 'mean'),
    episodes: 1,
  });
  assert.equal(evaluation?.mean, policy.return);
  agent.dispose();
  await environment.close();
});

test('it reports the cloning loss before the first step and the share of cloned actions after', async () => {
  const lines = (await readMetrics(join(folder, 'whole'))).filter(({ kind }) => kind === 'train');
  for (const line of lines) {
    assert.equal('cloningLoss' in line, line.agentSteps === 0);
    assert.equal('imitationShare' in line, line.agentSteps > 0);
  }
  assert.deepEqual(new Set(lines.map(({ agentSteps }) => agentSteps === 0)), new Set([true, false]));
});
