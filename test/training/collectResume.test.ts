import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockDataset } from '../../datasets/datasetLock.js';
import { readManifest } from '../../datasets/manifest.js';
import { verifyDataset } from '../../datasets/verify.js';
import { taskTemplate } from '../../scripts/taskTemplate.js';
import { type CollectOptions, collect } from '../../src/training/collect.js';
import { behaviours, type NamedPolicy } from '../../src/training/experts.js';
import { temporaryFolder } from './smallRun.js';

const child = fileURLToPath(new URL('./collectChild.js', import.meta.url));

/** Records 21 episodes in a process of its own, which kills itself after so many. */
function killedAfter(episodes: number, out: string): void {
  const { signal, stderr } = spawnSync(process.execPath, [child, out, String(episodes)]);
  assert.equal(signal, 'SIGKILL', stderr.toString());
}

const recording = (folder: string, changes: Partial<CollectOptions> = {}): CollectOptions => ({
  task: 'cartpole-swingup',
  folder,
  behaviours: new Array<undefined>(7).fill(undefined),
  mode: 'sample',
  environment: { actionRepeat: 50, imageSize: 8 },
  seed: 3,
  workers: 1,
  details: { level: 'random' },
  ...changes,
});

/** Every file of the folder, by name. */
async function contents(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = paths
    .sort()
    .map(async (path) => [path.slice(folder.length), await readFile(path, 'hex')] as const);
  return Object.fromEntries(await Promise.all(files));
}

test('a recording killed again and again keeps what was whole and ends in the same bytes', async (context) => {
  const folder = await temporaryFolder(context);
  const [killed, undisturbed] = [join(folder, 'killed'), join(folder, 'undisturbed')];
  const kept: number[] = [];
  for (const killAfter of [3, 6, 18]) {
    killedAfter(killAfter, killed);
    assert.deepEqual(
      (await verifyDataset(killed)).problems.filter(({ severity }) => severity === 'fault'),
      [],
    );
    kept.push((await readManifest(killed)).episodes);
  }
  // Each time all but the episodes of the shard in progress.
  assert.deepEqual(kept, [2, 4, 16]);
  const behaviours = new Array<undefined>(21).fill(undefined);
  for (const out of [killed, undisturbed]) await collect(recording(out, { behaviours }));
  assert.deepEqual(await contents(killed), await contents(undisturbed));
});

test('a recording that was stopped says so, holds all it played, and goes on by the same options to the same bytes', async (context) => {
  const folder = await temporaryFolder(context);
  const controller = new AbortController();
  const out = join(folder, 'stopped');
  const onEpisode = (done: number): void => {
    if (done === 3) controller.abort();
  };
  const stopped = await collect(recording(out, { signal: controller.signal, onEpisode }));
  assert.deepEqual([stopped.episodes, stopped.finished], [3, false]);
  const { episodes, finished } = await collect(recording(out));
  assert.deepEqual([episodes, finished], [7, true]);
  await collect(recording(join(folder, 'whole')));
  assert.deepEqual(await contents(out), await contents(join(folder, 'whole')));
  // Asked for once more, there is nothing to do.
  const again = await collect(recording(out, { onEpisode: () => assert.fail('an episode was played') }));
  assert.deepEqual([again.episodes, again.finished], [7, true]);
  assert.deepEqual(await contents(out), await contents(join(folder, 'whole')));
});

test('a policy or a module that was written again since is named, where its recording is asked for again', async (context) => {
  const folder = await temporaryFolder(context);
  const out = join(folder, 'data');
  const [policy] = (await behaviours('cartpole-swingup', 'expert', 1)) as [NamedPolicy];
  const acting = (tensors: NamedPolicy['tensors']) => ({
    behaviours: [{ ...policy, tensors }],
    environment: { actionRepeat: policy.config.actionRepeat, imageSize: 8 },
    engine: { backend: 'cpu', precision: 'float32', device: 'cpu' } as const,
  });
  await collect(recording(out, acting(policy.tensors)));
  const tensors = new Map(policy.tensors);
  const [[name, tensor] = ['', undefined]] = tensors;
  assert.ok(tensor !== undefined);
  tensors.set(name, { ...tensor, data: tensor.data.map((value) => value + 1) });
  await assert.rejects(collect(recording(out, acting(tensors))), {
    name: 'InputError',
    message:
      /not made by this command: other policies act than .*written again since\): choose another folder/,
  });

  const { module, model } = taskTemplate('lift', './lift.mjs');
  const task = join(folder, 'lift.mjs');
  await writeFile(join(folder, 'lift.xml'), model);
  await writeFile(task, module);
  const lifts = recording(join(folder, 'lifts'), { task, behaviours: [undefined] });
  await collect(lifts);
  assert.equal((await collect(lifts)).finished, true);
  await writeFile(task, module.replace('-distance()', '-2 * distance()'));
  await assert.rejects(collect(lifts), {
    message: /this command: the task's module has changed since: choose/,
  });
});

test('another recording into the same folder is refused, and so is a second process meanwhile', async (context) => {
  const out = join(await temporaryFolder(context), 'data');
  await collect(recording(out));
  const changes: Partial<CollectOptions>[] = [
    { seed: 4 },
    { behaviours: new Array<undefined>(8).fill(undefined) },
    { mode: 'mean' },
    { environment: { actionRepeat: 50, imageSize: 8, distraction: { level: 'easy' } } },
  ];
  const before = await contents(out);
  for (const change of changes)
    await assert.rejects(collect(recording(out, change)), {
      name: 'InputError',
      message: /already holds a dataset that was not made by this command/,
    });
  const lock = await lockDataset(out);
  await assert.rejects(collect(recording(out)), { message: /^The dataset .*data is in use by process \d+/ });
  await lock.release();
  assert.deepEqual(await contents(out), before);
});
