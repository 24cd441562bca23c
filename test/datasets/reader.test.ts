import assert from 'node:assert/strict';
import { readFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { InputError } from '../../src/errors.js';
import {
  rejection,
  sampleEpisode,
  sampleHeader,
  sideImage,
  temporaryFolder,
  withPlainBytes,
  wristImage,
} from './samples.js';

async function sampleDataset(folder: string, episodes: number): Promise<void> {
  const writer = await DatasetWriter.create(folder, sampleHeader(), { shardBytes: 4000 });
  for (let i = 0; i < episodes; i++) await writer.append(sampleEpisode(i));
  await writer.close();
}

test('episodes are read by number, in any order, with or without their images', async (t) => {
  const folder = temporaryFolder(t);
  await sampleDataset(folder, 6);
  const dataset = await openDataset(folder);
  const ids: string[] = [];
  for await (const episode of dataset.episodes({ indices: [5, 0, 3], images: false })) {
    assert.deepEqual(episode.images, {});
    ids.push(episode.id);
  }
  assert.deepEqual(ids, ['episode-5', 'episode-0', 'episode-3']);
  assert.deepEqual(withPlainBytes(await dataset.episode(4)), sampleEpisode(4));
  assert.match((await rejection(dataset.episode(6))).message, /has 6 episodes; there is no episode 6/);
});

test('of several images those are read that are asked for by name', async (t) => {
  const folder = temporaryFolder(t);
  const images = [sideImage, wristImage];
  const writer = await DatasetWriter.create(folder, sampleHeader({ images }));
  const episode = sampleEpisode(0, 5, images);
  await writer.append(episode);
  await writer.close();
  const dataset = await openDataset(folder);
  const { side, wrist } = episode.images;
  for (const [wanted, expected] of [
    [undefined, { side, wrist }],
    [true, { side, wrist }],
    [['wrist'], { wrist }],
    [['wrist', 'side'], { side, wrist }],
    [['nose'], {}],
    [[], {}],
    [false, {}],
  ] as const) {
    const read = await dataset.episode(0, wanted === undefined ? {} : { images: wanted });
    assert.deepEqual(withPlainBytes(read), { ...episode, images: expected }, String(wanted));
  }
});

test('an image that is damaged within a sound record is named, and the others can be read', async (t) => {
  const folder = temporaryFolder(t);
  const images = [sideImage, wristImage];
  const writer = await DatasetWriter.create(folder, sampleHeader({ images, codec: 'png' }));
  const episode = sampleEpisode(0, 5, images);
  await writer.append(episode, { codec: 'png', images: { wrist: Buffer.from('no picture at all') } });
  await writer.close();
  const dataset = await openDataset(folder);
  const error = await rejection(dataset.episode(0));
  assert.ok(error instanceof InputError);
  assert.match(error.message, /its image "wrist" cannot be decoded/);
  const { side } = withPlainBytes(await dataset.episode(0, { images: ['side'] })).images;
  assert.deepEqual(side, episode.images.side);
});

test('any flipped byte of a shard is found, and the sentence names shard and episode', async (t) => {
  const folder = temporaryFolder(t);
  await sampleDataset(folder, 2);
  const dataset = await openDataset(folder);
  const path = join(folder, 'shards', '00000.msgpack');
  const good = readFileSync(path);
  const second = dataset.entry(1).offset;
  assert.ok(second > 0);
  for (let at = second; at < good.length; at += 7) {
    const damaged = Buffer.from(good);
    damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
    writeFileSync(path, damaged);
    const error = await rejection(dataset.episode(1));
    assert.ok(error instanceof InputError);
    assert.match(error.message, /episode 1 \("episode-1"\) in shard 00000\.msgpack cannot be used: it/);
    await dataset.episode(0);
  }
});

test('a truncated or missing shard is a sentence, whatever its length', async (t) => {
  const folder = temporaryFolder(t);
  await sampleDataset(folder, 1);
  const dataset = await openDataset(folder);
  const path = join(folder, 'shards', '00000.msgpack');
  for (let size = readFileSync(path).length - 1; size >= 0; size -= 100) {
    truncateSync(path, size);
    const error = await rejection(dataset.episode(0));
    assert.ok(error instanceof InputError);
    assert.match(error.message, new RegExp(`the shard is truncated: it has ${size} bytes`));
  }
  unlinkSync(path);
  assert.match((await rejection(dataset.episode(0))).message, /the shard is missing/);
});

test('reading ahead is bounded, and leaving early leaves nothing behind', async (t) => {
  const folder = temporaryFolder(t);
  await sampleDataset(folder, 12);
  const dataset = await openDataset(folder);
  const asked: number[] = [];
  function* indices(): Generator<number> {
    for (let i = 0; i < 12; i++) {
      asked.push(i);
      yield i;
    }
  }
  for await (const episode of dataset.episodes({ indices: indices(), readAhead: 2 })) {
    if (episode.id === 'episode-4') break;
  }
  assert.deepEqual(asked, [0, 1, 2, 3, 4, 5, 6]);
});
