import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Packr } from 'msgpackr';
import type { Episode, FrameLayout } from '../../datasets/episode.js';
import { createManifest, type Manifest } from '../../datasets/manifest.js';
import { packRecord, RecordError, unpackRecord } from '../../datasets/record.js';
import { rejection, sampleEpisode, sampleHeader, sideImage, withPlainBytes, wristImage } from './samples.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });

function binary(array: Uint8Array | Float32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

function binaries(arrays: Readonly<Record<string, Uint8Array | Float32Array>>): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, binary(values)]));
}

/** What an episode's record holds but for the checksum, in order; the images as they are. */
function entriesOf(episode: Episode): Record<string, unknown> {
  const { state, images, actions, rewards, interventions, extra, ...rest } = episode;
  const { id, length, terminated, truncated, success, instruction } = rest;
  return {
    id,
    length,
    ...(Object.keys(images).length > 0 && { images: binaries(images) }),
    ...(state && { state: binary(state) }),
    actions: binary(actions),
    rewards: binary(rewards),
    terminated,
    truncated,
    ...(success !== undefined && { success }),
    ...(interventions && { interventions: binary(interventions) }),
    ...(instruction !== undefined && { instruction }),
    ...(extra && { extra: binaries(extra) }),
  };
}

/** As a msgpack library packs it. */
function packed(entries: Readonly<Record<string, unknown>>): Buffer {
  const record = packr.pack({ ...entries, checksum: Buffer.alloc(32) });
  const checksum = createHash('sha256')
    .update(record.subarray(0, -(9 + 2 + 32)))
    .digest();
  return Buffer.concat([record.subarray(0, -32), checksum]);
}

function rawManifest(images: readonly FrameLayout[]): Manifest {
  return createManifest(sampleHeader({ codec: 'raw', images: [...images] }));
}

async function assertIsWhatALibraryPacks(episode: Episode, manifest: Manifest): Promise<void> {
  const record = Buffer.concat(await packRecord(episode, manifest));
  assert.ok(record.equals(packed(entriesOf(episode))));
  assert.deepEqual(withPlainBytes(await unpackRecord(record, manifest)), episode);
}

/** msgpack counts bytes in 1, 2 or 4 bytes. */
for (const [height, bytes] of [
  [2, 6 * 2 * 7 * 3],
  [9, 6 * 9 * 7 * 3],
  [600, 6 * 600 * 7 * 3],
] as const)
  test(`a record with ${bytes} bytes of pixels is the map that a msgpack library packs`, async () => {
    const images = [{ ...sideImage, height }];
    const episode = sampleEpisode(0, 5, images);
    assert.equal(episode.images.side?.length, bytes);
    await assertIsWhatALibraryPacks(episode, rawManifest(images));
  });

test('a record of several images and of all that a recording may say is the map that a msgpack library packs', async () => {
  // msgpack counts entries within a byte up to 15.
  for (const count of [0, 2, 15, 16, 300]) {
    const images = Array.from({ length: count }, (_, i) => ({
      ...(i % 2 === 0 ? sideImage : wristImage),
      name: i === 0 ? 'Kamera „vorn“' : `camera ${i}`,
    }));
    const episode: Episode = {
      ...sampleEpisode(0, 5, images),
      success: false,
      interventions: Uint8Array.of(0, 1, 1, 0, 0),
      instruction: 'put the cube into the bowl',
    };
    await assertIsWhatALibraryPacks(episode, rawManifest(images));
  }
});

test('a record whose images are not those of the manifest, or whose arrays do not fit, is refused', async () => {
  const images = [sideImage, wristImage];
  const manifest = rawManifest(images);
  const entries = entriesOf(sampleEpisode(0, 5, images));
  const { side, wrist } = sampleEpisode(0, 5, images).images as Record<string, Uint8Array>;
  const good = { ...entries, success: true, interventions: Buffer.alloc(5), instruction: 'walk' };
  await unpackRecord(packed(good), manifest);
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ images: { side } }, /has no image "wrist"/],
    [{ images: null }, /its field images is not as specified/],
    [{ images: { side, wrist, nose: side } }, /has an image "nose", of which the manifest says nothing/],
    [{ images: { side: wrist, wrist: side } }, /its image "side" cannot be decoded/],
    [{ images: side }, /its field images is not as specified/],
    [{ pixels: side }, /Unrecognized key: "pixels"/],
    [{ success: 1 }, /its field success is not as specified/],
    [{ interventions: Buffer.alloc(4) }, /interventions has 4 elements, expected 5/],
    [{ interventions: Buffer.alloc(5, 7) }, /interventions holds 7 at step 0: 0 or 1 was expected/],
    [{ instruction: 7 }, /its field instruction is not as specified/],
  ];
  for (const [changes, message] of cases) {
    const error = await rejection(unpackRecord(packed({ ...good, ...changes }), manifest));
    assert.ok(error instanceof RecordError, error.stack);
    assert.match(error.message, message);
  }
  // A record of version 2 does not pass for one of version 1, nor the other way round.
  const old = { ...rawManifest([sideImage]), version: 1 } as const;
  const one = entriesOf(sampleEpisode(0));
  assert.match((await rejection(unpackRecord(packed(one), old))).message, /Unrecognized key: "images"/);
  const { images: _, ...without } = one;
  await unpackRecord(packed({ ...without, pixels: side }), old);
  assert.match((await rejection(unpackRecord(packed(without), old))).message, /has no image "side"/);
});
