/** What robomimic and Minari files have in common: a group an episode, arrays within, images as rows or as files. */
import { InputError } from '../../src/errors.js';
import type { Hdf5Dataset, Hdf5File } from '../sources/hdf5.js';
import { decodeImages, type ImageSize, imageSizeOf } from './decodeImages.js';
import { resizeFrames } from './resizeFrames.js';

/** Paths of all datasets under `group`, relative to it. */
export function datasetPaths(file: Hdf5File, group: string): string[] {
  return file.keys(group).flatMap((key) => {
    const path = `${group}/${key}`;
    if (file.dataset(path) !== null) return [key];
    return datasetPaths(file, path).map((inner) => `${key}/${inner}`);
  });
}

const JPEG_MAGIC = [0xff, 0xd8, 0xff];
const PNG_MAGIC = [0x89, 0x50, 0x4e, 0x47];

/** Whether the dataset holds images: `[rows, height, width, 3 or 1]` bytes, or rows of image files. */
export function holdsImages(dataset: Hdf5Dataset): boolean {
  const [, , , channels = 0] = dataset.shape;
  return holdsFiles(dataset) || (dataset.isBytes && dataset.shape.length === 4 && [1, 3].includes(channels));
}

/** Files of equal length are a plain matrix of bytes; only their first bytes tell what they are. */
function holdsFiles(dataset: Hdf5Dataset): boolean {
  const mayBe = dataset.isRagged || (dataset.isBytes && dataset.shape.length === 2);
  if (!mayBe || dataset.rows === 0) return false;
  const [first] = fileRows(dataset, 0, 1);
  return [JPEG_MAGIC, PNG_MAGIC].some((magic) => magic.every((byte, i) => first?.[i] === byte));
}

function fileRows(dataset: Hdf5Dataset, from: number, to: number): Uint8Array[] {
  if (dataset.isRagged) return dataset.byteRows(from, to);
  const bytes = dataset.bytes(from, to);
  const size = dataset.rowSize;
  return Array.from({ length: to - from }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/**
 * The image dataset to convert.
 * @param paths candidates, relative to `group`
 */
export function chooseCamera(
  file: Hdf5File,
  group: string,
  paths: readonly string[],
  wanted: string | undefined,
): string {
  const cameras = paths.filter((path) => holdsImages(file.requiredDataset(joined(group, path))));
  if (wanted !== undefined) {
    if (cameras.includes(wanted)) return wanted;
    throw new InputError(`${file.name} has no images "${wanted}"; it has ${cameras.join(', ') || 'none'}.`);
  }
  const [only, ...others] = cameras;
  if (only === undefined) throw new InputError(`${file.name} has no images; it has ${paths.join(', ')}.`);
  if (others.length > 0)
    throw new InputError(
      `${file.name} has several cameras: choose one of ${cameras.join(', ')} with --camera.`,
    );
  return only;
}

/** The path of a member that may be the group itself. */
export function joined(group: string, path: string): string {
  return path === '' ? group : `${group}/${path}`;
}

export interface RecordedImages extends ImageSize {
  readonly channels: number;
  readonly isJpeg: boolean;
}

export async function describeImages(dataset: Hdf5Dataset, name: string): Promise<RecordedImages> {
  if (!holdsFiles(dataset)) {
    const [, height = 0, width = 0, channels = 0] = dataset.shape;
    return { height, width, channels, isJpeg: false };
  }
  const [file] = fileRows(dataset, 0, 1);
  const { height, width, format } = await imageSizeOf(file ?? new Uint8Array(), name);
  return { height, width, channels: 3, isJpeg: format === 'jpeg' };
}

/** Rows [from, to) at the wanted size. */
export async function readImages(
  dataset: Hdf5Dataset,
  from: number,
  to: number,
  imageSize: number | undefined,
  recorded: RecordedImages,
  name: string,
): Promise<Uint8Array> {
  if (holdsFiles(dataset)) {
    const size = imageSize === undefined ? recorded : { height: imageSize, width: imageSize };
    return decodeImages(
      fileRows(dataset, from, to),
      size,
      imageSize !== undefined,
      (i) => `${name}, row ${from + i}`,
    );
  }
  const [, height = 0, width = 0, channels = 0] = dataset.shape;
  const pixels = dataset.bytes(from, to);
  if (imageSize !== undefined)
    return resizeFrames(pixels, { frames: to - from, height, width, channels }, imageSize);
  if (height !== recorded.height || width !== recorded.width)
    throw new InputError(
      `${name} is ${width}×${height}, others are ${recorded.width}×${recorded.height}; say --image-size.`,
    );
  return pixels;
}

/** Numbers of several datasets joined row by row. */
export function readState(
  file: Hdf5File,
  group: string,
  keys: readonly string[],
  rows: (dataset: Hdf5Dataset) => Float32Array,
  count: number,
): Float32Array {
  const columns = keys.map((key) => {
    const dataset = file.requiredDataset(joined(group, key));
    return { values: rows(dataset), size: dataset.rowSize };
  });
  const size = columns.reduce((sum, column) => sum + column.size, 0);
  const state = new Float32Array(count * size);
  for (let row = 0, at = 0; row < count; row++)
    for (const { values, size: width } of columns) {
      state.set(values.subarray(row * width, (row + 1) * width), at);
      at += width;
    }
  return state;
}
