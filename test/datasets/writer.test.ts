import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Episode } from '../../datasets/episode.js';
import { type DatasetHeader, readManifest } from '../../datasets/manifest.js';
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

async function readAll(folder: string): Promise<Episode[]> {
  const episodes: Episode[] = [];
  for await (const episode of (await openDataset(folder)).episodes()) episodes.push(episode);
  return episodes;
}

test('episodes come back exactly as they were appended, in order, over several shards', async (t) => {
  const folder = join(temporaryFolder(t), 'data');
  const writer = await DatasetWriter.create(folder, sampleHeader(), { shardBytes: 3000 });
  const episodes = Array.from({ length: 9 }, (_, i) => sampleEpisode(i, 3 + i));
  await Promise.all(episodes.map((episode) => writer.append(episode)));
  await writer.close();
  const back = await readAll(folder);
  assert.deepEqual(back.map(withPlainBytes), episodes);
  const manifest = await readManifest(folder);
  assert.ok(manifest.shards.length > 1);
  assert.equal(manifest.complete, true);
  assert.equal(manifest.episodes, 9);
  assert.equal(manifest.steps, 63);
  const returns = episodes.map((episode) => episode.rewards.reduce((sum, reward) => sum + reward, 0));
  assert.ok(Math.abs((manifest.returns?.mean ?? 0) - returns.reduce((a, b) => a + b) / 9) < 1e-6);
});

test('a dataset without images or state round-trips', async (t) => {
  const folder = temporaryFolder(t);
  const { state, extra, ...plain } = sampleEpisode(0, 5, []);
  const header = sampleHeader({ images: [], stateSize: 0, extra: {} });
  const writer = await DatasetWriter.create(folder, header);
  await writer.append(plain);
  await writer.close();
  assert.deepEqual(await readAll(folder), [plain]);
});

test('an empty image is as good as none, where the dataset has no images', async (t) => {
  const folder = temporaryFolder(t);
  const { extra, ...episode } = sampleEpisode(0, 5, []);
  const header = sampleHeader({ images: [], extra: {} });
  const writer = await DatasetWriter.create(folder, header);
  await writer.append({ ...episode, images: { side: new Uint8Array() } });
  await writer.close();
  assert.deepEqual(await readAll(folder), [episode]);
});

test('images of several sizes, success, interventions and an instruction come back as they were', async (t) => {
  const folder = temporaryFolder(t);
  const images = [sideImage, { ...wristImage, channels: 1 }];
  const header = sampleHeader({
    images,
    actionBox: { low: [-2, 0.5], high: [3, 0.75] },
    actionNames: ['lift', 'grip'],
    actionUnits: ['m', 'rad'],
    stateNames: ['x', 'y', 'z', 'gripper'],
    stateUnits: ['m', 'm', 'm', 'rad'],
  });
  const writer = await DatasetWriter.create(folder, header, { shardBytes: 4000 });
  const demonstrated: Episode = {
    ...sampleEpisode(0, 4, images),
    success: true,
    interventions: Uint8Array.of(0, 1, 1, 0),
    instruction: 'put the cube into the bowl – „gently“',
  };
  const failed: Episode = { ...sampleEpisode(1, 6, images), success: false, instruction: '' };
  const silent = sampleEpisode(2, 5, images);
  for (const episode of [demonstrated, failed, silent]) await writer.append(episode);
  await writer.close();
  const back = await readAll(folder);
  assert.deepEqual(back.map(withPlainBytes), [demonstrated, failed, silent]);
  const manifest = await readManifest(folder);
  assert.equal(manifest.version, 2);
  const { images: kept, actionBox, actionNames, actionUnits, stateNames, stateUnits } = manifest;
  assert.deepEqual(
    { ...header, images: kept, actionBox, actionNames, actionUnits, stateNames, stateUnits },
    header,
  );
  assert.deepEqual(
    manifest.shards.flatMap(({ index }) => index.map(({ success }) => success)),
    [true, false, undefined],
  );
});

