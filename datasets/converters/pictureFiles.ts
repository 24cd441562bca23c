/** Image files (PNG, JPEG, WebP …) of one episode into frames of one size. */
import type { Sharp } from 'sharp';
import { InputError } from '../../src/errors.js';
import type { Remarks } from './remarks.js';
import type { PictureSize, Treatment } from './treatment.js';

/** No camera of a policy sees more; a bomb claims more. */
const MAX_PIXELS = 2 ** 24;
/** Frames given to sharp at once. */
const FRAMES_UNDER_WAY = 8;
const CHANNELS = 3;
/** Of EXIF: orientations from 5 on have height and width exchanged. */
const FIRST_TRANSPOSED = 5;

type File = Uint8Array | string;

/** The size of the picture as a viewer shows it. @param name what a sentence calls the file */
export async function pictureFileSize(file: File, name: string): Promise<PictureSize> {
  return (await inspect(file, name)).size;
}

interface Inspected {
  readonly size: PictureSize;
  readonly hasAlpha: boolean;
  readonly isTurned: boolean;
  readonly isLossy: boolean;
}

/** @throws InputError for what is no picture of eight bits a channel */
async function inspect(file: File, name: string): Promise<Inspected> {
  if (file.length === 0) throw new InputError(`${name} is empty: a picture was expected.`);
  const { default: sharp } = await import('sharp');
  const metadata = await sharp(file, { limitInputPixels: MAX_PIXELS })
    .metadata()
    .catch((error: unknown) => {
      throw unusable(name, error);
    });
  const { width, height, depth, pages = 1, hasAlpha, orientation = 1, format } = metadata;
  if (depth !== 'uchar')
    throw new InputError(
      `${name} has ${depth === 'ushort' ? '16 bits' : `numbers of type ${depth}`} a channel, as a depth camera writes; pictures of 8 bits are expected: bring them to 8 bits by a scale of your own, or leave this camera out with --cameras.`,
    );
  if (pages > 1) throw new InputError(`${name} is a film of ${pages} pictures; one a file is expected.`);
  const isTransposed = orientation >= FIRST_TRANSPOSED;
  return {
    size: isTransposed ? { height: width, width: height } : { height, width },
    hasAlpha,
    isTurned: orientation > 1,
    // WebP may be either, and does not say which.
    isLossy: format !== 'png',
  };
}

/**
 * Alpha is dropped (colours stay what they are), and pictures are turned as their EXIF says; both are remarked upon.
 * @param size what comes out @returns `[files, height, width, 3]` RGB
 * @throws InputError where a file is no picture, or not of the size of the others
 */
export async function readPictureFiles(
  files: readonly File[],
  size: PictureSize,
  treatment: Treatment,
  remarks: Remarks,
  camera: string,
  nameOf: (i: number) => string,
): Promise<Uint8Array> {
  const bytes = size.height * size.width * CHANNELS;
  const pixels = new Uint8Array(files.length * bytes);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < files.length) {
      const i = next++;
      const name = nameOf(i);
      pixels.set(await readOne(files[i] as File, size, treatment, remarks, camera, name), i * bytes);
    }
  };
  await Promise.all(Array.from({ length: FRAMES_UNDER_WAY }, worker));
  treatment.turn(pixels, { ...size, channels: CHANNELS });
  return pixels;
}

async function readOne(
  file: File,
  size: PictureSize,
  treatment: Treatment,
  remarks: Remarks,
  camera: string,
  name: string,
): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  const { size: recorded, hasAlpha, isTurned, isLossy } = await inspect(file, name);
  if (isLossy) remarks.addLossy();
  if (hasAlpha)
    remarks.addLossy(`${camera}: pictures have an alpha channel (RGBA), which is left away; colours stay.`);
  if (isTurned)
    remarks.addLossy(`${camera}: pictures are turned as their EXIF orientation says, as viewers show them.`);
  let image: Sharp = sharp(file, { limitInputPixels: MAX_PIXELS });
  if (isTurned) image = image.autoOrient();
  try {
    if (hasAlpha && !treatment.isIdentity(recorded)) {
      // Resized together with alpha, colours would change.
      const { data, info } = await image
        .removeAlpha()
        .toColourspace('srgb')
        .raw()
        .toBuffer({ resolveWithObject: true });
      image = sharp(data, { raw: info });
    }
    const { data, info } = await treatment
      .cutAndSize(image, recorded, camera)
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.width !== size.width || info.height !== size.height || info.channels !== CHANNELS)
      throw new Error(
        `it is ${info.width}×${info.height}, others are ${size.width}×${size.height}; say --image-size`,
      );
    return data;
  } catch (error) {
    throw error instanceof InputError ? error : unusable(name, error);
  }
}

function unusable(name: string, error: unknown): InputError {
  const { message } = error as Error;
  // What the library says of a file that is cut short depends on what it was doing.
  const reason = /failOn|premature|corrupt|truncated|end of|read error/i.test(message)
    ? `it is cut short or damaged (${message.replace(/[.:\s]+$/, '')})`
    : message;
  return new InputError(`${name} cannot be used as an image: ${reason}.`, { cause: error });
}
