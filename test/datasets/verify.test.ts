import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Episode } from '../../datasets/episode.js';
import { type Manifest, readManifest, withShards, writeManifest } from '../../datasets/manifest.js';
import { packRecord } from '../../datasets/record.js';
import { verifyDataset } from '../../datasets/verify.js';
import { DatasetWriter } from '../../datasets/writer.js';
import {
  onlyImage,
  rejection,
  sampleEpisode,
  sampleHeader,
  sideImage,
  temporaryFolder,
  wristImage,
} from './samples.js';

/** Three episodes in three shards. */
async function sampleDataset(t: TestContext): Promise<string> {
  const folder = temporaryFolder(t);
  const writer = await DatasetWriter.create(folder, sampleHeader(), { shardBytes: 1 });
  for (let i = 0; i < 3; i++) await writer.append(sampleEpisode(i));
  await writer.close();
  return folder;
}

/** A dataset of one episode that the writer would have refused, as a careless program might write it. */
async function careless(t: TestContext, episode: Episode): Promise<string> {
  const folder = await sampleDataset(t);
  const manifest = await readManifest(folder);
  const record = Buffer.concat(await packRecord(episode, manifest));
  writeFileSync(join(folder, 'shards', '00000.msgpack'), record);
  const [first, ...rest] = manifest.shards;
  assert.ok(first?.index[0]);
  const total = episode.rewards.reduce((sum, reward) => sum + reward, 0);
  const entry = {
    ...first,
    bytes: record.length,
    sha256: createHash('sha256').update(record).digest('hex'),
    index: [{ ...first.index[0], return: Number.isFinite(total) ? total : 0 }],
  };
  await writeManifest(folder, withShards(manifest, [entry, ...rest]));
  return folder;
}

async function change(folder: string, edit: (manifest: Manifest) => Manifest): Promise<void> {
  await writeManifest(folder, edit(await readManifest(folder)));
}

async function kinds(folder: string): Promise<string[]> {
  const { ok, problems } = await verifyDataset(folder);
  assert.equal(ok, !problems.some((problem) => problem.severity === 'fault'));
  return problems.map((problem) => `${problem.shard} ${problem.episode} ${problem.kind}`);
}

test('a sound dataset has no problems', async (t) => {
  assert.deepEqual(await verifyDataset(await sampleDataset(t)), { ok: true, problems: [] });
});

test('a truncated, missing, grown or changed shard is named, and the others are checked all the same', async (t) => {
  const folder = await sampleDataset(t);
  const path = (shard: number): string => join(folder, 'shards', `0000${shard}.msgpack`);
  const [one, two] = [readFileSync(path(1)), readFileSync(path(2))];
  truncateSync(path(0), 100);
  rmSync(path(1));
  two[60] = (two[60] as number) ^ 4;
  writeFileSync(path(2), two);
  assert.deepEqual(await kinds(folder), [
    '00000.msgpack null truncated-shard',
    '00001.msgpack null missing-shard',
    '00002.msgpack null hash',
    '00000.msgpack episode-0 record',
    '00001.msgpack episode-1 record',
    '00002.msgpack episode-2 checksum',
  ]);
  writeFileSync(path(1), one);
  appendFileSync(path(1), 'x');
  assert.ok((await kinds(folder)).includes('00001.msgpack null shard-size'));
});

test('NaN, actions out of range and lengths that disagree are faults even under a right checksum', async (t) => {
  const good = sampleEpisode(0);
  const nan = { ...good, rewards: good.rewards.map((r, i) => (i === 2 ? Number.NaN : r)) };
  const wild = { ...good, actions: good.actions.map((a, i) => (i === 2 ? -7 : a)) };
  const short = { ...good, rewards: good.rewards.slice(1) };
  for (const [episode, kind, message] of [
    [nan, 'not-finite', /rewards holds NaN at step 2/],
    [wild, 'action-range', /holds -7, outside/],
    [short, 'length', /rewards has 4 elements, expected 5/],
  ] as const) {
    const { ok, problems } = await verifyDataset(await careless(t, episode));
    assert.equal(ok, false);
    assert.ok(problems.some((p) => p.episode === 'episode-0' && p.kind === kind && message.test(p.message)));
  }
});

