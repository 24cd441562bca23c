/** Writes HDF5 files through h5wasm, an array at a time: what is written is in the file, not in memory. */
import h5wasm, { type File } from 'h5wasm/node';

/** deflate level 1: images shrink nearly as far as at higher ones, in a fraction of the time. */
const DEFLATE_LEVEL = 1;
/** Bytes of one chunk, about: what a reader unpacks to see one row. */
const CHUNK_BYTES = 2 ** 20;

export class Hdf5Writer {
  readonly #file: File;
  readonly #path: string;
  #isOpen = true;

  private constructor(file: File, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** @throws Error where the file cannot be made */
  static async create(path: string): Promise<Hdf5Writer> {
    const library = await h5wasm.ready;
    library.activate_throwing_error_handler();
    return new Hdf5Writer(
      attempt(path, () => new h5wasm.File(path, 'w')),
      path,
    );
  }

  /** Makes a group, unless it is there, with whole numbers as attributes. */
  group(path: string, attributes: Readonly<Record<string, number>> = {}): void {
    attempt(this.#path, () => {
      const found = this.#file.get(path);
      const group = found instanceof h5wasm.Group ? found : this.#file.create_group(path);
      for (const [name, value] of Object.entries(attributes)) group.create_attribute(name, value, [], '<i');
    });
  }

  /** @param isPacked whether the rows (the first axis) are deflated, in chunks */
  array(path: string, shape: readonly number[], data: Uint8Array | Float32Array, isPacked = false): void {
    const [rows = 0, ...row] = shape;
    const rowBytes = row.reduce((product, size) => product * size, data.BYTES_PER_ELEMENT);
    const chunkRows = Math.max(1, Math.min(rows, Math.floor(CHUNK_BYTES / rowBytes)));
    attempt(this.#path, () =>
      this.#file.create_dataset({
        name: path,
        data,
        shape: [...shape],
        dtype: data instanceof Uint8Array ? '<B' : '<f',
        ...(isPacked && {
          chunks: [chunkRows, ...row],
          compression: 'gzip',
          compression_opts: [DEFLATE_LEVEL],
        }),
      }),
    );
  }

  /** What the library has not written yet is written here. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    attempt(this.#path, () => this.#file.close());
  }
}

/** The library reports a failure by many lines; what the system said stands among them. */
function attempt<T>(path: string, task: () => T): T {
  try {
    return task();
  } catch (error) {
    const report = (error as Error).message;
    const said = /error message = '([^']*)'/.exec(report)?.[1] ?? report.trim().split('\n').at(-1) ?? '';
    const isFull = said === 'No space left on device';
    throw Object.assign(new Error(`${path} cannot be written: ${said.trim()}`, { cause: error }), {
      ...(isFull && { code: 'ENOSPC' }),
    });
  }
}
