/** Bytes that can be read anywhere: a file, or a buffer that holds it all. Reading past the end is an error. */
import { type FileHandle, open } from 'node:fs/promises';
import { InputError } from '../../src/errors.js';

export interface ByteSource {
  readonly bytes: number;
  /** @throws InputError where the range is not within the source. */
  read(offset: number, length: number): Promise<Buffer>;
}

export function bufferSource(buffer: Buffer): ByteSource {
  return {
    bytes: buffer.length,
    async read(offset, length) {
      checkRange(offset, length, buffer.length);
      return buffer.subarray(offset, offset + length);
    },
  };
}

/** A file, opened for reading; `close` it. */
export class FileSource implements ByteSource {
  readonly bytes: number;
  readonly #file: FileHandle;

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.bytes = bytes;
  }

  static async open(path: string): Promise<FileSource> {
    const file = await open(path, 'r');
    return new FileSource(file, (await file.stat()).size);
  }

  /** @param room of at least `length` bytes, in which they then lie */
  async read(offset: number, length: number, room?: Buffer): Promise<Buffer> {
    checkRange(offset, length, this.bytes);
    const buffer = room?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#file.read(buffer, filled, length - filled, offset + filled);
      if (bytesRead === 0) throw new InputError('it was cut short while it was read');
      filled += bytesRead;
    }
    return buffer;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function checkRange(offset: number, length: number, bytes: number): void {
  // Written so that a NaN fails, too.
  if (!(offset >= 0 && length >= 0 && offset + length <= bytes))
    throw new InputError(
      `it is cut short or damaged: bytes ${offset} to ${offset + length} of ${bytes} are asked for`,
    );
}
