/**
 * HDF5 files through h5wasm (the HDF5 C library, compiled to WebAssembly): reads slices, so a file may be larger
 * than memory. Everything the library throws becomes a sentence.
 */
import { access, constants } from 'node:fs/promises';
import type { Dataset, File, Group } from 'h5wasm/node';
import { InputError } from '../../src/errors.js';
import { requireSoundHeaps } from './hdf5Heaps.js';

/** What one slice may take: a hostile header must not make us allocate more. */
const MAX_SLICE_BYTES = 2 ** 29;

type H5wasm = typeof import('h5wasm/node').default;

/** One instance of the library. A file that is damaged badly enough makes it abort, and it is of no use afterwards. */
interface Library {
  readonly h5wasm: H5wasm;
  /** The file over which it aborted. */
  abortedBy: string | undefined;
}

let instances = 0;
let library: Promise<Library> | undefined;

/** The instance in use; another one where that has aborted. */
async function workingLibrary(): Promise<Library> {
  if (library === undefined || (await library).abortedBy !== undefined) library = loadLibrary();
  return library;
}

async function loadLibrary(): Promise<Library> {
  // A module of another address is another instance.
  const address = instances === 0 ? 'h5wasm/node' : `${import.meta.resolve('h5wasm/node')}?${instances}`;
  instances++;
  const { default: h5wasm }: typeof import('h5wasm/node') = await import(address);
  // The library would print its errors; this way it throws them.
  (await h5wasm.ready).activate_throwing_error_handler();
  return { h5wasm, abortedBy: undefined };
}

export class Hdf5File {
  readonly name: string;
  readonly #path: string;
  readonly #library: Library;
  readonly #file: File;
  #hasSoundHeaps = false;

  private constructor(name: string, path: string, library: Library, file: File) {
    this.name = name;
    this.#path = path;
    this.#library = library;
    this.#file = file;
  }

  /** @param name what sentences call it */
  static async open(path: string, name: string): Promise<Hdf5File> {
    await access(path, constants.R_OK);
    const library = await workingLibrary();
    const file = guard(name, library, () => new library.h5wasm.File(path, 'r'));
    if (Number(file.file_id) <= 0) throw new InputError(`${name} cannot be read: it is not an HDF5 file.`);
    return new Hdf5File(name, path, library, file);
  }

