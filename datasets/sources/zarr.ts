/**
 * Zarr arrays (versions 2 and 3) from a folder or a `.zarr.zip`, through zarrita: rows are read chunk by chunk.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as zarr from 'zarrita';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { bufferSource, FileSource } from './byteSource.js';
import { inCOrder } from './memoryOrder.js';
import { namesIn } from './namesIn.js';
import { ZipArchive } from './zip.js';

/** What one chunk or one episode may take: a hostile header must not make us allocate more. */
const MAX_BYTES = 2 ** 29;

/** blosc's header says how long the packed bytes are; the library believes it, and reads on behind them. */
const BLOSC_HEADER_BYTES = 16;
const blosc = zarr.registry.get('blosc');
type BloscEntry = NonNullable<typeof blosc>;
for (const name of ['blosc', 'numcodecs.blosc'])
  zarr.registry.set(name, async () => {
    const Codec = await (blosc as BloscEntry)();
    return {
      fromConfig: (...config: Parameters<typeof Codec.fromConfig>) => {
        const codec = Codec.fromConfig(...config);
        return {
          kind: 'bytes_to_bytes' as const,
          encode: (data: Uint8Array) => codec.encode(data),
          decode: async (packed: Uint8Array) => {
            const header = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
            const claimed = header.length < BLOSC_HEADER_BYTES ? -1 : header.readUInt32LE(12);
            if (claimed !== header.length)
              throw new Error(
                `a chunk of ${header.length} bytes says that it has ${claimed}: it is cut short or damaged`,
              );
            return codec.decode(packed);
          },
        };
      },
    };
  });

type Store = zarr.AsyncReadable & Required<Pick<zarr.AsyncReadable, 'getRange'>>;
const METADATA = ['.zarray', '.zgroup', '.zattrs', '.zmetadata', 'zarr.json'];
type RangeQuery = Parameters<Store['getRange']>[1];
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
    const noted = (key: string, found: Uint8Array | undefined): Uint8Array | undefined => {
      if (found === undefined && !METADATA.some((name) => key.endsWith(name))) this.#missing.add(key);
      return found;
    };
    this.#store = {
      get: async (key, options) => noted(key, await store.get(key, options)),
      getRange: async (key, range, options) => noted(key, await store.getRange(key, range, options)),
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

  /** What an array that cannot be opened says of itself; null where there is none. */
  async typeName(path: string): Promise<string | null> {
    for (const [name, key] of [
      ['.zarray', 'dtype'],
      ['zarr.json', 'data_type'],
    ] as const) {
      const bytes = await this.#store.get(`/${path}/${name}`);
      if (bytes === undefined) continue;
      const described = asJson(bytes);
      if (described === undefined)
        throw new InputError(`${this.name}/${path} cannot be read: its ${name} is not JSON.`);
      const parsed = describedSchema.safeParse(described);
      const type = parsed.data?.[key];
      if (type !== undefined && parsed.data?.node_type !== 'group')
        return typeof type === 'string' ? type : JSON.stringify(type);
    }
    return null;
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
    requireWholeChunks(array, name);
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
      if (error instanceof InputError && error.message.startsWith(this.name)) throw error;
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

/**
 * What is unpacked has to fill its chunk: the library takes less, and leaves the rest of it as it finds it.
 * @throws InputError from the array's reads
 */
function requireWholeChunks(array: OpenArray, name: string): void {
  const getChunk = array.getChunk.bind(array);
  array.getChunk = async (...asked) => {
    const chunk = await getChunk(...asked);
    const expected = chunk.shape.reduce((product, size) => product * size, 1);
    if ((chunk.data as ArrayLike<unknown>).length !== expected)
      throw new InputError(
        `${name}: its chunk ${asked[0].join('.')} holds ${(chunk.data as ArrayLike<unknown>).length} numbers, ${expected} are expected: it is cut short or damaged.`,
      );
    return chunk;
  };
}

const describedSchema = z.looseObject({
  dtype: z.unknown().optional(),
  data_type: z.unknown().optional(),
  node_type: z.string().optional(),
});

function asJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Keys are paths within the store; they come from array names and chunk numbers, and never leave it. */
function checkKey(key: string): string {
  if (key.split('/').includes('..')) throw new InputError(`the key ${key} would climb out of the store`);
  return key.replace(/^\//, '');
}

const NOT_THERE = ['ENOENT', 'ENOTDIR', 'EISDIR'];

function folderStore(folder: string): Store {
  const orNothing = <T>(reading: Promise<T>): Promise<T | undefined> =>
    reading.catch((error: NodeJS.ErrnoException) => {
      if (NOT_THERE.includes(error.code ?? '')) return undefined;
      throw error;
    });
  return {
    get: (key) => orNothing(readFile(join(folder, checkKey(key)))),
    getRange: async (key, range) => {
      const path = join(folder, checkKey(key));
      if (!(await orNothing(stat(path)))?.isFile()) return undefined;
      const file = await FileSource.open(path);
      try {
        return await partOf(range, file.bytes, (offset, length) => file.read(offset, length));
      } finally {
        await file.close();
      }
    },
  };
}

/** The end of the bytes, or a part of them. @throws InputError where they do not have it */
function partOf<T>(range: RangeQuery, bytes: number, read: (offset: number, length: number) => T): T {
  return 'suffixLength' in range
    ? read(bytes - range.suffixLength, range.suffixLength)
    : read(range.offset, range.length);
}

/** @throws InputError for a link that leads nowhere: an array may have been there */
async function foldersWithin(folder: string): Promise<string[]> {
  const names = (await namesIn(folder)).filter((name) => !name.startsWith('.'));
  const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => null)));
  const dead = names.find((_, i) => found[i] === null);
  if (dead !== undefined)
    throw new InputError(
      `${join(folder, dead)} is a link that leads nowhere: fetch what it names, or delete the link.`,
    );
  return names.filter((_, i) => found[i]?.isDirectory()).sort();
}

function namesWithin(archive: ZipArchive, group: string): string[] {
  const names = [...archive.entries.keys()]
    .filter((key) => key.startsWith(`${group}/`))
    .map((key) => key.slice(group.length + 1).split('/'))
    .flatMap(([name = '', ...rest]) => (rest.length > 0 && !name.startsWith('.') ? [name] : []));
  return [...new Set(names)].sort();
}

function zipStore(archive: ZipArchive): Store {
  const get = async (key: string): Promise<Buffer | undefined> => {
    const entry = archive.entries.get(checkKey(key));
    return entry === undefined ? undefined : archive.read(entry, MAX_BYTES);
  };
  return {
    get,
    getRange: async (key, range) => {
      const bytes = await get(key);
      return (
        bytes && partOf(range, bytes.length, (offset, length) => bufferSource(bytes).read(offset, length))
      );
    },
  };
}

function unreadable(name: string, error: unknown): InputError {
  const message = innermost(error);
  const wayOut = /unknown codec|unsupported/i.test(message)
    ? ' Write the store anew in Python with another compressor, such as Blosc with zstd.'
    : '';
  return new InputError(`${name} cannot be read: ${message}.${wayOut}`, { cause: error });
}

/** The library wraps what went wrong in the step that it went wrong in. */
function innermost(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : innermost(error.cause);
}
