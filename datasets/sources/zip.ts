/**
 * A strict reader of zip archives: the central directory, and single members stored or deflated, each held to its
 * declared size and CRC-32. Encryption, several disks, absolute and climbing names, and duplicates are refused.
 */
import { crc32 } from 'node:zlib';
import { InputError } from '../../src/errors.js';
import { type Inflated, inflate } from '../inflate.js';
import type { ByteSource } from './byteSource.js';

export interface ZipEntry {
  readonly name: string;
  readonly method: 'stored' | 'deflated';
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly crc: number;
  readonly headerOffset: number;
}

const END = 0x06054b50;
const END_BYTES = 22;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const MAX_COMMENT = 65535;
const FLAG_ENCRYPTED = 1;
/** Sizes or offsets of this value are found in the zip64 extra field. */
const IN_ZIP64 = 0xffffffff;
/** A directory of a million members; more is not a dataset. */
const MAX_DIRECTORY_BYTES = 256 * 2 ** 20;

export class ZipArchive {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly #source: ByteSource;

  private constructor(source: ByteSource, entries: ReadonlyMap<string, ZipEntry>) {
    this.#source = source;
    this.entries = entries;
  }

  /** @throws InputError with a clause such as "it is not a zip archive". */
  static async open(source: ByteSource): Promise<ZipArchive> {
    const { offset, bytes, count } = await findDirectory(source);
    if (bytes > MAX_DIRECTORY_BYTES) throw new InputError(`its zip directory has ${bytes} bytes, too many`);
    return new ZipArchive(source, parseDirectory(await source.read(offset, bytes), count));
  }

  /** The member's bytes as they lie in the archive. */
  async compressed(entry: ZipEntry): Promise<Buffer> {
    const header = await this.#source.read(entry.headerOffset, 30);
    if (header.readUInt32LE(0) !== LOCAL) throw new InputError(`its member ${entry.name} has no header`);
    const start = entry.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    return this.#source.read(start, entry.compressedBytes);
  }

  /**
   * The member unpacked and checked.
   * @param limit the most bytes it may have: what a bomb claims is refused before it is unpacked
   */
  async read(entry: ZipEntry, limit: number): Promise<Buffer> {
    return this.unpack(entry, await this.compressed(entry), limit);
  }

  /** As `read`, from bytes that `compressed` gave. @param room of the entry's size at least, in which the result may lie */
  async unpack(entry: ZipEntry, compressed: Buffer, limit: number, room?: Buffer): Promise<Buffer> {
    if (entry.bytes > limit)
      throw new InputError(`its member ${entry.name} claims ${entry.bytes} bytes, the limit is ${limit}`);
    const { data, crc } =
      entry.method === 'stored'
        ? { data: compressed, crc: crc32(compressed) }
        : await inflateMember(entry, compressed, room);
    if (data.length !== entry.bytes || crc !== entry.crc)
      throw new InputError(`its member ${entry.name} is damaged: size or CRC-32 do not match`);
    return data;
  }
}

async function inflateMember(entry: ZipEntry, compressed: Buffer, room?: Buffer): Promise<Inflated> {
  try {
    return await inflate(compressed, entry.bytes, room);
  } catch (error) {
    throw new InputError(`its member ${entry.name} is damaged: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function findDirectory(source: ByteSource): Promise<{ offset: number; bytes: number; count: number }> {
  const tailBytes = Math.min(source.bytes, END_BYTES + MAX_COMMENT);
  const tail = await source.read(source.bytes - tailBytes, tailBytes);
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END) continue;
    if (tail.readUInt16LE(at + 20) !== tail.length - at - END_BYTES) continue;
    if (tail.readUInt16LE(at + 4) !== 0 || tail.readUInt16LE(at + 6) !== 0)
      throw new InputError('it is a zip archive over several disks');
    const locator = at - 20;
    if (locator >= 0 && tail.readUInt32LE(locator) === END64_LOCATOR) {
      const end64 = await source.read(toNumber(tail.readBigUInt64LE(locator + 8)), 56);
      if (end64.readUInt32LE(0) !== END64) throw new InputError('its zip64 directory is damaged');
      return {
        count: toNumber(end64.readBigUInt64LE(32)),
        bytes: toNumber(end64.readBigUInt64LE(40)),
        offset: toNumber(end64.readBigUInt64LE(48)),
      };
    }
    return {
      count: tail.readUInt16LE(at + 10),
      bytes: tail.readUInt32LE(at + 12),
      offset: tail.readUInt32LE(at + 16),
    };
  }
  throw new InputError('it is not a zip archive, or its end is missing');
}

function parseDirectory(directory: Buffer, count: number): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== CENTRAL)
      throw new InputError('its zip directory is damaged');
    const nameBytes = directory.readUInt16LE(at + 28);
    const extraBytes = directory.readUInt16LE(at + 30);
    const end = at + 46 + nameBytes + extraBytes + directory.readUInt16LE(at + 32);
    if (end > directory.length) throw new InputError('its zip directory is damaged');
    const name = directory.toString('utf8', at + 46, at + 46 + nameBytes);
    const extra = directory.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes);
    const entry = parseEntry(directory.subarray(at, at + 46), name, extra);
    if (entries.has(name)) throw new InputError(`it has two members named ${name}`);
    entries.set(name, entry);
    at = end;
  }
  return entries;
}

function parseEntry(fixed: Buffer, name: string, extra: Buffer): ZipEntry {
  if (name.startsWith('/') || name.includes('\\') || /^[a-z]:/i.test(name) || name.split('/').includes('..'))
    throw new InputError(`its member "${name}" would climb out of a folder`);
  if (fixed.readUInt16LE(8) & FLAG_ENCRYPTED) throw new InputError(`its member ${name} is encrypted`);
  const method = fixed.readUInt16LE(10);
  if (method !== 0 && method !== 8)
    throw new InputError(
      `its member ${name} is packed by zip method ${method}; stored or deflated is expected`,
    );
  const wide = zip64Values(extra);
  const field = (value: number): number => (value === IN_ZIP64 ? toNumber(wide.shift() ?? -1n) : value);
  // In this order: the zip64 field holds only those that did not fit.
  const bytes = field(fixed.readUInt32LE(24));
  const compressedBytes = field(fixed.readUInt32LE(20));
  const headerOffset = field(fixed.readUInt32LE(42));
  if (method === 0 && bytes !== compressedBytes) throw new InputError(`its member ${name} has two sizes`);
  return {
    name,
    method: method === 0 ? 'stored' : 'deflated',
    compressedBytes,
    bytes,
    crc: fixed.readUInt32LE(16),
    headerOffset,
  };
}

function zip64Values(extra: Buffer): bigint[] {
  for (let at = 0; at + 4 <= extra.length; ) {
    const bytes = extra.readUInt16LE(at + 2);
    const body = extra.subarray(at + 4, at + 4 + bytes);
    if (extra.readUInt16LE(at) === 1)
      return Array.from({ length: Math.floor(body.length / 8) }, (_, i) => body.readBigUInt64LE(i * 8));
    at += 4 + bytes;
  }
  return [];
}

function toNumber(value: bigint): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new InputError('its zip directory is damaged');
  return Number(value);
}
