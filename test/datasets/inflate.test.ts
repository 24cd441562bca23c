/** Small streams are zlib's, large ones libdeflate's where it is there: both must give and refuse the same. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { inflate, inflateEngine } from '../../datasets/inflate.js';
import { Generator } from '../../src/random/generator.js';

for (const bytes of [1000, 1_000_000]) {
  describe(`unpacking ${bytes} bytes (${bytes > 65536 ? inflateEngine() : 'zlib'})`, () => {
    const random = new Generator(bytes);
    const data = Uint8Array.from({ length: bytes }, () => random.integer(7));
    const packed = deflateRawSync(data);

    test('gives the bytes and their CRC-32, up to the limit', async () => {
      for (const limit of [bytes, bytes + 100]) {
        const { data: unpacked, crc } = await inflate(packed, limit);
        assert.deepEqual(Uint8Array.from(unpacked), data);
        assert.equal(crc, crc32(data));
      }
    });

    test('refuses a stream that is cut short, is none, or unpacks to more than the limit', async () => {
      await assert.rejects(inflate(packed.subarray(0, packed.length >> 1), bytes));
      await assert.rejects(inflate(new Uint8Array(packed.length).fill(255), bytes));
      await assert.rejects(inflate(packed, bytes - 1));
    });
  });
}

test('streams that are unpacked at the same time do not get into each other', async () => {
  const streams = Array.from({ length: 16 }, (_, i) => new Uint8Array(200_000 + i).fill(i));
  const unpacked = await Promise.all(streams.map((data) => inflate(deflateRawSync(data), data.length)));
  unpacked.forEach(({ data }, i) => {
    assert.equal(data.length, 200_000 + i);
    assert.ok(data.every((value) => value === i));
  });
});
