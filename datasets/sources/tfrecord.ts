/**
 * TFRecord files of tf.train.Example, as TensorFlow Datasets writes them: a record is its length (uint64), a masked
 * CRC-32C of it, the bytes, and a masked CRC-32C of those. An Example is a protobuf map from names to a list of
 * byte strings, floats or integers.
 */
import { InputError } from '../../src/errors.js';
import { messageType } from '../../src/files/protobuf.js';
import { maskedCrc32c, recordFooterBytes, recordHeaderBytes } from '../../src/files/tfRecord.js';
import type { FileSource } from './byteSource.js';

export type Feature =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  /** `isWhole`: kept as integers. */
  | { readonly kind: 'numbers'; readonly values: Float32Array; readonly isWhole: boolean };
export type Example = ReadonlyMap<string, Feature>;

const GZIP_MAGIC = 0x1f8b;
/** One episode with its images; a hostile length must not make us allocate more. */
const MAX_RECORD_BYTES = 2 ** 29;

/** Where the records lie, without reading them. @throws InputError at the first length that is not right. */
export async function indexRecords(
  source: FileSource,
  name: string,
): Promise<{ offset: number; bytes: number }[]> {
  const records: { offset: number; bytes: number }[] = [];
  for (let offset = 0; offset < source.bytes; ) {
    if (offset + recordHeaderBytes > source.bytes)
      throw new InputError(`${name} is cut short at byte ${offset}.`);
    const header = await source.read(offset, recordHeaderBytes);
    if (offset === 0 && header.readUInt16BE(0) === GZIP_MAGIC)
      throw new InputError(`${name} is packed as a whole with gzip: unpack it first, with gunzip.`);
    if (maskedCrc32c(header.subarray(0, 8)) !== header.readUInt32LE(8))
      throw new InputError(
        `${name} is damaged at byte ${offset}: the checksum of a record's length does not match.`,
      );
    const bytes = Number(header.readBigUInt64LE(0));
    const end = offset + recordHeaderBytes + bytes + recordFooterBytes;
    if (bytes > MAX_RECORD_BYTES || end > source.bytes)
      throw new InputError(`${name} is cut short: the record at byte ${offset} claims ${bytes} bytes.`);
    records.push({ offset: offset + recordHeaderBytes, bytes });
    offset = end;
  }
  return records;
}

export async function readExample(
  source: FileSource,
  { offset, bytes }: { offset: number; bytes: number },
  name: string,
): Promise<Example> {
  const record = await source.read(offset, bytes + recordFooterBytes);
  const data = record.subarray(0, bytes);
  if (maskedCrc32c(data) !== record.readUInt32LE(bytes))
    throw new InputError(`${name}: the checksum of the record at byte ${offset} does not match.`);
  try {
    return parseExample(data);
  } catch (error) {
    throw new InputError(
      `${name}: the record at byte ${offset} is not a tf.train.Example: ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  }
}

/** tensorflow/core/example/example.proto and feature.proto. */
const exampleProto = messageType('Example', {
  Example: { features: [1, 'Features'] },
  Features: { feature: [1, 'Feature', 'mapByString'] },
  Feature: { bytesList: [1, 'BytesList'], floatList: [2, 'FloatList'], int64List: [3, 'Int64List'] },
  BytesList: { value: [1, 'bytes', 'repeated'] },
  FloatList: { value: [1, 'float', 'repeated'] },
  Int64List: { value: [1, 'int64', 'repeated'] },
});

interface DecodedFeature {
  readonly bytesList?: { readonly value?: readonly Uint8Array[] } | null;
  readonly floatList?: { readonly value?: readonly number[] } | null;
  readonly int64List?: { readonly value?: readonly { toNumber(): number }[] } | null;
}

function parseExample(data: Buffer): Example {
  const decoded = exampleProto.decode(data) as unknown as {
    readonly features?: { readonly feature?: Readonly<Record<string, DecodedFeature>> } | null;
  };
  return new Map(
    Object.entries(decoded.features?.feature ?? {}).map(([name, feature]) => [name, featureOf(feature)]),
  );
}

/** Of the kind that it has; a list without a kind is one of no numbers. */
function featureOf({ bytesList, floatList, int64List }: DecodedFeature): Feature {
  if (bytesList != null) return { kind: 'bytes', values: bytesList.value ?? [] };
  if (floatList != null)
    return { kind: 'numbers', values: Float32Array.from(floatList.value ?? []), isWhole: false };
  const whole = int64List?.value ?? [];
  return { kind: 'numbers', values: Float32Array.from(whole, Number), isWhole: true };
}
