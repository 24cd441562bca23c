/**
 * The global heaps of an HDF5 file, in which rows of their own length (JPEG files, strings) lie: collections of objects,
 * one behind the other ("HDF5 File Format Specification Version 3.0", III.E). The library walks through them without
 * looking whether an object has any length; over one that has none it walks on the spot for ever.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { InputError } from '../../src/errors.js';

const SIGNATURE = Buffer.from('GCOL\x01\0\0\0', 'latin1');
/** Signature and version, and the collection's size. */
const COLLECTION_HEADER = 16;
/** Index, reference count, four bytes that are reserved, and the object's size. */
const OBJECT_HEADER = 16;
const CHUNK = 1 << 24;
/** The library makes them of 4 KiB, or as large as one object needs: what claims more is something else. */
const LARGEST = 2 ** 31;

/**
 * Reads the file once, from end to end.
 * @param name what sentences call it
 * @throws InputError where an object of a collection has no length or ends outside it
 */
export function requireSoundHeaps(path: string, name: string): void {
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK);
    // A signature may lie across two chunks: they overlap.
    for (let start = 0; ; start += CHUNK - SIGNATURE.length) {
      const read = readSync(file, chunk, 0, CHUNK, start);
      const bytes = chunk.subarray(0, read);
      for (let at = bytes.indexOf(SIGNATURE); at >= 0; at = bytes.indexOf(SIGNATURE, at + 1))
        if (!isSound(file, start + at))
          throw new InputError(
            `${name} is damaged: the heap at byte ${start + at}, where rows of their own length lie, does not hold together. Bring the file anew from where it came.`,
          );
      if (read < CHUNK) return;
    }
  } finally {
    closeSync(file);
  }
}

function isSound(file: number, start: number): boolean {
  const size = number64(file, start + 8);
  // Cut off by the end of the file, or pixels that look like a collection: not the library's either.
  if (size === undefined || size < COLLECTION_HEADER || size > LARGEST) return true;
  const end = start + size;
  for (let at = start + COLLECTION_HEADER; at + OBJECT_HEADER <= end; ) {
    const header = bytesAt(file, at, OBJECT_HEADER);
    if (header === undefined) return true;
    const isFree = header.readUInt16LE(0) === 0;
    const length = Number(header.readBigUInt64LE(8));
    // What is free counts its header too; objects end at a multiple of eight bytes.
    const taken = isFree ? length : OBJECT_HEADER + Math.ceil(length / 8) * 8;
    if (taken < OBJECT_HEADER || at + taken > end) return false;
    at += taken;
  }
  return true;
}

function number64(file: number, at: number): number | undefined {
  const bytes = bytesAt(file, at, 8);
  return bytes === undefined ? undefined : Number(bytes.readBigUInt64LE(0));
}

function bytesAt(file: number, at: number, count: number): Buffer | undefined {
  const bytes = Buffer.alloc(count);
  return readSync(file, bytes, 0, count, at) === count ? bytes : undefined;
}
