/** Sizes are rounded up to multiples of this, so that a buffer fits the next of nearly its size. */
const STEP_BYTES = 2 ** 20;

/**
 * Buffers that are used again. One that is let go is freed only when the garbage collector comes by, and many of
 * megabytes make it come often; a new one is handed over by the system page by page, as it is first written.
 */
export class BufferPool {
  readonly #free: Buffer[] = [];

  /** A buffer of at least `bytes`, with whatever it held before. */
  take(bytes: number): Buffer {
    const at = this.#free.findIndex((buffer) => buffer.length >= bytes);
    return at < 0
      ? Buffer.allocUnsafeSlow(Math.ceil(bytes / STEP_BYTES) * STEP_BYTES)
      : (this.#free.splice(at, 1)[0] as Buffer);
  }

  /** Nobody may read or write it afterwards. */
  give(buffer: Buffer): void {
    this.#free.push(buffer);
  }
}
