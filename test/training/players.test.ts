import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { verifyDataset } from '../../datasets/verify.js';
import { RlpdAgent } from '../../src/agent/agent.js';
import { selectBackend } from '../../src/backend/select.js';
import { type CollectOptions, collect } from '../../src/training/collect.js';
import { agentSettings } from '../../src/training/config.js';
import { environmentOptions } from '../../src/training/environmentOptions.js';
import { evaluateKept } from '../../src/training/evaluate.js';
import type { NamedPolicy } from '../../src/training/experts.js';
import { smallConfig, temporaryFolder } from './smallRun.js';

/** 50 agent steps an episode. */
const config = smallConfig({ actionRepeat: 20 });
const { task } = config;
const engine = { backend: 'cpu' } as const;
let policy: NamedPolicy;
/** The recording below, by one worker. */
let alone: string;

let clean = async (): Promise<void> => {};
after(() => clean());

before(async () => {
  await selectBackend(engine);
  const agent = RlpdAgent.create({
    config: agentSettings(config),
    observationSpace: {
      images: [],
      state: { shape: [5], low: -Infinity, high: Infinity, dtype: 'float32' },
    },
    actionSize: 1,
    seed: 3,
  });
  policy = { name: 'fresh', config, envFrames: 0, return: null, tensors: await agent.policyTensors() };
  agent.dispose();
  const atEnd = {
    after: (fn: () => Promise<void>): void => {
      clean = fn;
    },
  };
  alone = join(await temporaryFolder(atEnd), 'alone');
  const collected = await collect(recording(alone, { workers: 1 }));
  assert.equal(collected.episodes, 5);
});

const recording = (folder: string, changes: Partial<CollectOptions> = {}): CollectOptions => ({
  task,
  folder,
  behaviours: [policy, undefined, policy, undefined, policy],
  mode: 'sample',
  environment: { actionRepeat: config.actionRepeat, imageSize: 16 },
  seed: 5,
  engine,
  details: {},
  ...changes,
});

/** Every file of the folder, by name. */
async function contents(folder: string): Promise<Map<string, Buffer>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.sort().map(async (file) => [file.slice(folder.length), await readFile(file)] as const),
    ),
  );
}

describe('episodes in threads', () => {
  test('1, 2 and 3 workers record the same bytes', async (context) => {
    const folder = await temporaryFolder(context);
    const expected = await contents(alone);
    assert.ok(expected.size >= 2);
    for (const workers of [2, 3]) {
      const out = join(folder, String(workers));
      const collected = await collect(recording(out, { workers }));
      assert.equal(collected.episodes, 5);
      assert.deepEqual(await contents(out), expected);
    }
  });

  test('an episode does not depend on those before it', async (context) => {
    const folder = await temporaryFolder(context);
    await collect(recording(join(folder, 'b'), { workers: 1, behaviours: [undefined, undefined, policy] }));
    const [a, b] = [await openDataset(alone), await openDataset(join(folder, 'b'))];
    assert.deepEqual(await b.episode(2), await a.episode(2));
    assert.deepEqual(await b.episode(1), await a.episode(1));
    assert.notDeepEqual((await b.episode(0)).actions, (await a.episode(0)).actions);
    assert.notDeepEqual((await a.episode(4)).actions, (await a.episode(2)).actions);
  });

  test('a policy scores the same with 1, 2 and 3 workers, and only the first episode is filmed', async () => {
    const scores = [];
    for (const workers of [1, 2, 3]) {
      scores.push(
        await evaluateKept({
          task,
          environment: environmentOptions(config),
          behaviour: policy,
          engine,
          episodes: 4,
          workers,
          filmSize: 16,
        }),
      );
    }
    assert.equal(scores[0]?.film.length, 51);
    assert.equal(new Set(scores[0]?.evaluation.returns).size, 4);
    assert.deepEqual(scores[1], scores[0]);
    assert.deepEqual(scores[2], scores[0]);
  });

  test("a task's own expert is recorded, the same by any number of workers; without one, that is said", async (context) => {
    const folder = await temporaryFolder(context);
    const demonstrations = (name: string, changes: Partial<CollectOptions>) =>
      collect({
        task: 'arm-reach',
        folder: join(folder, name),
        behaviours: new Array<'demonstrator'>(3).fill('demonstrator'),
        environment: { imageSize: 8 },
        keepSuccesses: true,
        ...changes,
      });
    const { episodes, succeeded } = await demonstrations('one', { workers: 1 });
    assert.deepEqual([episodes, succeeded], [3, 3]);
    await demonstrations('two', { workers: 2 });
    const expected = await contents(join(folder, 'one'));
    assert.deepEqual(await contents(join(folder, 'two')), expected);
    // Without unsteadiness the actions are others, and so is the dataset.
    await demonstrations('steady', { workers: 1, mode: 'mean' });
    const [one, steady] = [await openDataset(join(folder, 'one')), await openDataset(join(folder, 'steady'))];
    assert.notDeepEqual((await steady.episode(0)).actions, (await one.episode(0)).actions);
    await assert.rejects(demonstrations('none', { task: 'cartpole-swingup' }), {
      name: 'InputError',
      message: /^cartpole-swingup has no scripted expert .*--policy FILE/,
    });
  });

  test('what goes wrong in a thread arrives as one sentence', async (context) => {
    const folder = await temporaryFolder(context);
    await assert.rejects(collect(recording(join(folder, 'a'), { environment: { cameras: ['roof'] } })), {
      name: 'InputError',
      message: /no camera "?roof/i,
    });
    const lame = policy && { ...policy, tensors: new Map() };
    await assert.rejects(collect(recording(join(folder, 'b'), { behaviours: [lame], workers: 2 })), {
      name: 'InputError',
      message: /lacks the tensor/,
    });
  });

  test('stopped on the way, the dataset is whole and holds the first episodes', async (context) => {
    const folder = await temporaryFolder(context);
    const controller = new AbortController();
    const out = join(folder, 'stopped');
    const stopped = await collect(
      recording(out, {
        workers: 3,
        signal: controller.signal,
        onEpisode: (done) => {
          if (done === 2) controller.abort();
        },
      }),
    );
    assert.equal(stopped.episodes, 2);
    assert.deepEqual((await verifyDataset(out)).problems, []);
    const [dataset, whole] = [await openDataset(out), await openDataset(alone)];
    assert.equal(dataset.manifest.complete, true);
    for (const episode of [0, 1])
      assert.deepEqual(await dataset.episode(episode), await whole.episode(episode));
  });
});
