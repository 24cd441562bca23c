/**
 * What an array of numbers is as pictures, by its shape, its type and, where the type leaves it open, its values.
 * Bytes are taken as they are; whole numbers from 0 to 255 in another type are bytes all the same; fractions from 0
 * to 1 are levels of light, and are brought to bytes. All else (depth in metres or millimetres, normalised by a mean) is
 * refused by name.
 */
import { InputError } from '../../src/errors.js';
import type { FramesShape } from '../codecs/frameCodec.js';
import type { Remarks } from './remarks.js';

/** Sides from which on numbers in a plane are taken for a picture rather than a matrix. */
const MIN_SIDE = 4;
const MIN_SIDE_OF_NUMBERS = 16;
const CHANNELS = [1, 3, 4];
const FULL = 255;

export type ArrayNumbers = ArrayLike<number | bigint>;

export function isNumberType(type: string): boolean {
  return /^(u?int|float)\d+$/.test(type);
}

/** @param shape of one row @param type as NumPy names it */
export function isPictureLike(shape: readonly number[], type: string): boolean {
  const [a = 0, b = 0, c = 0] = shape;
  if (!isNumberType(type) || shape.length < 2 || shape.length > 3) return false;
  const least = type === 'uint8' ? MIN_SIDE : MIN_SIDE_OF_NUMBERS;
  if (shape.length === 2) return a >= least && b >= least;
  if (CHANNELS.includes(c)) return a >= MIN_SIDE && b >= MIN_SIDE;
  if (CHANNELS.includes(a)) return b >= MIN_SIDE && c >= MIN_SIDE;
  return a >= MIN_SIDE && b >= MIN_SIDE && type === 'uint8';
}

export interface PlaneLayout {
  readonly height: number;
  readonly width: number;
  /** As stored: 1, 3, or 4 with alpha. */
  readonly channels: number;
  readonly channelsFirst: boolean;
}

/** @param shape of one row @throws InputError where it is not that of a picture */
export function planeLayout(shape: readonly number[], name: string): PlaneLayout {
  const [a = 0, b = 0, c = 0] = shape;
  if (shape.length === 2) return { height: a, width: b, channels: 1, channelsFirst: false };
  if (shape.length === 3 && CHANNELS.includes(c))
    return { height: a, width: b, channels: c, channelsFirst: false };
  if (shape.length === 3 && CHANNELS.includes(a))
    return { height: b, width: c, channels: a, channelsFirst: true };
  throw new InputError(
    `${name} has pictures of shape [${shape.join(', ')}]; [height, width, 3 or 1 channels], [channels, height, width] or [height, width] is expected.`,
  );
}

/**
 * Four channels may be the last four grey pictures, as Atari's wrappers stack them, rather than red, green, blue and
 * alpha: then each picture's channels are those of the one before it, moved up by one.
 * @throws InputError where they are
 */
function requireNoStack(values: ArrayNumbers, layout: PlaneLayout, name: string): void {
  const { height, width, channels, channelsFirst } = layout;
  if (channels !== 4) return;
  const [plane, row] = [height * width, height * width * channels];
  const frames = Math.floor(values.length / row);
  const at = (frame: number, channel: number, i: number): number =>
    Number(values[frame * row + (channelsFirst ? channel * plane + i : i * channels + channel)]);
  let differs = false;
  for (let frame = 1; frame < frames; frame++)
    for (let i = 0; i < plane; i++)
      for (let channel = 0; channel < channels - 1; channel++) {
        if (at(frame, channel, i) !== at(frame - 1, channel + 1, i)) return;
        differs ||= at(frame, channel, i) !== at(frame, channel + 1, i);
      }
  if (differs)
    throw new InputError(
      `${name} holds four grey pictures stacked as channels, not RGBA: record single frames, the newest of each; they are stacked when they are learnt from.`,
    );
}

/** `unit`: levels from 0 to 1; `byte`: from 0 to 255. */
export type Scale = 'byte' | 'unit';