test('opening again appends after the last whole shard and removes the remains of a crash', async (t) => {
  const folder = temporaryFolder(t);
  const first = await DatasetWriter.create(folder, sampleHeader());
  await first.append(sampleEpisode(0));
  await first.flush();
  await first.append(sampleEpisode(1)); // Never flushed: lost, as in a crash.
  assert.deepEqual(readdirSync(join(folder, 'shards')), ['00000.msgpack', '00001.msgpack.partial']);
  const second = await DatasetWriter.open(folder);
  assert.deepEqual(readdirSync(join(folder, 'shards')), ['00000.msgpack']);
  await second.append(sampleEpisode(2));
  await second.close();
  assert.deepEqual(
    (await readAll(folder)).map((episode) => episode.id),
    ['episode-0', 'episode-2'],
  );
  await first.abandon();
});

test('opening at an earlier flush forgets what came later, byte for byte', async (t) => {
  const folder = temporaryFolder(t);
  const writer = await DatasetWriter.create(folder, sampleHeader());
  await writer.append(sampleEpisode(0));
  await writer.append(sampleEpisode(1));
  await writer.flush();
  const before = readFileSync(join(folder, 'manifest.json'), 'utf8');
  await writer.append(sampleEpisode(2));
  await writer.close();
  await DatasetWriter.open(folder, { episodes: 2 });
  assert.equal(readFileSync(join(folder, 'manifest.json'), 'utf8'), before);
  assert.deepEqual(readdirSync(join(folder, 'shards')), ['00000.msgpack']);
  assert.match((await rejection(DatasetWriter.open(folder, { episodes: 1 }))).message, /no shard ends there/);
});

test('an episode that does not fit is refused with a sentence, and the writer goes on', async (t) => {
  const folder = temporaryFolder(t);
  const writer = await DatasetWriter.create(folder, sampleHeader());
  const good = sampleEpisode(0);
  await writer.append(good);
  const refused: [Partial<Episode>, RegExp][] = [
    [{ id: good.id }, /already taken/],
    [{ rewards: new Float32Array(4) }, /rewards has 4 elements, expected 5/],
    [{ images: { side: new Uint8Array(10) } }, /image "side" has 10 elements, expected 1134/],
    [{ images: {} }, /image "side" has 0 elements, expected 1134/],
    [{ images: { ...good.images, nose: Uint8Array.of(7) } }, /image "nose" has 1 elements, expected 0/],
    [{ interventions: new Uint8Array(6) }, /interventions has 6 elements, expected 5/],
    [{ extra: {} }, /height has 0 elements, expected 6/],
    [{ actions: good.actions.map((a, i) => (i === 3 ? Number.NaN : a)) }, /actions holds NaN at step 1/],
    [{ actions: good.actions.map((a, i) => (i === 9 ? 1.5 : a)) }, /step 4 holds 1.5, outside \[−1, 1\]/],
    [
      { state: good.state?.map((s, i) => (i === 4 ? Number.POSITIVE_INFINITY : s)) ?? ([] as never) },
      /state holds Infinity at step 1/,
    ],
  ];
  for (const [changes, message] of refused) {
    const error = await rejection(writer.append({ ...sampleEpisode(1), ...changes }));
    assert.ok(error instanceof InputError);
    assert.match(error.message, message);
  }
  await writer.append(sampleEpisode(1));
  await writer.close();
  assert.equal((await readAll(folder)).length, 2);
});

test('a folder that holds a dataset is not begun anew', async (t) => {
  const folder = temporaryFolder(t);
  await DatasetWriter.create(folder, sampleHeader());
  const error = await rejection(DatasetWriter.create(folder, sampleHeader()));
  assert.ok(error instanceof InputError);
  assert.match(error.message, /already holds a dataset/);
});

