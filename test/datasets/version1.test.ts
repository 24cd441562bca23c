import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openReplay } from '../../datasets/converters/replay.js';
import { lockDataset } from '../../datasets/datasetLock.js';
import { describeDataset } from '../../datasets/describe.js';
import { readManifest } from '../../datasets/manifest.js';
import { openDataset } from '../../datasets/reader.js';
import { upgradeDataset } from '../../datasets/upgrade.js';
import { verifyDataset } from '../../datasets/verify.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { InputError } from '../../src/errors.js';
import {
  convertAll,
  rejection,
  sampleEpisode,
  sideImage,
  temporaryFolder,
  withPlainBytes,
} from './samples.js';
import { writeVersion1 } from './version1.js';

const episodes = [sampleEpisode(0, 3), sampleEpisode(1, 7)];

test('a dataset of version 1 is read as it was written, its image by the name of its camera', async (t) => {
  const folder = temporaryFolder(t);
  await writeVersion1(folder, episodes);
  assert.deepEqual(await verifyDataset(folder), { ok: true, problems: [] });
  const dataset = await openDataset(folder);
  assert.deepEqual(dataset.manifest.images, [sideImage]);
  const { actionBox, actionNames, stateUnits } = dataset.manifest;
  assert.deepEqual([actionBox, actionNames, stateUnits], [null, null, null]);
  const found = [];
  for await (const episode of dataset.episodes()) found.push(withPlainBytes(episode));
  assert.deepEqual(
    found,
    episodes.map((episode) => ({ ...episode, source: { file: 'old.npz', rows: [0, episode.length + 1] } })),
  );
  assert.deepEqual((await dataset.episode(1, { images: false })).images, {});
  const { images, level, steps } = await describeDataset(folder);
  assert.deepEqual([images, level, steps], [[sideImage], 'medium', 10]);
});

test('an image of version 1 without a camera has a name all the same', async (t) => {
  for (const camera of [null, '']) {
    const folder = temporaryFolder(t);
    await writeVersion1(folder, episodes, { camera });
    const dataset = await openDataset(folder);
    assert.deepEqual(dataset.manifest.images, [{ ...sideImage, name: 'image' }]);
    const { images } = withPlainBytes(await dataset.episode(0));
    assert.deepEqual(images, { image: episodes[0]?.images.side });
  }
});

test('a dataset of version 1 without images has none', async (t) => {
  const folder = temporaryFolder(t);
  const bare = { ...sampleEpisode(0), images: {} };
  await writeVersion1(folder, [bare], { imageHeight: 0, imageWidth: 0, imageChannels: 0, camera: null });
  const dataset = await openDataset(folder);
  assert.deepEqual(dataset.manifest.images, []);
  assert.deepEqual((await dataset.episode(0)).images, {});
});

test('a manifest of version 1 is checked as any other', async (t) => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ imageHeight: 0 }, /images\.0\.height/],
    [{ imageWidth: 0 }, /images\.0\.width/],
    [{ imageWidth: -7 }, /manifest\.json is not a valid manifest/],
    [{ colour: 'red' }, /colour/],
    [{ stateSize: 5 }, /state has 16 elements, expected 20/],
  ];
  for (const [changes, message] of cases) {
    const folder = temporaryFolder(t);
    await writeVersion1(folder, episodes, changes);
    const error = await rejection(openDataset(folder).then((dataset) => dataset.episode(0)));
    assert.ok(error instanceof InputError, error.stack);
    assert.match(error.message, message);
  }
});

test('nothing is added to a dataset of version 1, and its manifest stays as it is', async (t) => {
  const folder = temporaryFolder(t);
  await writeVersion1(folder, episodes);
  const path = join(folder, 'manifest.json');
  const before = readFileSync(path, 'utf8');
  const error = await rejection(DatasetWriter.open(folder));
  assert.ok(error instanceof InputError);
  assert.match(error.message, /is of format version 1 and cannot be added to: rewrite it with "rlpd dataset/);
  assert.equal(readFileSync(path, 'utf8'), before);
});

test('converting a dataset of version 1 makes one of today without a changed byte', async (t) => {
  const folder = temporaryFolder(t);
  await writeVersion1(folder, episodes);
  const { out, episodes: found } = await convertAll(t, await openReplay(folder, {}));
  const manifest = await readManifest(out);
  assert.deepEqual([manifest.version, manifest.images], [2, [sideImage]]);
  assert.deepEqual(
    found.map((episode) => withPlainBytes({ ...episode, source: { file: '', rows: [0, 0] } })),
    episodes.map((episode) => ({ ...episode, source: { file: '', rows: [0, 0] } })),
  );
});

test('an upgraded dataset holds the same episodes in the present format', async (t) => {
  const folder = temporaryFolder(t);
  await writeVersion1(join(folder, 'old'), episodes);
  const upgrade = await upgradeDataset(join(folder, 'old'), join(folder, 'new'));
  assert.deepEqual([upgrade.from, upgrade.to, upgrade.episodes], [1, 2, episodes.length]);
  const dataset = await openDataset(join(folder, 'new'));
  assert.deepEqual([dataset.manifest.version, dataset.manifest.complete], [2, true]);
  for (const [i, episode] of episodes.entries())
    assert.deepEqual(
      { ...withPlainBytes(await dataset.episode(i)), source: undefined },
      { ...episode, source: undefined },
    );
  // What is there already is not written over.
  const error = await rejection(upgradeDataset(join(folder, 'old'), join(folder, 'new')));
  assert.ok(error instanceof InputError);
});

test('the path of a camera of version 1 becomes a name', async (t) => {
  const folder = temporaryFolder(t);
  await writeVersion1(folder, episodes, { camera: 'pixels/front' });
  const { manifest } = await openDataset(folder);
  assert.deepEqual(manifest.images, [{ ...sideImage, name: 'front' }]);
});

test('what is incomplete stays so when it is upgraded, and one process at a time writes it', async (t) => {
  const folder = temporaryFolder(t);
  const [old, out] = [join(folder, 'old'), join(folder, 'new')];
  await writeVersion1(old, episodes, { complete: false });
  const lock = await lockDataset(out);
  assert.match((await rejection(upgradeDataset(old, out))).message, /new is in use by process/);
  await lock.release();
  await upgradeDataset(old, out);
  const { complete, episodes: count } = await readManifest(out);
  assert.deepEqual([complete, count], [false, episodes.length]);
});
