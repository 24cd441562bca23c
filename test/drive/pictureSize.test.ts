import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PictureSize } from '../../src/drive/pictureSize.js';

/** Heights of so many pictures, at `ms` a pixel, where each may take `budget`. */
function heights(
  size: PictureSize,
  count: number,
  msPerPixel: number,
  budget: number,
  wanted = 1000,
): number[] {
  return Array.from({ length: count }, () => {
    const height = size.choose(budget, wanted);
    size.took(height, msPerPixel * height ** 2);
    return height;
  });
}

test('pictures grow as large as their time allows, stay there, and shrink where it gets less', () => {
  const size = new PictureSize();
  // 20 ms for 256 px, so 31 for 320.
  const perPixel = 20 / 256 ** 2;
  const grown = heights(size, 12, perPixel, 30);
  assert.equal(grown.at(-1), 256);
  assert.deepEqual(
    grown,
    grown.toSorted((a, b) => a - b),
  );
  assert.deepEqual(new Set(heights(size, 20, perPixel, 30)), new Set([256]));
  // The machine has other work: four times as long.
  assert.equal(heights(size, 20, 4 * perPixel, 30).at(-1), 128);
  assert.equal(heights(size, 20, perPixel, 30).at(-1), 256);
  // What cannot be drawn in time is drawn as small as it gets.
  assert.equal(heights(size, 30, 1, 30).at(-1), 64);
});

test('no picture is larger than what it is looked at with', () => {
  const size = new PictureSize();
  assert.equal(heights(size, 20, 1e-9, 30, 300).at(-1), 320);
  assert.equal(heights(size, 20, 1e-9, 30, 40).at(-1), 64);
});