test('a header that does not make sense is refused', async (t) => {
  const folder = temporaryFolder(t);
  const cases: [Partial<DatasetHeader>, RegExp][] = [
    [{ images: [{ ...sideImage, width: 0 }] }, /header is not valid: images\.0\.width/],
    [{ images: [{ ...sideImage, name: '' }] }, /header is not valid: images\.0\.name/],
    [{ images: [sideImage, { ...wristImage, name: 'side' }] }, /images: two images have one name\.$/],
    [{ images: [{ ...sideImage, name: '../../escape' }] }, /images\.0\.name: a name without/],
    [{ images: [{ ...sideImage, name: '..' }] }, /images\.0\.name: a name without/],
    [{ images: [{ ...sideImage, name: 'a=b' }] }, /images\.0\.name: a name without/],
    [{ actionBox: { low: [-1], high: [1, 1] } }, /actionBox: it has 1 entries, expected 2\.$/],
    [{ actionBox: { low: [-1, -1], high: [1, 1, 1] } }, /actionBox: it has 3 entries, expected 2\.$/],
    [{ actionBox: { low: [-1, 1], high: [1, 1] } }, /actionBox: a low end is not below its high end\.$/],
    [{ actionNames: ['lift'] }, /actionNames: it has 1 entries, expected 2\.$/],
    [{ actionUnits: [] }, /actionUnits: it has 0 entries, expected 2\.$/],
    [{ stateNames: ['x', 'y', 'z'] }, /stateNames: it has 3 entries, expected 4\.$/],
    [{ stateUnits: ['m'] }, /stateUnits: it has 1 entries, expected 4\.$/],
  ];
  for (const [changes, message] of cases) {
    const error = await rejection(DatasetWriter.create(folder, sampleHeader(changes)));
    assert.ok(error instanceof InputError, error.stack);
    assert.match(error.message, message);
  }
  assert.deepEqual(readdirSync(folder), []);
});

test('a disk error while writing names what is safe and stays an ordinary failure', async (t) => {
  const folder = temporaryFolder(t);
  const writer = await DatasetWriter.create(folder, sampleHeader());
  await writer.append(sampleEpisode(0));
  await writer.flush();
  // The next shard cannot be opened: a folder stands in its place.
  mkdirSync(join(folder, 'shards', '00001.msgpack.partial'));
  const error = await rejection(writer.append(sampleEpisode(1)));
  assert.ok(!(error instanceof InputError));
  assert.match(
    error.message,
    /Writing the dataset in .* failed \(EISDIR.*\); the 1 episodes that it lists are whole/,
  );
  assert.equal((await rejection(writer.close())).message, error.message);
  assert.equal((await readAll(folder)).length, 1);
});

test('a disk that fills up in the middle of a shard costs only the episode that did not fit', async (t) => {
  const folder = temporaryFolder(t);
  const writer = await DatasetWriter.create(folder, sampleHeader());
  await writer.append(sampleEpisode(0));
  await writer.append(sampleEpisode(1));
  const handle = await open(join(folder, 'manifest.json'));
  const prototype = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  // As a full disk does it: a part is written, then the system refuses.
  const full = t.mock.method(prototype, 'writev', async function (this: typeof handle, pieces: Buffer[]) {
    await this.write(Buffer.concat(pieces).subarray(0, 100));
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  });
  const error = await rejection(writer.append(sampleEpisode(2)));
  full.mock.restore();
  assert.match(error.message, /failed \(the disk is full\); the 2 episodes that it lists are whole/);
  assert.equal((await rejection(writer.append(sampleEpisode(3)))).message, error.message);
  const episodes = await readAll(folder);
  assert.deepEqual(
    episodes.map(({ id }) => id),
    [sampleEpisode(0).id, sampleEpisode(1).id],
  );
  const [shard] = (await readManifest(folder)).shards;
  const file = readFileSync(join(folder, 'shards', '00000.msgpack'));
  assert.equal(file.length, shard?.bytes);
  assert.equal(createHash('sha256').update(file).digest('hex'), shard?.sha256);
  // With space again, it goes on.
  const second = await DatasetWriter.open(folder);
  await second.append(sampleEpisode(2));
  await second.close();
  assert.equal((await readAll(folder)).length, 3);
});

