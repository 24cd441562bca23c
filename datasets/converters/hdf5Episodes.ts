/** What robomimic and Minari files have in common: a group an episode, arrays within, images as rows or as files. */
import type { Hdf5Dataset, Hdf5File } from '../sources/hdf5.js';
import type { PictureColumn } from './camera.js';
import { isPictureLike } from './pictureArrays.js';
import type { NumberColumn } from './steps.js';

/** Paths of all datasets under `group`, relative to it; empty for a dataset itself. */
export function datasetPaths(file: Hdf5File, group: string): string[] {
  if (file.dataset(group) !== null) return [''];
  return file.keys(group).flatMap((key) => {
    const path = `${group}/${key}`;
    if (file.dataset(path) !== null) return [key];
    return datasetPaths(file, path).map((inner) => `${key}/${inner}`);
  });
}

/** The path of a member that may be the group itself. */
export function joined(group: string, path: string): string {
  return path === '' ? group : `${group}/${path}`;
}

const JPEG_MAGIC = [0xff, 0xd8, 0xff];
const PNG_MAGIC = [0x89, 0x50, 0x4e, 0x47];

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

export interface Hdf5Columns {
  readonly pictures: ReadonlyMap<string, PictureColumn>;
  readonly numbers: ReadonlyMap<string, NumberColumn>;
}

/**
 * All columns of a group.
 * @param next a group like it, whose last row follows the last row of each column: the observation after it
 * @param prefix of what sentences call them
 */
export function hdf5Columns(file: Hdf5File, group: string, prefix: string, next?: string): Hdf5Columns {
  const pictures = new Map<string, PictureColumn>();
  const numbers = new Map<string, NumberColumn>();
  for (const key of datasetPaths(file, group)) {
    const dataset = file.requiredDataset(joined(group, key));
    const after = next === undefined ? null : file.dataset(joined(next, key));
    const name = joined(prefix, key);
    const parts = new RowParts(dataset, after);
    const [, ...shape] = dataset.shape;
    if (holdsFiles(dataset))
      pictures.set(key, { kind: 'files', name, rows: parts.rows, read: (from, to) => parts.files(from, to) });
    else if (isPictureLike(shape, dataset.type))
      pictures.set(key, {
        kind: 'array',
        name,
        rows: parts.rows,
        shape,
        type: dataset.type,
        read: (from, to) => parts.numbers(from, to),
      });
    else if (dataset.type !== 'other' && dataset.shape.length > 0 && !dataset.isRagged)
      numbers.set(key, {
        name,
        rows: parts.rows,
        size: dataset.rowSize,
        isWhole: /^u?int/.test(dataset.type),
        read: (from, to) => Float32Array.from(parts.numbers(from, to) as ArrayLike<number>, Number),
      });
  }
  return { pictures, numbers };
}

/** The rows of a dataset, and the last one of another after them. */
class RowParts {
  readonly rows: number;
  readonly #dataset: Hdf5Dataset;
  readonly #after: Hdf5Dataset | null;

  constructor(dataset: Hdf5Dataset, after: Hdf5Dataset | null) {
    this.#dataset = dataset;
    this.#after = after !== null && after.rows > 0 ? after : null;
    this.rows = dataset.rows + (this.#after === null ? 0 : 1);
  }

  numbers(from: number, to: number): ArrayLike<number | bigint> {
    const own = this.#dataset.numbers(from, Math.min(to, this.#dataset.rows));
    const after = this.#after;
    if (after === null || to <= this.#dataset.rows) return own;
    const last = after.numbers(after.rows - 1, after.rows);
    if (own instanceof Uint8Array && last instanceof Uint8Array) return Buffer.concat([own, last]);
    return [...Array.from(own), ...Array.from(last)];
  }

  files(from: number, to: number): Uint8Array[] {
    const own = fileRows(this.#dataset, from, Math.min(to, this.#dataset.rows));
    const after = this.#after;
    if (after === null || to <= this.#dataset.rows) return own;
    return [...own, ...fileRows(after, after.rows - 1, after.rows)];
  }
}
