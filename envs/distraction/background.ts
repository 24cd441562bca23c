/**
 * Backgrounds: square pictures that drift behind the scene, and films that play forth and back. They are made by
 * the program, or read from a folder of the user's.
 */
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { InputError } from '../../src/errors.js';
import { proceduralPicture } from './proceduralPicture.js';

/** Side of a stored picture in pixels: enough for what a policy sees, and a film of 70 pictures takes 3.4 MB. */
const backgroundSide = 128;
/** Part of a still picture's side that is seen at once; the rest is room to drift. */
const window = 0.625;
const pictureEndings = new Set(['.png', '.jpg', '.jpeg', '.webp']);

/** One picture, or the pictures of a film in order: RGB bytes `[backgroundSide, backgroundSide, 3]` each. */
export type Background = readonly [Uint8Array, ...Uint8Array[]];

/** Backgrounds by number; made when they are first needed. */
export interface BackgroundPool {
  readonly size: number;
  get(index: number): Background;
}

/** The program's own: number i is the same picture everywhere. */
export function proceduralPool(size: number): BackgroundPool {
  const made = new Map<number, Background>();
  return {
    size,
    get: (index) => {
      const background = made.get(index) ?? [proceduralPicture(index, backgroundSide)];
      made.set(index, background);
      return background;
    },
  };
}

/**
 * The first `size` entries of a folder in alphabetical order: a picture is a still, a folder of pictures a film.
 * Each is cut to a square.
 * @throws InputError where there is no picture
 */
export async function folderPool(folder: string, size: number): Promise<BackgroundPool> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new InputError(`The folder of backgrounds ${folder} cannot be read: ${error.message}.`);
  });
  const backgrounds: Background[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (backgrounds.length === size) break;
    const path = join(folder, entry.name);
    const files = entry.isDirectory() ? (await readdir(path)).sort().map((name) => join(path, name)) : [path];
    const [first, ...others] = await Promise.all(files.filter(isPicture).map(readPicture));
    if (first !== undefined) backgrounds.push([first, ...others]);
  }
  if (backgrounds.length === 0)
    throw new InputError(
      `The folder of backgrounds ${folder} holds no pictures: expected PNG, JPEG or WebP files, or folders of them as films.`,
    );
  return { size: backgrounds.length, get: (index) => backgrounds[index] as Background };
}

function isPicture(path: string): boolean {
  return pictureEndings.has(extname(path).toLowerCase());
}

async function readPicture(path: string): Promise<Uint8Array> {
  // Only now: every environment's thread would load it.
  const { default: sharp } = await import('sharp');
  try {
    return await sharp(path)
      .resize(backgroundSide, backgroundSide, { fit: 'cover' })
      .flatten()
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer();
  } catch (error) {
    throw new InputError(`The background ${path} is not a readable picture: ${(error as Error).message}.`);
  }
}

/** What of a background is seen. */
export interface BackgroundView {
  /** How far a still picture has drifted, in its sides; it turns round at its edges. A film is seen whole. */
  readonly x: number;
  readonly y: number;
  /** Number of the film's picture, from its first on; it turns round at both ends. */
  readonly frame: number;
}

/** Fills `out`, RGB bytes `[height, width, 3]`. */
export function drawBackground(
  background: Background,
  view: BackgroundView,
  width: number,
  height: number,
  out: Uint8Array,
): void {
  const isFilm = background.length > 1;
  const picture = background[bounce(view.frame, background.length)] as Uint8Array;
  const shown = backgroundSide * (isFilm ? 1 : window);
  const step = shown / Math.max(width, height);
  const columns = track(width, isFilm ? 0 : fold(view.x) * backgroundSide, step);
  const rows = track(height, isFilm ? 0 : fold(view.y) * backgroundSide, step);
  for (let row = 0, at = 0; row < height; row++) {
    const above = (rows.first[row] as number) * backgroundSide;
    const below = (rows.second[row] as number) * backgroundSide;
    const fy = rows.share[row] as number;
    for (let column = 0; column < width; column++) {
      const left = columns.first[column] as number;
      const right = columns.second[column] as number;
      const fx = columns.share[column] as number;
      const a = 3 * (above + left);
      const b = 3 * (above + right);
      const c = 3 * (below + left);
      const d = 3 * (below + right);
      for (let channel = 0; channel < 3; channel++) {
        const top = lerp(picture[a + channel] as number, picture[b + channel] as number, fx);
        const bottom = lerp(picture[c + channel] as number, picture[d + channel] as number, fx);
        out[at++] = lerp(top, bottom, fy) + 0.5;
      }
    }
  }
}

/** Along one axis, the two texels that each pixel lies between and how near it is to the second. */
function track(pixels: number, start: number, step: number) {
  const first = new Int32Array(pixels);
  const second = new Int32Array(pixels);
  const share = new Float64Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const position = start + (i + 0.5) * step - 0.5;
    const texel = Math.floor(position);
    first[i] = Math.max(0, texel);
    second[i] = Math.min(backgroundSide - 1, texel + 1);
    share[i] = position - texel;
  }
  return { first, second, share };
}

/** To and fro in the room that a still picture has to drift. */
function fold(place: number): number {
  const room = 1 - window;
  const rest = Math.abs(place) % (2 * room);
  return rest < room ? rest : 2 * room - rest;
}

/** 0 1 … n−1 n−2 … 1 0 1 … */
function bounce(frame: number, count: number): number {
  if (count === 1) return 0;
  const rest = frame % (2 * count - 2);
  return rest < count ? rest : 2 * count - 2 - rest;
}

function lerp(a: number, b: number, share: number): number {
  return a + share * (b - a);
}