test('a manifest from outside is checked before it is believed', async (t) => {
  const folder = temporaryFolder(t);
  const images = [sideImage, wristImage];
  const box = { low: [-1, -2], high: [1, 2] };
  const writer = await DatasetWriter.create(folder, sampleHeader({ images, actionBox: box }));
  await writer.append(sampleEpisode(0, 5, images));
  await writer.close();
  const path = join(folder, 'manifest.json');
  const good = readFileSync(path, 'utf8');
  const damaged: [string, RegExp][] = [
    [good.slice(0, 200), /is not valid JSON/],
    [good.replace('"version": 2', '"version": 3'), /format version 3.*update/],
    [good.replace('"version": 2', '"version": 0'), /version/],
    [good.replace('"wrist"', '"side"'), /images: two images have one name/],
    [good.replace('"height": 9', '"height": 0'), /images\.0\.height/],
    [
      good.replace(/("low": \[)[^\]]*/, '$1-1'),
      /manifest\.json is not a valid manifest: actionBox: it has 1 entries, expected 2/,
    ],
    [good.replace('"actionNames": null', '"actionNames": ["lift"]'), /actionNames: it has 1 entries/],
    [good.replace('"actionRepeat": 2', '"actionRepeat": 0'), /actionRepeat/],
    [good.replace('00000.msgpack', '../00000.msgpack'), /shards.0.file/],
    [
      good.replace('"steps": 5,\n "bytes"', '"steps": 6,\n "bytes"'),
      /steps: expected 5, the sum over shards/,
    ],
    [good.replace('"offset": 0', '"offset": 99'), /does not start at byte 0/],
  ];
  for (const [text, message] of damaged) {
    assert.notEqual(text, good);
    writeFileSync(path, text);
    const error = await rejection(openDataset(folder));
    assert.ok(error instanceof InputError, error.message);
    assert.match(error.message, message);
  }
  assert.match(
    (await rejection(openDataset(join(folder, 'none')))).message,
    /is not a dataset: it has no manifest.json/,
  );
});

test('what the system takes of a record in pieces is written whole and in order', async (t) => {
  const folders = [temporaryFolder(t), temporaryFolder(t)] as const;
  const handle = await open(process.execPath);
  const prototype = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const writev = prototype.writev;
  for (const folder of folders) {
    const writer = await DatasetWriter.create(folder, sampleHeader());
    await writer.append(sampleEpisode(0));
    await writer.close();
    // The second time a few bytes at a time, as a signal or a nearly full disk does it.
    t.mock.method(prototype, 'writev', async function (this: typeof handle, pieces: Buffer[]) {
      return writev.call(this, [Buffer.concat(pieces).subarray(0, 7)]);
    });
  }
  const [whole, pieces] = folders.map((folder) => readFileSync(join(folder, 'shards', '00000.msgpack')));
  assert.deepEqual(pieces, whole);
});

test('calls that do not wait make the same shards as calls that do', async (t) => {
  const folders = [temporaryFolder(t), temporaryFolder(t)] as const;
  for (const [i, folder] of folders.entries()) {
    const writer = await DatasetWriter.create(folder, sampleHeader(), { shardBytes: 1800 });
    const calls: Promise<void>[] = [];
    for (let number = 0; number < 12; number++) {
      calls.push(writer.append(sampleEpisode(number)));
      if (number === 7) calls.push(writer.flush());
      if (i === 0) await Promise.all(calls);
    }
    await Promise.all([...calls, writer.close()]);
  }
  const [waiting, together] = await Promise.all(folders.map(readManifest));
  assert.deepEqual(together, waiting);
  assert.ok((waiting?.shards.length ?? 0) > 3);
  assert.ok(waiting?.shards.some((shard) => shard.index.at(-1)?.id === 'episode-7'));
  for (const { file } of waiting?.shards ?? [])
    assert.deepEqual(
      readFileSync(join(folders[1], 'shards', file)),
      readFileSync(join(folders[0], 'shards', file)),
    );
});
