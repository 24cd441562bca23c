/** Image files (PNG, JPEG, WebP …) of one episode into frames of one size. */
import sharp from 'sharp';
import { InputError } from '../../src/errors.js';

export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** No camera of a policy sees more; a bomb claims more. */
const MAX_PIXELS = 2 ** 24;
/** Frames given to sharp at once. */
const FRAMES_UNDER_WAY = 8;
const CHANNELS = 3;

/** @param name what a sentence calls the file */
export async function imageSizeOf(
  file: Uint8Array | string,
  name: string,
): Promise<ImageSize & { format: string }> {
  try {
    const { height, width, format } = await sharp(file, { limitInputPixels: MAX_PIXELS }).metadata();
    return { height, width, format };
  } catch (error) {
    throw unreadable(name, error);
  }
}

/**
 * @param size what comes out; files of another size are refused unless `resize`
 * @returns `[frames, height, width, 3]` RGB
 */
export async function decodeImages(
  files: readonly (Uint8Array | string)[],
  size: ImageSize,
  resize: boolean,
  name: (i: number) => string,
): Promise<Uint8Array> {
  const bytes = size.height * size.width * CHANNELS;
  const pixels = new Uint8Array(files.length * bytes);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < files.length) {
      const i = next++;
      pixels.set(await decodeOne(files[i] as Uint8Array | string, size, resize, name(i)), i * bytes);
    }
  };
  await Promise.all(Array.from({ length: FRAMES_UNDER_WAY }, worker));
  return pixels;
}

async function decodeOne(
  file: Uint8Array | string,
  size: ImageSize,
  resize: boolean,
  name: string,
): Promise<Buffer> {
  try {
    const image = sharp(file, { limitInputPixels: MAX_PIXELS }).removeAlpha().toColourspace('srgb');
    const sized = resize ? image.resize(size.width, size.height, { fit: 'fill' }) : image;
    const { data, info } = await sized.raw().toBuffer({ resolveWithObject: true });
    if (info.width !== size.width || info.height !== size.height || info.channels !== CHANNELS)
      throw new Error(
        `it is ${info.width}×${info.height}, others are ${size.width}×${size.height}; say --image-size`,
      );
    return data;
  } catch (error) {
    throw unreadable(name, error);
  }
}

function unreadable(name: string, error: unknown): InputError {
  return new InputError(`${name} cannot be used as an image: ${(error as Error).message}.`, { cause: error });
}
