/**
 * What is done to the pictures of a source because the user asks for it, in this order: a part is cut out, it is
 * brought to a size, turned over, and its channels are put in order. Datasets made so are marked as lossy.
 */
import type { Sharp } from 'sharp';
import type { PerImage, ImageSize as SizeSetting } from '../../envs/environment.js';
import { InputError } from '../../src/errors.js';
import type { FramesShape } from '../codecs/frameCodec.js';
import type { Remarks } from './remarks.js';

export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** How a picture fills a size of other proportions: distorted, with its edges cut off, or with black beside it. */
export const fits = ['stretch', 'crop', 'pad'] as const;
export const flips = ['vertical', 'horizontal', 'both'] as const;
export const channelOrders = ['rgb', 'bgr'] as const;

export interface PictureOptions {
  /** For all images, or by an image's name or key; default: as recorded. */
  readonly imageSize?: PerImage<SizeSetting>;
  /** Default: stretch, which is remarked upon. */
  readonly fit?: (typeof fits)[number];
  /** In the source's pixels, (0, 0) at the top left. */
  readonly crop?: PictureSize & { readonly left: number; readonly top: number };
  /** vertical: what was at the top comes to the bottom. */
  readonly flip?: (typeof flips)[number];
  /** That of the source; what comes out is RGB. */
  readonly channelOrder?: (typeof channelOrders)[number];
}

const sharpFits = { stretch: 'fill', crop: 'cover', pad: 'contain' } as const;

/** What is done to the pictures of one camera. */
export class Treatment {
  readonly #options: PictureOptions;
  readonly #size: PictureSize | undefined;
  readonly #remarks: Remarks;

  /** @param names by which the user may have given this camera a size */
  constructor(options: PictureOptions, names: readonly string[], remarks: Remarks) {
    if (options.fit !== undefined && options.imageSize === undefined)
      throw new InputError(
        `--fit ${options.fit} says how pictures fill a size, and no size is given: say --image-size.`,
      );
    this.#options = options;
    this.#remarks = remarks;
    this.#size = sizeFor(options.imageSize, names);
  }

  /** Whether all pictures come out at one size, whatever they were. */
  get hasSize(): boolean {
    return this.#size !== undefined;
  }

  /** @param recorded the size before @throws InputError where it has not the part to be cut out */
  sizeOf(recorded: PictureSize, name: string): PictureSize {
    return this.#size ?? this.#part(recorded, name);
  }

  /** Whether a picture of that size goes through as it is. */
  isIdentity({ height, width }: PictureSize): boolean {
    const { crop, flip, channelOrder = 'rgb' } = this.#options;
    const sized = this.#size ?? { height, width };
    const isWhole =
      crop === undefined ||
      (crop.left === 0 && crop.top === 0 && crop.width === width && crop.height === height);
    return (
      isWhole &&
      sized.height === height &&
      sized.width === width &&
      flip === undefined &&
      channelOrder === 'rgb'
    );
  }

  /** The part and the size, which sharp sees to. */
  cutAndSize(image: Sharp, recorded: PictureSize, name: string): Sharp {
    if (!this.isIdentity(recorded)) this.#remarks.addLossy();
    const part = this.#part(recorded, name);
    const { crop, fit } = this.#options;
    const cut = crop === undefined ? image : image.extract(crop);
    const size = this.#size;
    if (size === undefined || (size.height === part.height && size.width === part.width)) return cut;
    if (fit === undefined && part.width * size.height !== part.height * size.width)
      this.#remarks.add(
        `${name}: pictures of ${part.width}×${part.height} are stretched to ${size.width}×${size.height}; --fit crop or --fit pad keeps their proportions.`,
      );
    return cut.resize(size.width, size.height, {
      fit: sharpFits[fit ?? 'stretch'],
      background: { r: 0, g: 0, b: 0 },
    });
  }

  /** What is left to do to frames `[frames, height, width, channels]` that were cut and sized, in place. */
  turn(pixels: Uint8Array, { height, width, channels }: Omit<FramesShape, 'frames'>): void {
    const { flip, channelOrder } = this.#options;
    const row = width * channels;
    if (flip === 'vertical' || flip === 'both')
      for (let start = 0; start < pixels.length; start += height * row) swapRows(pixels, start, height, row);
    if (flip === 'horizontal' || flip === 'both')
      for (let start = 0; start < pixels.length; start += row) swapRows(pixels, start, width, channels);
    if (channelOrder === 'bgr' && channels === 3)
      for (let at = 0; at < pixels.length; at += 3) {
        const blue = pixels[at] as number;
        pixels[at] = pixels[at + 2] as number;
        pixels[at + 2] = blue;
      }
  }

  /** All of it, of plain frames. @returns `[frames, height, width, channels]` at the size of `sizeOf` */
  async ofFrames(pixels: Uint8Array, shape: FramesShape, name: string): Promise<Uint8Array> {
    if (this.isIdentity(shape)) return pixels;
    const { frames, height, width, channels } = shape;
    if (channels !== 1 && channels !== 3 && channels !== 4)
      throw new InputError(`${name} has frames of ${channels} channels, which cannot be changed.`);
    const size = this.sizeOf(shape, name);
    // Only now: most conversions never resize, and it takes a while to load.
    const { default: sharp } = await import('sharp');
    const bytes = height * width * channels;
    const treated = new Uint8Array(frames * size.height * size.width * channels);
    await Promise.all(
      Array.from({ length: frames }, async (_, i) => {
        const frame = pixels.subarray(i * bytes, (i + 1) * bytes);
        const image = sharp(frame, { raw: { width, height, channels } });
        const data = await this.cutAndSize(image, shape, name)
          .toColourspace(channels === 1 ? 'b-w' : 'srgb')
          .raw()
          .toBuffer();
        treated.set(data, i * size.height * size.width * channels);
      }),
    );
    this.turn(treated, { ...size, channels });
    return treated;
  }

  #part(recorded: PictureSize, name: string): PictureSize {
    const { crop } = this.#options;
    if (crop === undefined) return recorded;
    const { left, top, width, height } = crop;
    if (left + width > recorded.width || top + height > recorded.height)
      throw new InputError(
        `${name}: pictures of ${recorded.width}×${recorded.height} have no part of ${width}×${height} at (${left}, ${top}): choose another --crop.`,
      );
    return { height, width };
  }
}

/** Mirrors `count` runs of `bytes` bytes from `start` on. */
function swapRows(pixels: Uint8Array, start: number, count: number, bytes: number): void {
  for (let i = 0; i < count >> 1; i++) {
    const a = start + i * bytes;
    const b = start + (count - 1 - i) * bytes;
    for (let j = 0; j < bytes; j++) {
      const byte = pixels[a + j] as number;
      pixels[a + j] = pixels[b + j] as number;
      pixels[b + j] = byte;
    }
  }
}

function sizeFor(
  setting: PerImage<SizeSetting> | undefined,
  names: readonly string[],
): PictureSize | undefined {
  if (setting === undefined) return undefined;
  const isOne = typeof setting === 'number' || ('height' in setting && typeof setting.height === 'number');
  const own = isOne
    ? (setting as SizeSetting)
    : names
        .map((name) => (setting as Readonly<Record<string, SizeSetting>>)[name])
        .find((size) => size !== undefined);
  return typeof own === 'number' ? { height: own, width: own } : own;
}
