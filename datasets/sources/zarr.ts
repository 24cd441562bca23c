/**
 * Zarr arrays (versions 2 and 3) from a folder or a `.zarr.zip`, through zarrita: rows are read chunk by chunk.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as zarr from 'zarrita';
import { InputError } from '../../src/errors.js';
import { FileSource } from './byteSource.js';
import { inCOrder } from './memoryOrder.js';
import { ZipArchive } from './zip.js';

/** What one chunk or one episode may take: a hostile header must not make us allocate more. */
const MAX_BYTES = 2 ** 29;

type Store = zarr.AsyncReadable;
const METADATA = ['.zarray', '.zgroup', '.zattrs', '.zmetadata', 'zarr.json'];
type OpenArray = zarr.Array<zarr.DataType, Store>;

export class ZarrStore {
  readonly name: string;
  readonly #store: Store;
  readonly #list: (group: string) => Promise<string[]>;
  readonly #close: () => Promise<void>;

  /** Chunks that were asked for and are not there: zarr reads them as zeros. */
  readonly #missing = new Set<string>();

  private constructor(
    name: string,
    store: Store,
    list: (group: string) => Promise<string[]>,
    close: () => Promise<void>,
  ) {
    this.name = name;
    this.#list = list;
    this.#store = {
      get: async (key, options) => {
        const found = await store.get(key, options);
        if (found === undefined && !METADATA.some((name) => key.endsWith(name))) this.#missing.add(key);
        return found;
      },
    };
    this.#close = close;
  }

  static async open(path: string): Promise<ZarrStore> {
    const found = await stat(path).catch(() => null);
    if (found === null)
      throw new InputError(`${path} does not exist: give the .zarr folder or .zarr.zip file.`);
    if (found.isDirectory())
      return new ZarrStore(
        path,
        folderStore(path),
        (group) => foldersWithin(join(path, checkKey(group))),
        async () => {},
      );
    const source = await FileSource.open(path);
    try {
      const archive = await ZipArchive.open(source);
      const list = async (group: string): Promise<string[]> => namesWithin(archive, checkKey(group));
      return new ZarrStore(path, zipStore(archive), list, () => source.close());
    } catch (error) {
      await source.close();
      if (error instanceof InputError)
        throw new InputError(`${path} cannot be read: ${error.message}.`, { cause: error });
      throw error;
    }
  }

  /** null where there is no array of that path. */
  async array(path: string): Promise<ZarrArray | null> {
    try {
      const opened = await zarr.open(zarr.root(this.#store).resolve(path), { kind: 'array' });
      return new ZarrArray(`${this.name}/${path}`, opened as OpenArray, this.#missing);
    } catch (error) {
      if (error instanceof zarr.NotFoundError) return null;
      throw unreadable(`${this.name}/${path}`, error);
    }
  }

  async requiredArray(path: string): Promise<ZarrArray> {
    const array = await this.array(path);
    if (array === null) throw new InputError(`${this.name} has no array "${path}".`);
    return array;
  }

  /** Names of what lies directly in a group, in order; none where there is no such group. */
  list(group: string): Promise<string[]> {
    return this.#list(group);
  }

  /** An array's own attributes, or a group's; empty where there are none. */
  async attributes(path: string): Promise<Readonly<Record<string, unknown>>> {
    try {
      return (await zarr.open(zarr.root(this.#store).resolve(path))).attrs;
    } catch {
      return {};
    }
  }

  close(): Promise<void> {
    return this.#close();
  }
}

export class ZarrArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly #array: OpenArray;
  readonly #missing: ReadonlySet<string>;

  constructor(name: string, array: OpenArray, missing: ReadonlySet<string>) {
    this.#missing = missing;
    this.name = name;
    this.shape = array.shape;
    this.dtype = array.dtype;
    this.#array = array;
    const chunk = array.chunks.reduce((product, size) => product * size, 8);
    if (chunk > MAX_BYTES) throw new InputError(`${name} has chunks of up to ${chunk} bytes, too many.`);
  }

  get rows(): number {
    return this.shape[0] ?? 0;
  }

  /** Numbers in a row. */
  get rowSize(): number {
    return this.shape.slice(1).reduce((product, size) => product * size, 1);
  }

  /** Rows [from, to) in C order, in the array's own type. */
  async read(from: number, to: number): Promise<ArrayLike<number | bigint>> {
    if (from < 0 || to > this.rows || from > to)
      throw new InputError(`${this.name} has ${this.rows} rows; ${from} to ${to} are asked for.`);
    const count = (to - from) * this.rowSize;
    if (count > MAX_BYTES)
      throw new InputError(`${this.name} claims ${count} numbers for one episode, too many.`);
    let [data, stride]: [unknown, readonly number[]] = [undefined, []];
    try {
      const selection = [zarr.slice(from, to), ...this.shape.slice(1).map(() => null)];
      ({ data, stride } = await zarr.get(this.#array, selection));
    } catch (error) {
      throw unreadable(this.name, error);
    }
    const isNumbers = ArrayBuffer.isView(data) && !(data instanceof DataView);
    const isFlags = typeof data === 'object' && data !== null && 'get' in data && 'length' in data;
    if (!(isNumbers || isFlags) || (data as Uint8Array).length !== count)
      throw new InputError(`${this.name} does not hold numbers.`);
    // Booleans come as the library's own kind of array.
    const values = isNumbers ? (data as Uint8Array) : Uint8Array.from(data as Iterable<boolean>, Number);
    // Strides are those of the order in which the chunks were written.
    return inCOrder(values, [to - from, ...this.shape.slice(1)], stride);
  }

  /** As `read`, for arrays that are never zero throughout: a chunk that is not there is then a lost one. */
  async readWhole(from: number, to: number): Promise<ArrayLike<number | bigint>> {
    const values = await this.read(from, to);
    const lost = this.missingChunk();
    if (lost !== undefined) throw new InputError(`${this.name} lacks its chunk ${lost}: it is not whole.`);
    return values;
  }

  /** One of the chunks that were asked for so far and are not there; undefined where all were. */
  missingChunk(): string | undefined {
    return [...this.#missing].find((key) => key.startsWith(`${this.#array.path}/`));
  }

  async floats(from: number, to: number): Promise<Float32Array> {
    return Float32Array.from(await this.read(from, to), Number);
  }
}

/** Keys are paths within the store; they come from array names and chunk numbers, and never leave it. */
function checkKey(key: string): string {
  if (key.split('/').includes('..')) throw new InputError(`the key ${key} would climb out of the store`);
  return key.replace(/^\//, '');
}

function folderStore(folder: string): Store {
  return {
    get: (key) =>
      readFile(join(folder, checkKey(key))).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR') return undefined;
        throw error;
      }),
  };
}

async function foldersWithin(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => null)));
  return names.filter((_, i) => found[i]?.isDirectory()).sort();
}

function namesWithin(archive: ZipArchive, group: string): string[] {
  const names = [...archive.entries.keys()]
    .filter((key) => key.startsWith(`${group}/`))
    .map((key) => key.slice(group.length + 1).split('/'))
    .flatMap(([name = '', ...rest]) => (rest.length > 0 ? [name] : []));
  return [...new Set(names)].sort();
}

function zipStore(archive: ZipArchive): Store {
  return {
    get: async (key) => {
      const entry = archive.entries.get(checkKey(key));
      return entry === undefined ? undefined : archive.read(entry, MAX_BYTES);
    },
  };
}

function unreadable(name: string, error: unknown): InputError {
  const message = error instanceof Error ? error.message : String(error);
  const wayOut = /codec|compressor|filter/i.test(message)
    ? ' Write the store anew in Python with another compressor, such as Blosc with zstd.'
    : '';
  return new InputError(`${name} cannot be read: ${message}.${wayOut}`, { cause: error });
}
