import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { contactSheet } from '../../src/media/contactSheet.js';
import type { Image } from '../../src/media/image.js';

function plain(color: readonly [number, number, number], width = 16, height = 16): Image {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = color[i % 3] as number;
  return { width, height, channels: 3, data };
}

const colors: readonly (readonly [number, number, number])[] = [
  [250, 0, 0],
  [0, 250, 0],
  [0, 0, 250],
  [250, 250, 0],
  [0, 250, 250],
];

test('images stand row by row from the top left, enlarged pixel for pixel', async () => {
  const png = await contactSheet(
    colors.map((color) => ({ image: plain(color) })),
    { columns: 3, enlarge: 2 },
  );
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  // 3 columns and 2 rows of 32 px, 8 px apart.
  assert.deepEqual([info.width, info.height], [8 + 3 * 40, 8 + 2 * 40]);
  const pixel = (px: number, py: number) => [
    ...data.subarray((py * info.width + px) * 3, (py * info.width + px) * 3 + 3),
  ];
  colors.forEach((color, i) => {
    const left = 8 + (i % 3) * 40;
    const top = 8 + Math.floor(i / 3) * 40;
    assert.deepEqual(pixel(left, top), [...color], `first pixel of ${i}`);
    assert.deepEqual(pixel(left + 31, top + 31), [...color], `last pixel of ${i}`);
    assert.deepEqual(pixel(left + 32, top + 16), [255, 255, 255], `gap after ${i}`);
  });
});

test('a label leaves ink under its image and nowhere else, however long it is', async () => {
  const cells = [
    { image: plain([9, 9, 9]), label: 'a label far wider than sixteen pixels & <more>' },
    { image: plain([9, 9, 9]) },
  ];
  const png = await contactSheet(cells, { columns: 2, enlarge: 6 });
  const under = async (left: number) => {
    const strip = sharp(png).extract({ left, top: 8 + 96, width: 96, height: 18 });
    return Math.min(...(await strip.raw().toBuffer()));
  };
  assert.ok((await under(8)) < 100);
  assert.equal(await under(112), 255);
});

test('no image, images of two sizes and images of two channels are refused', async () => {
  await assert.rejects(contactSheet([]), { name: 'InputError' });
  await assert.rejects(contactSheet([{ image: plain([0, 0, 0]) }, { image: plain([0, 0, 0], 8, 8) }]), {
    name: 'InputError',
    message: /image 1 is 8×8, the first is 16×16/,
  });
  await assert.rejects(
    contactSheet([{ image: { width: 2, height: 1, channels: 2, data: new Uint8Array(4) } }]),
    {
      name: 'InputError',
    },
  );
});