test('a dead camera is a fault; repeated frames, no end and a twin are suspicions', async (t) => {
  const good = sampleEpisode(0);
  const pixels = onlyImage(good);
  const frame = pixels.length / 6;
  const dead = { ...good, images: { side: new Uint8Array(pixels.length).fill(7) } };
  assert.deepEqual(await kinds(await careless(t, dead)), ['00000.msgpack episode-0 constant-images']);
  const stuck = new Uint8Array(pixels.length);
  for (let i = 0; i < 6; i++) stuck.set(pixels.subarray(0, frame), i * frame);
  const doubtful = { ...good, images: { side: stuck }, terminated: false, truncated: false };
  assert.deepEqual(await kinds(await careless(t, doubtful)), [
    '00000.msgpack episode-0 duplicate-frames',
    '00000.msgpack episode-0 no-end',
  ]);
  const twin = { ...sampleEpisode(1), id: 'episode-0' };
  assert.deepEqual(await kinds(await careless(t, twin)), ['00001.msgpack episode-1 duplicate-episode']);
});

test('of several images the one is named that is dead or stands still', async (t) => {
  const images = [sideImage, wristImage];
  const folder = temporaryFolder(t);
  const writer = await DatasetWriter.create(folder, sampleHeader({ images }));
  const good = sampleEpisode(0, 5, images);
  const dead = new Uint8Array(good.images.wrist?.length ?? 0).fill(7);
  await writer.append({ ...good, images: { ...good.images, wrist: dead } });
  const { side = new Uint8Array() } = sampleEpisode(1, 5, images).images;
  const frame = side.subarray(0, side.length / 6);
  const stuck = Uint8Array.from({ length: side.length }, (_, i) => frame[i % frame.length] as number);
  const still = sampleEpisode(1, 5, images);
  await writer.append({ ...still, images: { ...still.images, side: stuck } });
  await writer.close();
  const { ok, problems } = await verifyDataset(folder);
  assert.equal(ok, false);
  assert.deepEqual(
    problems.map(({ episode, kind, message }) => [episode, kind, message]),
    [
      ['episode-0', 'constant-images', '6 of 6 frames of "wrist" are one grey level throughout.'],
      ['episode-1', 'duplicate-frames', '5 of 6 frames of "side" equal the frame before.'],
    ],
  );
});

test('figures of the manifest that do not follow from the episodes are faults', async (t) => {
  const folder = await sampleDataset(t);
  await change(folder, (m) => ({ ...m, returns: m.returns && { ...m.returns, mean: 5, max: 1e6 } }));
  assert.deepEqual(await kinds(folder), ['null null statistics', 'null null statistics']);
  await change(folder, (m) =>
    withShards(
      m,
      m.shards.map((s, i) => (i === 1 ? { ...s, index: s.index.map((e) => ({ ...e, return: 9 })) } : s)),
    ),
  );
  assert.deepEqual((await kinds(folder))[0], '00001.msgpack episode-1 return');
});

test('a damaged manifest is a problem; a folder without one is not a dataset', async (t) => {
  const folder = await sampleDataset(t);
  writeFileSync(join(folder, 'manifest.json'), '{"format": "rlpd-pixels-dataset"');
  assert.deepEqual(await kinds(folder), ['null null manifest']);
  assert.match((await rejection(verifyDataset(temporaryFolder(t)))).message, /is not a dataset/);
});

test('what an interrupted writer left is told, and is no fault', async (t) => {
  const folder = temporaryFolder(t);
  const writer = await DatasetWriter.create(folder, sampleHeader());
  await writer.append(sampleEpisode(0));
  await writer.flush();
  await writer.append(sampleEpisode(1));
  assert.deepEqual(await kinds(folder), ['00001.msgpack.partial null unlisted-file', 'null null incomplete']);
  await writer.abandon();
});
