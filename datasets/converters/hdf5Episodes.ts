/** What robomimic and Minari files have in common: a group an episode, arrays within, images as rows or as files. */
import { InputError } from '../../src/errors.js';
import type { Hdf5Dataset, Hdf5File } from '../sources/hdf5.js';
import type { PictureColumn } from './camera.js';
import type { SourceProblem } from './conversionSource.js';
import { isPictureLike } from './pictureArrays.js';
import { statedChannelOrder } from './statedConventions.js';
import type { NumberColumn } from './stepTable.js';

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
  /** Sentences about what cannot be read. */
  readonly unread: readonly string[];
}

/**
 * All columns of a group.
 * @param next a group like it, whose last row follows the last row of each column: the observation after it
 * @param prefix of what sentences call them
 */
export function hdf5Columns(file: Hdf5File, group: string, prefix: string, next?: string): Hdf5Columns {
  const pictures = new Map<string, PictureColumn>();
  const numbers = new Map<string, NumberColumn>();
  const unread: string[] = [];
  for (const key of datasetPaths(file, group)) {
    const dataset = file.requiredDataset(joined(group, key));
    const after = next === undefined ? null : file.dataset(joined(next, key));
    const name = joined(prefix, key);
    const parts = new RowParts(name, dataset, after);
    const [, ...shape] = dataset.shape;
    const channelOrder = statedChannelOrder(file.attributes(joined(group, key)));
    if (dataset.type === 'float16')
      unread.push(`${name} holds 16-bit floats (float16), which cannot be read here: write it as float32.`);
    else if (holdsFiles(dataset))
      pictures.set(key, {
        kind: 'files',
        name,
        rows: parts.rows,
        read: (from, to) => parts.files(from, to),
        ...(channelOrder && { channelOrder }),
      });
    else if (isPictureLike(shape, dataset.type))
      pictures.set(key, {
        kind: 'array',
        name,
        rows: parts.rows,
        shape,
        type: dataset.type,
        read: (from, to) => parts.numbers(from, to),
        ...(channelOrder && { channelOrder }),
      });
    else if (dataset.type !== 'other' && dataset.shape.length > 0 && !dataset.isRagged)
      numbers.set(key, {
        name,
        rows: parts.rows,
        size: dataset.rowSize,
        isWhole: /^(u?int|bool)/.test(dataset.type),
        read: (from, to) => Float32Array.from(parts.numbers(from, to) as ArrayLike<number>, Number),
      });
  }
  return { pictures, numbers, unread };
}

/** What is wrong where a group's attribute states another number of actions than it has. */
export function statedRowsProblems(
  file: Hdf5File,
  group: string,
  attribute: string,
  actions: number,
): SourceProblem[] {
  const stated = file.attribute(group, attribute);
  if (typeof stated !== 'number' || stated === actions) return [];
  const message = `Its ${attribute} is ${stated}, and it has ${actions} actions.`;
  return [{ kind: 'rows', severity: 'suspicion', message, repaired: true }];
}

/** The rows of a dataset, and the last one of another after them. */
class RowParts {
  readonly rows: number;
  readonly #dataset: Hdf5Dataset;
  readonly #after: Hdf5Dataset | null;

  /** @throws InputError where the two do not have equally many rows: the last one of `after` is then not the next */
  constructor(name: string, dataset: Hdf5Dataset, after: Hdf5Dataset | null) {
    this.#dataset = dataset;
    // One row more than what follows each: the last observation is there already.
    const isWhole = after === null || dataset.rows === after.rows + 1;
    if (!isWhole && after.rows !== dataset.rows)
      throw new InputError(
        `${name} has ${dataset.rows} rows, and the observations after them in next_obs ${after.rows}; as many are expected.`,
      );
    this.#after = !isWhole && after.rows > 0 ? after : null;
    this.rows = dataset.rows + (this.#after === null ? 0 : 1);
  }

  numbers(from: number, to: number): ArrayLike<number | bigint> {
    const own = this.#dataset.numbers(from, Math.min(to, this.#dataset.rows));
    const after = this.#after;
    if (after === null || to <= this.#dataset.rows) return own;
    const last = after.numbers(after.rows - 1, after.rows);
    if (own instanceof Uint8Array && last instanceof Uint8Array) return Buffer.concat([own, last]);
    // Of whichever type: bytes and float32 are made of them.
    const all = new Float64Array(own.length + last.length);
    all.set(Float64Array.from(own, Number));
    all.set(Float64Array.from(last, Number), own.length);
    return all;
  }

  files(from: number, to: number): Uint8Array[] {
    const own = fileRows(this.#dataset, from, Math.min(to, this.#dataset.rows));
    const after = this.#after;
    if (after === null || to <= this.#dataset.rows) return own;
    return [...own, ...fileRows(after, after.rows - 1, after.rows)];
  }
}
