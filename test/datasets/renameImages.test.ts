import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { rlpd } from '../scripts/commandLine.js';
import { golden, temporaryFolder } from './samples.js';
import { actions, column, pictures, writeHdf5 } from './writtenSources.js';

test('images get the names that are given, by their own name or the key of the source, with their own pictures', async (t) => {
  const folder = temporaryFolder(t);
  const source = join(folder, 'two.hdf5');
  const demo = 'data/demo_0';
  await writeHdf5(source, {
    arrays: {
      [`${demo}/actions`]: actions(4),
      [`${demo}/rewards`]: column([0, 0, 0, 1]),
      [`${demo}/dones`]: column([0, 0, 0, 1]),
      [`${demo}/obs/high_image`]: pictures(5),
      [`${demo}/obs/low_image`]: pictures(5, 7),
    },
  });
  const convert = (out: string, ...flags: string[]) =>
    rlpd('convert', 'robomimic', source, '--out', join(folder, out), ...flags);
  assert.equal((await convert('plain')).status, 0);
  const plain = await openDataset(join(folder, 'plain'));
  const [first, second] = plain.manifest.images.map(({ name }) => name) as [string, string];
  const before = (await plain.episode(0)).images;
  assert.notDeepEqual(before[first], before[second]);
  // Each other's names are free once both are given away.
  for (const [out, names, expected] of [
    ['one', `${first}=front`, ['front', second]],
    ['key', 'low_image=wrist', [first, 'wrist']],
    ['swapped', `${first}=${second},${second}=${first}`, [second, first]],
  ] as const) {
    const { status, stderr } = await convert(out, '--rename-images', names);
    assert.equal(status, 0, stderr);
    const dataset = await openDataset(join(folder, out));
    assert.deepEqual(
      dataset.manifest.images.map(({ name }) => name),
      expected,
    );
    const { images } = await dataset.episode(0);
    assert.deepEqual([images[expected[0]], images[expected[1]]], [before[first], before[second]]);
    assert.deepEqual(dataset.manifest.provenance.details.cameras, {
      [expected[0]]: 'high_image',
      [expected[1]]: 'low_image',
    });
  }
  for (const [names, message] of [
    ['top=front', /names the image "top", which is not converted: there are /],
    [`${first}=${second}`, /two images would be called/],
    [`${first}=a/b`, /"a\/b" is no name for an image/],
    ['front', /Expected OLD=NEW/],
    [`${first}=a,${first}=b`, /Expected OLD=NEW, each old name once/],
  ] as const) {
    const { status, stderr } = await convert('wrong', '--rename-images', names);
    assert.equal(status, 2, stderr);
    assert.match(stderr, message);
  }
});

test('the one image of a format without names is renamed too, its packed pictures as they are', async (t) => {
  const folder = temporaryFolder(t);
  const source = join(golden, 'vd4rl', 'walker_walk');
  for (const [out, ...flags] of [['plain'], ['named', '--rename-images', 'side=front']])
    assert.equal(
      (await rlpd('convert', 'vd4rl', source, '--out', join(folder, out ?? ''), ...flags)).status,
      0,
    );
  const [plain, named] = await Promise.all(['plain', 'named'].map((out) => openDataset(join(folder, out))));
  assert.equal(named?.manifest.images[0]?.name, 'front');
  assert.equal(named?.manifest.codec, 'npy-deflate');
  assert.deepEqual((await named?.episode(0))?.images.front, (await plain?.episode(0))?.images.side);
  // The command goes on from where it was by the same names alone.
  const again = await rlpd('convert', 'vd4rl', source, '--out', join(folder, 'named'));
  assert.equal(again.status, 2);
  assert.match(readFileSync(join(folder, 'named', 'manifest.json'), 'utf8'), /"front"/);
});
