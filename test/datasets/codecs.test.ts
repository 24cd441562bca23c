import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CodecName, codecNames, codecs } from '../../datasets/codecs/registry.js';
import { Generator } from '../../src/random/generator.js';
import { rejection } from './samples.js';

const shape = { frames: 6, height: 13, width: 11, channels: 3 };

/** Moving stripes with noise: every byte value, nothing constant. */
function samplePixels(): Uint8Array {
  const generator = new Generator(1);
  const bytes = shape.height * shape.width * shape.channels;
  return Uint8Array.from({ length: shape.frames * bytes }, (_, i) =>
    generator.uniform() < 0.2 ? generator.integer(256) : ((i % bytes) * 3 + Math.floor(i / bytes) * 40) % 256,
  );
}

for (const name of codecNames) {
  test(`${name} gives back every byte, and leaves its input alone`, async () => {
    const pixels = samplePixels();
    const packed = await codecs[name].encode(pixels, shape);
    assert.deepEqual(pixels, samplePixels());
    assert.deepEqual(Uint8Array.from(await codecs[name].decode(packed, shape)), pixels);
  });

  test(`${name} is deterministic`, async () => {
    const [first, second] = [
      await codecs[name].encode(samplePixels(), shape),
      await codecs[name].encode(samplePixels(), shape),
    ];
    assert.ok(Buffer.from(first).equals(second));
  });

  test(`${name} refuses what is of another size, cut short, or not its own, with a clause`, async () => {
    const packed = Buffer.from(await codecs[name].encode(samplePixels(), shape));
    const cases: [Buffer, typeof shape][] = [
      [packed, { ...shape, frames: 5 }],
      [packed, { ...shape, frames: 7 }],
      [packed.subarray(0, packed.length >> 1), shape],
      [Buffer.alloc(0), shape],
    ];
    for (const [bytes, claimed] of cases) {
      const error = await rejection(codecs[name].decode(bytes, claimed));
      assert.match(error.message, /^[a-z.]\S* |unexpected|incorrect|Cannot create|corrupt/i);
    }
  });
}

test('a small stream that unpacks to much more than the shape allows is stopped', async () => {
  const huge = { frames: 4000, height: 64, width: 64, channels: 3 };
  const zeros = new Uint8Array(huge.frames * 64 * 64 * 3);
  for (const name of ['brotli', 'npy-deflate'] satisfies CodecName[]) {
    const bomb = await codecs[name].encode(zeros, huge);
    assert.ok(bomb.length < 100_000);
    await rejection(codecs[name].decode(bomb, shape));
  }
});

test('grey frames pass through PNG; WebP says that it takes colours only', async () => {
  const grey = { frames: 2, height: 5, width: 4, channels: 1 };
  const pixels = Uint8Array.from({ length: 40 }, (_, i) => i * 6);
  assert.deepEqual(await codecs.png.decode(await codecs.png.encode(pixels, grey), grey), pixels);
  assert.match((await rejection(codecs.webp.encode(pixels, grey))).message, /webp takes 3 channels/);
});