/** What levels are in, told from the first episode. */
export function scaleOf(values: ArrayNumbers, type: string): Scale {
  if (!type.startsWith('float')) return 'byte';
  let isWhole = true;
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (value > 1) return 'byte';
    isWhole &&= Number.isInteger(value);
  }
  // 0 and 1 alone: black and white, unless something brighter would follow; a byte of 1 is nearly black.
  return isWhole && !hasOne(values) ? 'byte' : 'unit';
}

function hasOne(values: ArrayNumbers): boolean {
  for (let i = 0; i < values.length; i++) if (Number(values[i]) === 1) return true;
  return false;
}

/** @throws InputError for what is not a level in that scale */
function asBytes(
  values: ArrayNumbers,
  type: string,
  scale: Scale,
  remarks: Remarks,
  name: string,
): Uint8Array {
  if (values instanceof Uint8Array) return values;
  if (/^u?int16$/.test(type))
    throw new InputError(
      `${name} holds ${type}, 16 bits a number, as a depth camera gives; bytes are expected: bring them to 8 bits by a scale of your own, or leave this camera out with --cameras.`,
    );
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < bytes.length; i++) {
    const value = Number(values[i]);
    const level = scale === 'unit' ? Math.round(value * FULL) : value;
    bytes[i] = level;
    if (bytes[i] !== level)
      throw new InputError(
        `${name} holds ${value} (${type}), as depth or pictures normalised by a mean do; ${scale === 'unit' ? 'numbers from 0 to 1, as in the first episode, are' : 'whole numbers from 0 to 255, or levels from 0 to 1, are'} expected: bring them to 8 bits by a scale of your own, or leave this camera out with --cameras.`,
      );
  }
  if (scale === 'unit')
    remarks.addLossy(
      `${name}: levels of light from 0 to 1 (${type}) are brought to whole numbers from 0 to 255.`,
    );
  return bytes;
}

/**
 * Channels last, without alpha.
 * @param pixels `frames` pictures as stored @returns `[frames, height, width, 1 or 3]`
 */
function withoutAlpha(pixels: Uint8Array, layout: PlaneLayout, remarks: Remarks, name: string): Uint8Array {
  const { height, width, channels } = layout;
  const interleaved = layout.channelsFirst ? channelsLast(pixels, channels, height * width) : pixels;
  if (channels !== 4) return interleaved;
  remarks.addLossy(`${name}: pictures have an alpha channel (RGBA), which is left away; colours stay.`);
  const colours = new Uint8Array((interleaved.length / 4) * 3);
  for (let from = 0, to = 0; from < interleaved.length; from += 4) {
    colours[to++] = interleaved[from] as number;
    colours[to++] = interleaved[from + 1] as number;
    colours[to++] = interleaved[from + 2] as number;
  }
  return colours;
}

/**
 * Pictures of numbers as bytes, channels last, without alpha.
 * @param values `[frames, …plane]` as stored; bytes are not copied where they are so already
 * @param called what remarks call the camera @param name what sentences call the array
 * @returns `[frames, height, width, 1 or 3]`
 * @throws InputError for four grey pictures stacked as channels, and for what is not a level in that scale
 */
export function plainPixels(
  values: ArrayNumbers,
  { plane, type }: { readonly plane: PlaneLayout; readonly type: string },
  scale: Scale,
  remarks: Remarks,
  called: string,
  name: string,
): Uint8Array {
  requireNoStack(values, plane, name);
  return withoutAlpha(asBytes(values, type, scale, remarks, called), plane, remarks, called);
}

/** Of pictures that `plainPixels` gives. */
export function plainShape({ height, width, channels }: PlaneLayout, frames: number): FramesShape {
  return { frames, height, width, channels: channels === 4 ? 3 : channels };
}

/** `[frames, channels, pixels]` → `[frames, pixels, channels]`. */
export function channelsLast(planar: Uint8Array, channels: number, pixels: number): Uint8Array {
  if (channels === 1) return planar;
  const interleaved = new Uint8Array(planar.length);
  const frameBytes = channels * pixels;
  for (let frame = 0; frame < planar.length; frame += frameBytes)
    for (let channel = 0; channel < channels; channel++) {
      const from = frame + channel * pixels;
      for (let i = 0; i < pixels; i++)
        interleaved[frame + i * channels + channel] = planar[from + i] as number;
    }
  return interleaved;
}
