import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { convert } from '../../datasets/converters/conversion.js';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';
import type { Episode } from '../../datasets/episode.js';
import { verifyDataset } from '../../datasets/verify.js';
import { InputError } from '../../src/errors.js';
import { assertEncodedRows, convertAll, golden, onlyImage, rejection, temporaryFolder } from './samples.js';

const source = join(golden, 'vd4rl-hdf5');

test('84 px shards are cut into episodes, also where a shard begins inside one, and CHW becomes HWC', async (t) => {
  const { out, report, episodes } = await convertAll(t, await openVd4rl(source, { task: 'cheetah-run' }));
  assert.deepEqual(
    episodes.map((e) => [e.id, e.length, e.terminated, e.truncated, e.source?.rows]),
    [
      ['shard_0_20#0', 5, false, true, [0, 6]],
      ['shard_0_20#1', 4, false, true, [6, 11]],
      ['shard_0_20#2', 2, false, false, [11, 14]],
      ['shard_1_20#0', 3, false, true, [0, 4]],
      ['shard_1_20#1', 3, true, false, [4, 8]],
    ],
  );
  const firstRows = [0, 6, 11, 14, 18];
  for (const [i, episode] of episodes.entries()) assertEncodedRows(episode, firstRows[i], 32);
  // The rest of the picture is a ramp in HWC order.
  const pixels = onlyImage(episodes[0] as Episode);
  for (let i = 3; i < 192; i++) assert.equal(pixels[i], i);
  assert.deepEqual(
    report.problems.map((p) => [p.episode, p.kind, p.action]),
    [
      ['shard_0_20#2', 'no-end', 'kept'],
      ['shard_1_20#0', 'begins-inside', 'kept'],
    ],
  );
  assert.equal((await verifyDataset(out)).ok, true);
});

test('a damaged HDF5 file is a sentence', async (t) => {
  const folder = temporaryFolder(t);
  const good = readFileSync(join(source, 'shard_0_20.hdf5'));
  writeFileSync(join(folder, 'a.hdf5'), good.subarray(0, good.length >> 1));
  const error = await rejection(openVd4rl(folder, { task: 'cheetah-run' }));
  assert.ok(error instanceof InputError, error.stack);
  assert.match(error.message, /a\.hdf5 cannot be read/);
});

test('files of both sizes in one folder are not mixed', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'both'));
  copyFileSync(join(source, 'shard_0_20.hdf5'), join(folder, 'both', 'a.hdf5'));
  copyFileSync(join(golden, 'vd4rl/old/episode-6.npz'), join(folder, 'both', 'b.npz'));
  const error = await rejection(openVd4rl(join(folder, 'both'), { task: 'cheetah-run' }));
  assert.match(error.message, /64px and 84px folders one by one/);
});

test('--image-size resizes, and the dataset says so', async (t) => {
  const opened = await openVd4rl(source, { task: 'cheetah-run', pictures: { imageSize: 4 } });
  const report = await convert(opened, {
    out: join(temporaryFolder(t), 'out'),
    onProblem: 'fix',
    dryRun: false,
    command: {},
  });
  await opened.close();
  assert.equal(opened.remarks.lossy, true);
  assert.deepEqual(
    report.problems.map((p) => p.action),
    ['fixed', 'kept'],
  );
});
