import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Packr } from 'msgpackr';
import { createManifest } from '../../datasets/manifest.js';
import { packRecord, unpackRecord } from '../../datasets/record.js';
import { sampleEpisode, sampleHeader } from './samples.js';

/** msgpack counts bytes in 1, 2 or 4 bytes. */
for (const [imageHeight, bytes] of [
  [2, 6 * 2 * 7 * 3],
  [9, 6 * 9 * 7 * 3],
  [600, 6 * 600 * 7 * 3],
] as const)
  test(`a record with ${bytes} bytes of pixels is the map that a msgpack library packs`, async () => {
    const manifest = createManifest(sampleHeader({ codec: 'raw', imageHeight }));
    const episode = sampleEpisode(0, 5, [imageHeight, 7, 3]);
    assert.equal(episode.pixels?.length, bytes);
    const record = Buffer.concat(await packRecord(episode, manifest));
    const binary = (array: Uint8Array | Float32Array): Buffer =>
      Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    const whole = new Packr({ useRecords: false, variableMapSize: true }).pack({
      id: episode.id,
      length: episode.length,
      pixels: binary(episode.pixels),
      state: binary(episode.state as Float32Array),
      actions: binary(episode.actions),
      rewards: binary(episode.rewards),
      terminated: episode.terminated,
      truncated: episode.truncated,
      extra: Object.fromEntries(
        Object.entries(episode.extra ?? {}).map(([name, values]) => [name, binary(values)]),
      ),
      checksum: record.subarray(-32),
    });
    assert.ok(record.equals(whole));
    assert.ok(binary((await unpackRecord(record, manifest)).pixels as Uint8Array).equals(episode.pixels));
  });
