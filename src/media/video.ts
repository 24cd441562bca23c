/**
 * Videos from raw frames, without ffmpeg. The file's ending says which: `.mp4` (H.264), `.webp` (animated, lossy)
 * or `.gif`. Frames are taken one at a time, so an MP4 or GIF of any length needs little memory; WebP, which is
 * encoded as a whole, holds all its frames.
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import sharp from 'sharp';
import { InputError } from '../errors.js';
import { type Image, toRgba } from './image.js';

export interface VideoOptions {
  /** Frames per second, above 0; default 20. */
  readonly fps?: number;
}

export interface WrittenVideo {
  readonly path: string;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

interface Encoder {
  /** RGBA bytes of one frame, which become the encoder's. */
  add(rgba: Uint8Array): void | Promise<void>;
  finish(): Promise<Uint8Array>;
  /** Frees what the encoder holds; called whether or not it finished. */
  dispose(): void;
}

type OpenEncoder = (width: number, height: number, fps: number) => Promise<Encoder>;

const encoders: Readonly<Record<string, OpenEncoder>> = {
  '.mp4': openMp4,
  '.webp': openWebp,
  '.gif': openGif,
};
const require = createRequire(import.meta.url);

/** @throws InputError where the file's ending names none of the three formats. */
export function checkVideoPath(path: string): void {
  encoderFor(path);
}

/**
 * Writes all frames, which must be of one size, to `path`.
 * @throws InputError for another ending, no frame, or frames of different sizes.
 */
export async function writeVideo(
  path: string,
  frames: Iterable<Image> | AsyncIterable<Image>,
  options: VideoOptions = {},
): Promise<WrittenVideo> {
  const open = encoderFor(path);
  const fps = options.fps ?? 20;
  if (!(fps > 0))
    throw new InputError(`A video cannot have ${fps} frames per second: a number above 0 was expected.`);
  let encoder: Encoder | undefined;
  let width = 0;
  let height = 0;
  let count = 0;
  try {
    for await (const frame of frames) {
      if (encoder === undefined) {
        width = frame.width;
        height = frame.height;
        encoder = await open(width, height, fps);
      }
      if (frame.width !== width || frame.height !== height)
        throw new InputError(
          `The frames of a video must be of one size: frame ${count} is ${frame.width}×${frame.height}, the first is ${width}×${height}.`,
        );
      await encoder.add(toRgba(frame));
      count++;
    }
    if (encoder === undefined) throw new InputError(`There is no frame to write to ${path}.`);
    const bytes = await encoder.finish();
    await writeFile(path, bytes);
    return { path, frames: count, width, height, bytes: bytes.length };
  } finally {
    encoder?.dispose();
  }
}

function encoderFor(path: string): OpenEncoder {
  const open = encoders[extname(path).toLowerCase()];
  if (open === undefined)
    throw new InputError(`A video cannot be written to ${path}: its name has to end in .mp4, .webp or .gif.`);
  return open;
}

/** H.264 takes even sizes only; an odd image loses nothing, its last row or column is repeated. */
async function openMp4(width: number, height: number, fps: number): Promise<Encoder> {
  const { createH264MP4Encoder } = require('h264-mp4-encoder') as typeof import('h264-mp4-encoder');
  const encoder = await createH264MP4Encoder();
  encoder.width = width + (width % 2);
  encoder.height = height + (height % 2);
  encoder.frameRate = fps;
  // All encoders of a process share one in-memory file system.
  encoder.outputFilename = `${randomUUID()}.mp4`;
  // 10 (best) to 51 (smallest); edges and thin poles stay clean up to about here.
  encoder.quantizationParameter = 22;
  encoder.groupOfPictures = Math.max(1, Math.round(2 * fps));
  encoder.initialize();
  return {
    add: (rgba) => encoder.addFrameRgba(padToEven(rgba, width, height)),
    finish: async () => {
      encoder.finalize();
      const bytes = encoder.FS.readFile(encoder.outputFilename) as Uint8Array;
      encoder.FS.unlink(encoder.outputFilename);
      return bytes;
    },
    dispose: () => encoder.delete(),
  };
}

function padToEven(rgba: Uint8Array, width: number, height: number): Uint8Array {
  if (width % 2 === 0 && height % 2 === 0) return rgba;
  const source = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
  const padded = new Uint32Array((width + (width % 2)) * (height + (height % 2)));
  const stride = width + (width % 2);
  for (let y = 0; y < height + (height % 2); y++) {
    const row = Math.min(y, height - 1) * width;
    padded.set(source.subarray(row, row + width), y * stride);
    if (stride > width) padded[y * stride + width] = source[row + width - 1] as number;
  }
  return new Uint8Array(padded.buffer);
}

async function openWebp(width: number, height: number, fps: number): Promise<Encoder> {
  const pages: Uint8Array[] = [];
  return {
    add: (rgba) => {
      pages.push(rgba);
    },
    finish: () =>
      sharp(Buffer.concat(pages), {
        raw: { width, height: height * pages.length, channels: 4, pageHeight: height },
        limitInputPixels: false,
      })
        .webp({ quality: 80, effort: 2, loop: 0, delay: pages.map(() => Math.round(1000 / fps)) })
        .toBuffer(),
    dispose: () => {
      pages.length = 0;
    },
  };
}

async function openGif(width: number, height: number, fps: number): Promise<Encoder> {
  const { GIFEncoder, quantize, applyPalette } = require('gifenc') as Gifenc;
  const encoder = GIFEncoder();
  // The palette is found from every n-th pixel: colours come in areas, and the search is what takes the time.
  const stride = Math.max(1, Math.floor((width * height) / 16384));
  return {
    add: (rgba) => {
      const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
      const sample = new Uint32Array(Math.floor(pixels.length / stride));
      for (let i = 0; i < sample.length; i++) sample[i] = pixels[i * stride] as number;
      const palette = quantize(new Uint8Array(sample.buffer), 256);
      // Viewers play a delay under 20 ms as 100 ms.
      const delay = Math.max(20, Math.round(1000 / fps));
      encoder.writeFrame(applyPalette(rgba, palette), width, height, { palette, delay, repeat: 0 });
    },
    finish: async () => {
      encoder.finish();
      return encoder.bytes();
    },
    dispose: () => {},
  };
}

/** The part of gifenc, which has no types of its own, that is used here. */
interface Gifenc {
  GIFEncoder(): {
    writeFrame(
      index: Uint8Array,
      width: number,
      height: number,
      options: { palette: number[][]; delay: number; repeat: number },
    ): void;
    finish(): void;
    bytes(): Uint8Array;
  };
  quantize(rgba: Uint8Array, maxColors: number): number[][];
  applyPalette(rgba: Uint8Array, palette: number[][]): Uint8Array;
}
