/**
 * A look at a parquet column's pages before the library decodes them. It believes what pages say of how often a value
 * is repeated and how many there are; a damaged one then makes it outgrow an array, which ends the process. Formats:
 * parquet's PageHeader in Thrift's compact protocol, and its RLE/bit-packing hybrid.
 */
import type { Compressors } from 'hyparquet';
import { parquetCodecs } from './parquetCodecs.js';

/** More values than a page of any dataset has, and few enough to be held. */
const MAX_VALUES = 2 ** 24;
const MAX_PAGE_BYTES = 2 ** 30;

export interface PageLevels {
  /** Greatest repetition and definition level of the column. */
  readonly repetition: number;
  readonly definition: number;
}

/** Bytes read to find a page's header; more where statistics of long values make it longer. */
const HEADER_BYTES = 2 ** 16;
const MAX_HEADER_BYTES = 2 ** 24;

/**
 * @param read gives the bytes [start, start + length) of the file
 * @param range where the column chunk's pages lie
 * @throws Error with a clause where a page's counts cannot be true
 */
export async function checkPages(
  read: (start: number, length: number) => Promise<Uint8Array>,
  range: { readonly start: number; readonly bytes: number },
  codec: string,
  levels: PageLevels,
): Promise<void> {
  const end = range.start + range.bytes;
  for (let at = range.start; at < end - 1; ) {
    const { header, bytes } = await readHeader(read, at, end);
    const unpackedBytes = integer(header.get(2));
    const compressedBytes = integer(header.get(3));
    if (unpackedBytes > MAX_PAGE_BYTES) throw new Error(`a page claims ${unpackedBytes} bytes`);
    at += bytes + compressedBytes;
    if (at > end) throw new Error('a page is cut short');
    const [first, second, dictionary] = [5, 8, 7].map((field) => header.get(field));
    if (dictionary instanceof Map) countOf(dictionary);
    if (!(first instanceof Map) && !(second instanceof Map)) continue;
    const body = await read(at - compressedBytes, compressedBytes);
    if (first instanceof Map) checkFirst(first, unpacked(body, unpackedBytes, codec), levels);
    if (second instanceof Map) checkSecond(second, body, unpackedBytes, codec, levels);
  }
}

async function readHeader(
  read: (start: number, length: number) => Promise<Uint8Array>,
  start: number,
  end: number,
): Promise<{ header: Fields; bytes: number }> {
  for (let window = HEADER_BYTES; ; window *= 16) {
    const length = Math.min(window, end - start);
    const reader = new CompactReader(await read(start, length));
    try {
      return { header: reader.struct(), bytes: reader.at };
    } catch (error) {
      if (length === end - start || window >= MAX_HEADER_BYTES) throw error;
    }
  }
}

/** Data page version 1: each list of levels is preceded by its length, all of it is compressed. */
function checkFirst(header: Fields, page: Uint8Array, levels: PageLevels): void {
  const count = countOf(header);
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let at = 0;
  for (const level of [levels.repetition, levels.definition]) {
    if (level === 0) continue;
    const bytes = view.getUint32(at, true);
    checkRuns(page.subarray(at + 4, at + 4 + bytes), bitWidth(level), count);
    at += 4 + bytes;
  }
  checkValues(page.subarray(at), integer(header.get(2)), count);
}

/** Data page version 2: the levels' lengths are in the header, and only the values are compressed. */
function checkSecond(
  header: Fields,
  body: Uint8Array,
  unpackedBytes: number,
  codec: string,
  levels: PageLevels,
): void {
  const count = countOf(header);
  const definitionBytes = integer(header.get(5));
  const repetitionBytes = integer(header.get(6));
  const levelBytes = definitionBytes + repetitionBytes;
  if (levels.repetition > 0) checkRuns(body.subarray(0, repetitionBytes), bitWidth(levels.repetition), count);
  if (levels.definition > 0)
    checkRuns(body.subarray(repetitionBytes, levelBytes), bitWidth(levels.definition), count);
  const values = body.subarray(levelBytes);
  const isCompressed = header.get(7) !== false;
  checkValues(
    isCompressed ? unpacked(values, unpackedBytes - levelBytes, codec) : values,
    integer(header.get(4)),
    count,
  );
}

const DICTIONARY_ENCODINGS = [2, 8];

function checkValues(values: Uint8Array, encoding: number, count: number): void {
  const width = values[0] ?? 0;
  if (DICTIONARY_ENCODINGS.includes(encoding) && width > 0) checkRuns(values.subarray(1), width, count, true);
}

/** @param mayEndEarly where nulls take places that have no value */
function checkRuns(bytes: Uint8Array, width: number, count: number, mayEndEarly = false): void {
  const reader = new CompactReader(bytes);
  for (let seen = 0; seen < count; ) {
    if (mayEndEarly && reader.at >= bytes.length) return;
    const run = reader.varint();
    const isPacked = run % 2 === 1;
    const length = isPacked ? ((run - 1) / 2) * 8 : run / 2;
    // Values are packed by eights, of which the last may be padding.
    if (length === 0 || length > count - seen + (isPacked ? 7 : 0))
      throw new Error(`a run of ${length} values stands where at most ${count - seen} are left`);
    reader.at += isPacked ? (length / 8) * width : Math.ceil(width / 8);
    seen += length;
  }
}

function countOf(header: Fields): number {
  const count = integer(header.get(1));
  if (count > MAX_VALUES) throw new Error(`a page claims ${count} values`);
  return count;
}

/** What cannot be unpacked was refused before. */
function unpacked(bytes: Uint8Array, size: number, codec: string): Uint8Array {
  if (size < 0) throw new Error('a page is shorter than its levels');
  const unpack = (parquetCodecs as Compressors)[codec as keyof Compressors];
  return unpack === undefined ? bytes : unpack(bytes, size);
}

function bitWidth(level: number): number {
  return 32 - Math.clz32(level);
}

type Field = number | boolean | Fields | undefined;
type Fields = Map<number, Field>;

function integer(field: Field): number {
  if (typeof field !== 'number' || field < 0) throw new Error('a page header lacks a size');
  return field;
}

/** As much of Thrift's compact protocol as page headers need. */
class CompactReader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  struct(depth = 0): Fields {
    if (depth > 8) throw new Error('a page header is nested too deeply');
    const fields: Fields = new Map();
    for (let id = 0; ; ) {
      const byte = this.#next();
      const kind = byte & 15;
      if (kind === 0) return fields;
      id = byte >> 4 === 0 ? this.#signed() : id + (byte >> 4);
      fields.set(id, this.#value(kind, depth));
    }
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 63; scale *= 128) {
      const byte = this.#next();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error('a page holds a number that is too long');
  }

  #value(kind: number, depth: number): Field {
    switch (kind) {
      case 1:
        return true;
      case 2:
        return false;
      case 3:
        return this.#next();
      case 4:
      case 5:
      case 6:
        return this.#signed();
      case 7:
        this.at += 8;
        return undefined;
      case 8: {
        const length = this.varint();
        this.at += length;
        return undefined;
      }
      case 12:
        return this.struct(depth + 1);
      default:
        throw new Error(`a page header holds a field of kind ${kind}`);
    }
  }

  #signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #next(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new Error('a page is cut short');
    return byte;
  }
}
