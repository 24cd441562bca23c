/**
 * TFRecord files of tf.train.Example, as TensorFlow Datasets writes them: a record is its length (uint64), a masked
 * CRC-32C of it, the bytes, and a masked CRC-32C of those. An Example is a protobuf map from names to a list of
 * byte strings, floats or integers.
 */
import { InputError } from '../../src/errors.js';
import type { FileSource } from './byteSource.js';

export type Feature =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  /** `isWhole`: kept as integers. */
  | { readonly kind: 'numbers'; readonly values: Float32Array; readonly isWhole: boolean };
export type Example = ReadonlyMap<string, Feature>;

const GZIP_MAGIC = 0x1f8b;
const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;
/** One episode with its images; a hostile length must not make us allocate more. */
const MAX_RECORD_BYTES = 2 ** 29;

/** Where the records lie, without reading them. @throws InputError at the first length that is not right. */
export async function indexRecords(
  source: FileSource,
  name: string,
): Promise<{ offset: number; bytes: number }[]> {
  const records: { offset: number; bytes: number }[] = [];
  for (let offset = 0; offset < source.bytes; ) {
    if (offset + HEADER_BYTES > source.bytes) throw new InputError(`${name} is cut short at byte ${offset}.`);
    const header = await source.read(offset, HEADER_BYTES);
    if (offset === 0 && header.readUInt16BE(0) === GZIP_MAGIC)
      throw new InputError(`${name} is packed as a whole with gzip: unpack it first, with gunzip.`);
    if (maskedCrc(header.subarray(0, 8)) !== header.readUInt32LE(8))
      throw new InputError(
        `${name} is damaged at byte ${offset}: the checksum of a record's length does not match.`,
      );
    const bytes = Number(header.readBigUInt64LE(0));
    const end = offset + HEADER_BYTES + bytes + FOOTER_BYTES;
    if (bytes > MAX_RECORD_BYTES || end > source.bytes)
      throw new InputError(`${name} is cut short: the record at byte ${offset} claims ${bytes} bytes.`);
    records.push({ offset: offset + HEADER_BYTES, bytes });
    offset = end;
  }
  return records;
}

export async function readExample(
  source: FileSource,
  { offset, bytes }: { offset: number; bytes: number },
  name: string,
): Promise<Example> {
  const record = await source.read(offset, bytes + FOOTER_BYTES);
  const data = record.subarray(0, bytes);
  if (maskedCrc(data) !== record.readUInt32LE(bytes))
    throw new InputError(`${name}: the checksum of the record at byte ${offset} does not match.`);
  try {
    return parseExample(data);
  } catch (error) {
    if (!(error instanceof InputError) && !(error instanceof RangeError)) throw error;
    throw new InputError(
      `${name}: the record at byte ${offset} is not a tf.train.Example: ${error.message}.`,
      {
        cause: error,
      },
    );
  }
}

/** Example { features: 1 { feature: 1 map<string: 1, Feature: 2 { bytes: 1 | float: 2 | int64: 3 }> } }. */
function parseExample(data: Buffer): Example {
  const example = new Map<string, Feature>();
  for (const features of fields(data, 1))
    for (const entry of fields(features, 1)) {
      const [name] = fields(entry, 1);
      const [feature] = fields(entry, 2);
      if (name !== undefined && feature !== undefined)
        example.set(name.toString('utf8'), parseFeature(feature));
    }
  return example;
}

function parseFeature(feature: Buffer): Feature {
  const [byteList] = fields(feature, 1);
  if (byteList !== undefined) return { kind: 'bytes', values: [...fields(byteList, 1)] };
  const [floatList] = fields(feature, 2);
  if (floatList !== undefined) return { kind: 'numbers', values: packedFloats(floatList), isWhole: false };
  const [integerList] = fields(feature, 3);
  return {
    kind: 'numbers',
    values: integerList === undefined ? new Float32Array() : packedIntegers(integerList),
    isWhole: true,
  };
}

function packedFloats(list: Buffer): Float32Array {
  const packed = Buffer.concat([...fields(list, 1)]);
  if (packed.length % 4 !== 0) throw new InputError('a float list has a wrong length');
  return Float32Array.from({ length: packed.length / 4 }, (_, i) => packed.readFloatLE(i * 4));
}

function packedIntegers(list: Buffer): Float32Array {
  const packed = Buffer.concat([...fields(list, 1)]);
  const values: number[] = [];
  for (let at = 0; at < packed.length; ) {
    const { value, next } = varint(packed, at);
    values.push(Number(BigInt.asIntN(64, value)));
    at = next;
  }
  return Float32Array.from(values);
}

/** The contents of all fields of that number: length-delimited ones, and single floats and varints as their bytes. */
function* fields(message: Buffer, wanted: number): Generator<Buffer> {
  for (let at = 0; at < message.length; ) {
    const { value: tag, next } = varint(message, at);
    const [number, wireType] = [Number(tag >> 3n), Number(tag & 7n)];
    let [start, end] = [next, next];
    if (wireType === 0) end = varint(message, next).next;
    else if (wireType === 1) end = next + 8;
    else if (wireType === 5) end = next + 4;
    else if (wireType === 2) {
      const length = varint(message, next);
      start = length.next;
      end = start + Number(length.value);
    } else throw new InputError(`it has a field of wire type ${wireType}`);
    if (end > message.length) throw new InputError('a field is longer than its message');
    if (number === wanted) yield message.subarray(start, end);
    at = end;
  }
}

function varint(message: Buffer, at: number): { value: bigint; next: number } {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = message[at + i];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  throw new InputError('a number is cut short');
}

/** CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), one byte at a time. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

function maskedCrc(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crcTable[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  crc = (crc ^ 0xffffffff) >>> 0;
  // TFRecord rotates and adds, so that a checksum of checksums stays good.
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
