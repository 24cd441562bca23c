/**
 * The one typeface of every picture: Inter, from an npm package, so that text looks the same everywhere and is
 * never boxes on a machine without fonts (containers have none).
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import sharp from 'sharp';

/** What SVG text should ask for; a browser without Inter takes its own sans-serif. */
export const fontFamily = 'Inter, Helvetica, Arial, sans-serif';

const weights = [400, 700];
let loading: Promise<void> | undefined;

/** Makes the typeface known to sharp's text and SVG rendering in this process. */
export function loadFont(): Promise<void> {
  loading ??= register();
  return loading;
}

async function register(): Promise<void> {
  const require = createRequire(import.meta.url);
  const folder = mkdtempSync(join(tmpdir(), 'rlpd-font-'));
  // The font is read lazily, as glyphs are needed, so the files stay until the process ends.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const weight of weights) {
    const woff = readFileSync(require.resolve(`@fontsource/inter/files/inter-latin-${weight}-normal.woff`));
    const fontfile = join(folder, `inter-${weight}.ttf`);
    writeFileSync(fontfile, unpackWoff(woff));
    // Drawing any text with a font file registers it with fontconfig for the whole process.
    await sharp({ text: { text: 'x', font: 'Inter', fontfile } }).toBuffer();
  }
}

/**
 * The sfnt (TrueType) font inside a WOFF 1.0 file (W3C "WOFF File Format 1.0", sections 3 to 5): the same tables,
 * zlib-compressed. Needed because the text layout under sharp reads sfnt fonts only.
 */
export function unpackWoff(woff: Buffer): Buffer {
  if (woff.toString('latin1', 0, 4) !== 'wOFF') throw new Error('Not a WOFF 1.0 font.');
  const count = woff.readUInt16BE(12);
  const tables = Array.from({ length: count }, (_, i) => {
    const entry = woff.subarray(44 + 20 * i, 64 + 20 * i);
    const start = entry.readUInt32BE(4);
    const packed = woff.subarray(start, start + entry.readUInt32BE(8));
    const length = entry.readUInt32BE(12);
    const data = packed.length < length ? inflateSync(packed) : packed;
    return { tag: entry.subarray(0, 4), checksum: entry.subarray(16, 20), data };
  });

  const header = Buffer.alloc(12);
  const searchSteps = Math.floor(Math.log2(count));
  woff.copy(header, 0, 4, 8);
  header.writeUInt16BE(count, 4);
  header.writeUInt16BE(16 * 2 ** searchSteps, 6);
  header.writeUInt16BE(searchSteps, 8);
  header.writeUInt16BE(16 * (count - 2 ** searchSteps), 10);

  const directory: Buffer[] = [];
  const body: Buffer[] = [];
  let offset = header.length + 16 * count;
  for (const { tag, checksum, data } of tables) {
    const place = Buffer.alloc(8);
    place.writeUInt32BE(offset, 0);
    place.writeUInt32BE(data.length, 4);
    directory.push(tag, checksum, place);
    const padding = Buffer.alloc((4 - (data.length % 4)) % 4);
    body.push(data, padding);
    offset += data.length + padding.length;
  }
  return Buffer.concat([header, ...directory, ...body]);
}