  /** Names within a group; empty where there is no such group. */
  keys(group = '/'): string[] {
    const found = this.#get(group);
    return found !== null && 'keys' in found ? guard(this.name, this.#library, () => found.keys()) : [];
  }

  /**
   * null where there is no dataset of that path.
   * @throws InputError where its rows have their own length and lie in a heap that is damaged
   */
  dataset(path: string): Hdf5Dataset | null {
    const found = this.#get(path);
    if (found === null || !('slice' in found)) return null;
    const dataset = new Hdf5Dataset(this.name, path, this.#library, found);
    if (dataset.isRagged && !this.#hasSoundHeaps) {
      requireSoundHeaps(this.#path, this.name);
      this.#hasSoundHeaps = true;
    }
    return dataset;
  }

  /** @throws InputError where there is none */
  requiredDataset(path: string): Hdf5Dataset {
    const dataset = this.dataset(path);
    if (dataset === null) throw new InputError(`${this.name} has no dataset "${path}".`);
    return dataset;
  }

  /** An attribute's value (numbers and strings as they are), undefined where it is missing. */
  attribute(path: string, name: string): unknown {
    const found = this.#get(path);
    return found === null
      ? undefined
      : guard(this.name, this.#library, () => found.attrs[name]?.json_value ?? undefined);
  }

  /** All attributes of a group or an array whose values are numbers or strings. */
  attributes(path: string): Readonly<Record<string, unknown>> {
    const found = this.#get(path);
    if (found === null) return {};
    return guard(this.name, this.#library, () =>
      Object.fromEntries(Object.keys(found.attrs).map((name) => [name, found.attrs[name]?.json_value])),
    );
  }

  close(): void {
    if (this.#library.abortedBy === undefined) guard(this.name, this.#library, () => this.#file.close());
  }

  #get(path: string): Dataset | Group | null {
    const { h5wasm } = this.#library;
    const entity = guard(
      this.name,
      this.#library,
      () => (path === '/' ? this.#file : this.#file.get(path)),
      path,
    );
    return entity instanceof h5wasm.Dataset || entity instanceof h5wasm.Group ? entity : null;
  }
}

export class Hdf5Dataset {
  readonly path: string;
  readonly shape: readonly number[];
  /** As NumPy names it: `uint8`, `float32`, `bool` …; `other` for what is not numbers. */
  readonly type: string;
  /** True for uint8, as images are. */
  readonly isBytes: boolean;
  /** True where each row has its own length, as JPEG files do. */
  readonly isRagged: boolean;
  readonly #fileName: string;
  readonly #library: Library;
  readonly #dataset: Dataset;
  readonly #itemBytes: number;

  constructor(fileName: string, path: string, library: Library, dataset: Dataset) {
    this.path = path;
    this.#fileName = fileName;
    this.#library = library;
    this.#dataset = dataset;
    const { shape, type, size, signed, vlen } = guard(fileName, library, () => dataset.metadata);
    this.shape = shape ?? [];
    this.#itemBytes = size;
    this.isRagged = vlen || type === VLEN_TYPE;
    this.type = typeName(type, size, signed);
    this.isBytes = this.type === 'uint8';
  }

  get rows(): number {
    return this.shape[0] ?? 0;
  }

  /** Numbers in a row. */
  get rowSize(): number {
    return this.shape.slice(1).reduce((product, size) => product * size, 1);
  }

  /** Rows [from, to) as float32. */
  floats(from: number, to: number): Float32Array {
    return Float32Array.from(this.numbers(from, to) as ArrayLike<number>, Number);
  }

  /** Rows [from, to) in the dataset's own type. */
  numbers(from: number, to: number): ArrayLike<number | bigint> {
    const values = this.#slice(from, to);
    if (!isNumbers(values) || values.length !== (to - from) * this.rowSize)
      throw new InputError(`${this.#fileName}: ${this.path} does not hold numbers.`);
    return values;
  }

  /** Rows [from, to) of a uint8 dataset. */
  bytes(from: number, to: number): Uint8Array {
    const values = this.isBytes ? this.#slice(from, to) : null;
    if (!(values instanceof Uint8Array) || values.length !== (to - from) * this.rowSize)
      throw new InputError(`${this.#fileName}: ${this.path} does not hold bytes (uint8).`);
    return values;
  }

  /** Rows [from, to) of a dataset whose rows are byte strings of their own length. */
  byteRows(from: number, to: number): Uint8Array[] {
    const values: unknown = this.#slice(from, to);
    if (!Array.isArray(values))
      throw new InputError(`${this.#fileName}: ${this.path} does not hold byte rows.`);
    return values.map((row: unknown) => {
      if (row instanceof Uint8Array) return row;
      throw new InputError(`${this.#fileName}: ${this.path} does not hold byte rows.`);
    });
  }

  /** All rows of a dataset of strings. */
  strings(): string[] {
    const values: unknown = this.#slice(0, this.rows);
    if (!Array.isArray(values))
      throw new InputError(`${this.#fileName}: ${this.path} does not hold strings.`);
    return values.map(String);
  }

  #slice(from: number, to: number): unknown {
    if (from < 0 || to > this.rows || from > to)
      throw new InputError(
        `${this.#fileName}: ${this.path} has ${this.rows} rows; ${from} to ${to} are asked for.`,
      );
    const bytes = (to - from) * this.rowSize * this.#itemBytes;
    if (bytes > MAX_SLICE_BYTES)
      throw new InputError(
        `${this.#fileName}: ${this.path} claims ${bytes} bytes for one episode, more than ${MAX_SLICE_BYTES}.`,
      );
    try {
      return guard(this.#fileName, this.#library, () =>
        this.#dataset.slice([[from, to], ...this.shape.slice(1).map((): [] => [])]),
      );
    } catch (error) {
      throw this.#asUnreadable(error);
    }
  }

  /** The library says of a filter that it lacks a folder of plug-ins, and no more. */
  #asUnreadable(error: unknown): unknown {
    if (this.#library.abortedBy !== undefined) return error;
    const unknown = guard(this.#fileName, this.#library, () => this.#dataset.filters).filter(
      ({ id }) => !LIBRARY_FILTERS.includes(id),
    );
    if (unknown.length === 0) return error;
    const names = unknown.map(({ id, name }) => name || `number ${id}`).join(', ');
    return new InputError(
      `${this.#fileName}: ${this.path} is packed with the filter ${names}, which cannot be read here: write the file anew with gzip (in h5py, compression="gzip").`,
      { cause: error },
    );
  }
}

/** deflate, shuffle, Fletcher's checksum, szip, n-bit, scale-offset: what the library itself unpacks. */
const LIBRARY_FILTERS = [1, 2, 3, 4, 5, 6];

/** HDF5's type classes, as h5wasm numbers them. */
const INTEGER_TYPE = 0;
const FLOAT_TYPE = 1;
const ENUM_TYPE = 8;
const VLEN_TYPE = 9;

function typeName(type: number, bytes: number, signed: boolean): string {
  if (type === INTEGER_TYPE) return `${signed ? 'int' : 'uint'}${bytes * 8}`;
  if (type === FLOAT_TYPE) return `float${bytes * 8}`;
  // h5py keeps booleans as an enumeration of two.
  return type === ENUM_TYPE && bytes === 1 ? 'bool' : 'other';
}

function isNumbers(values: unknown): values is ArrayLike<number | bigint> {
  return ArrayBuffer.isView(values) && !(values instanceof DataView);
}

/**
 * @param path of what is asked for within the file
 * @throws InputError for what is wrong with this file; Error where another one has taken the library down with it
 */
function guard<T>(name: string, library: Library, action: () => T, path?: string): T {
  if (library.abortedBy !== undefined && library.abortedBy !== name)
    throw new Error(
      `The HDF5 library gave up on ${library.abortedBy} while ${name} was being read: take that file away, and run the command again.`,
    );
  try {
    return action();
  } catch (error) {
    if (error instanceof InputError) throw error;
    if (error instanceof Error && error.name === 'RuntimeError') {
      library.abortedBy = name;
      throw new InputError(`${name} cannot be read: the HDF5 library gave up on it.`, { cause: error });
    }
    const reason = innermost(error);
    throw new InputError(
      path !== undefined && /not found|open/.test(reason)
        ? `${name}: ${path} is a link that leads nowhere (${reason}): bring what it names, or delete the link.`
        : `${name} cannot be read: ${reason}.`,
      { cause: error },
    );
  }
}

/** The library reports its whole call stack; the cause is at the bottom. */
function innermost(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return [...message.matchAll(/ in \w+\(\): (.*)$/gm)].at(-1)?.[1] ?? message;
}
