/**
 * Buffers that are used again. One that is let go is freed only when the garbage collector comes by, and many of
 * megabytes make it come often.
 */
export class BufferPool {
  readonly #free: Buffer[] = [];

  /** A buffer of at least `bytes`, with whatever it held before. */
  take(bytes: number): Buffer {
    const at = this.#free.findIndex((buffer) => buffer.length >= bytes);
    return at < 0 ? Buffer.allocUnsafeSlow(bytes) : (this.#free.splice(at, 1)[0] as Buffer);
  }

  /** Nobody may read or write it afterwards. */
  give(buffer: Buffer): void {
    this.#free.push(buffer);
  }
}
