/** A contact sheet: a grid of images with a label under each, as one PNG. */
import sharp from 'sharp';
import { InputError } from '../errors.js';
import { fontFamily, loadFont } from './font.js';
import type { Image } from './image.js';
import { toSharp } from './toSharp.js';

export interface ContactSheetCell {
  readonly image: Image;
  /** One short line; cut with an ellipsis where it is wider than the image. */
  readonly label?: string;
}

export interface ContactSheetOptions {
  /** Images in a row; default: about as many rows as columns. */
  readonly columns?: number;
  /** Whole factor by which each image is enlarged, pixel for pixel; default: to at least 96 pixels wide. */
  readonly enlarge?: number;
  /** A heading above the grid. */
  readonly title?: string;
}

const gap = 8;
const labelHeight = 18;
const titleHeight = 34;
/** Mean advance of Inter's digits and letters at 1 px size, for cutting labels. */
const glyphWidth = 0.58;

/** @param cells images of one size, row by row from the top left. @throws InputError where there is none, or sizes differ. */
export async function contactSheet(
  cells: readonly ContactSheetCell[],
  options: ContactSheetOptions = {},
): Promise<Buffer> {
  const first = cells[0]?.image;
  if (first === undefined) throw new InputError('A contact sheet needs at least one image.');
  const columns = Math.min(cells.length, options.columns ?? Math.ceil(Math.sqrt(cells.length)));
  const rows = Math.ceil(cells.length / columns);
  const enlarge = options.enlarge ?? Math.max(1, Math.ceil(96 / first.width));
  const width = first.width * enlarge;
  const height = first.height * enlarge;
  const cellHeight = height + (cells.some((cell) => cell.label !== undefined) ? labelHeight : 0);
  const top = options.title === undefined ? gap : titleHeight;
  const sheetWidth = gap + columns * (width + gap);
  const sheetHeight = top + rows * (cellHeight + gap);

  const texts: string[] = [];
  if (options.title !== undefined)
    texts.push(text(options.title, gap, 22, 15, 700, fitting(sheetWidth - 2 * gap, 15)));
  const images = await Promise.all(
    cells.map(async ({ image, label }, number) => {
      if (image.width !== first.width || image.height !== first.height)
        throw new InputError(
          `A contact sheet takes images of one size: image ${number} is ${image.width}×${image.height}, the first is ${first.width}×${first.height}.`,
        );
      const left = gap + (number % columns) * (width + gap);
      const y = top + Math.floor(number / columns) * (cellHeight + gap);
      if (label !== undefined) texts.push(text(label, left, y + height + 13, 11, 400, fitting(width, 11)));
      const enlarged = toSharp(image).resize(width, height, { kernel: 'nearest' });
      return { input: await enlarged.png({ compressionLevel: 1 }).toBuffer(), left, top: y };
    }),
  );

  await loadFont();
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${sheetWidth}" height="${sheetHeight}">${texts.join('')}</svg>`;
  return sharp({ create: { width: sheetWidth, height: sheetHeight, channels: 3, background: '#ffffff' } })
    .composite([...images, { input: Buffer.from(svg), left: 0, top: 0 }])
    .png()
    .toBuffer();
}

/** Characters that fit into `width` pixels at a font size. */
function fitting(width: number, size: number): number {
  return Math.max(1, Math.floor(width / (size * glyphWidth)));
}

function text(line: string, x: number, y: number, size: number, weight: number, characters: number): string {
  const cut = line.length <= characters ? line : `${line.slice(0, characters - 1)}…`;
  const safe = cut.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? c);
  return `<text x="${x}" y="${y}" font-family="${fontFamily}" font-size="${size}" font-weight="${weight}" fill="#24292f">${safe}</text>`;
}
