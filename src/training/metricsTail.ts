/**
 * A run's `metrics.jsonl` as it grows, read on from where the last reading ended. A run that is resumed cuts the file
 * back to its checkpoint: what was read is then no longer what is there, and the file is read anew.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { MetricsLine } from './metrics.js';
import { parseMetrics, runPaths } from './runFolder.js';

/** So much of what was read last is compared with what is there now. */
const SEAM_BYTES = 4096;

export class MetricsTail {
  readonly #path: string;
  #lines: MetricsLine[] = [];
  /** Whole lines that have been read: bytes and number. */
  #bytes = 0;
  #count = 0;
  /** The last of those bytes. */
  #seam = Buffer.alloc(0);

  constructor(run: string) {
    this.#path = runPaths(run).metrics;
  }

  /** All whole lines until the last `read`. */
  get lines(): readonly MetricsLine[] {
    return this.#lines;
  }

  /**
   * Takes in what was written since.
   * @returns whether there are other lines than before
   * @throws InputError naming the first line that is damaged
   */
  async read(): Promise<boolean> {
    const file = await open(this.#path).catch((error: NodeJS.ErrnoException) => {
      // A run that has just begun.
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (file === undefined) return this.#forget();
    try {
      const hasChanged = !(await this.#isAsRead(file)) && this.#forget();
      return (await this.#readOn(file)) || hasChanged;
    } finally {
      await file.close();
    }
  }

  async #isAsRead(file: FileHandle): Promise<boolean> {
    const { length } = this.#seam;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, this.#bytes - length);
    return bytesRead === length && buffer.equals(this.#seam);
  }

  async #readOn(file: FileHandle): Promise<boolean> {
    const { size } = await file.stat();
    const added = Buffer.alloc(Math.max(0, size - this.#bytes));
    const { bytesRead } = await file.read(added, 0, added.length, this.#bytes);
    const whole = added.subarray(0, added.subarray(0, bytesRead).lastIndexOf('\n') + 1);
    if (whole.length === 0) return false;
    const text = whole.toString('utf8');
    this.#lines = this.#lines.concat(parseMetrics(text, this.#path, this.#count + 1));
    this.#count += text.split('\n').length - 1;
    this.#bytes += whole.length;
    this.#seam = Buffer.concat([this.#seam, whole]).subarray(-SEAM_BYTES);
    return true;
  }

  /** Returns whether there was anything to forget. */
  #forget(): boolean {
    const hadLines = this.#bytes > 0;
    [this.#lines, this.#bytes, this.#count, this.#seam] = [[], 0, 0, Buffer.alloc(0)];
    return hadLines;
  }
}
