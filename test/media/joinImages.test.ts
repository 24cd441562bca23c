import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Image } from '../../src/media/image.js';
import { joinImages } from '../../src/media/joinImages.js';

const grey: Image = { width: 2, height: 1, channels: 1, data: Uint8Array.of(7, 8) };
const red: Image = { width: 1, height: 2, channels: 3, data: Uint8Array.of(90, 0, 0, 91, 1, 2) };

test('images stand side by side with their tops level, grey ones in colour where another is', () => {
  assert.deepEqual(joinImages([grey, red]), {
    width: 3,
    height: 2,
    channels: 3,
    data: Uint8Array.of(7, 7, 7, 8, 8, 8, 90, 0, 0, 0, 0, 0, 0, 0, 0, 91, 1, 2),
  });
  assert.deepEqual(joinImages([grey, { ...grey, height: 2, width: 1 }]), {
    width: 3,
    height: 2,
    channels: 1,
    data: Uint8Array.of(7, 8, 7, 0, 0, 8),
  });
});

test('a single image is left as it is', () => {
  assert.equal(joinImages([red]), red);
});

test('a fourth channel, alpha or depth, is not shown', () => {
  const deep = { width: 1, height: 1, channels: 4, data: Uint8Array.of(1, 2, 3, 99) };
  assert.deepEqual(joinImages([deep]), { ...deep, channels: 3, data: Uint8Array.of(1, 2, 3) });
  const { width, channels, data } = joinImages([red, deep]);
  assert.deepEqual([width, channels], [red.width + 1, 3]);
  assert.deepEqual([...data.subarray(3 * red.width, 3 * red.width + 3)], [1, 2, 3]);
});
