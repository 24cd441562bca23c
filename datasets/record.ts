/**
 * One episode as the bytes of a shard: a msgpack map whose last entry is the SHA-256 of everything before it, so a
 * damaged record is found before it is parsed. FORMAT.md has the table.
 */
import { createHash } from 'node:crypto';
import { Packr, Unpackr } from 'msgpackr';
import { z } from 'zod';
import { type CodecName, codecs } from './codecs/registry.js';
import type { Episode } from './episode.js';
import type { Manifest } from './manifest.js';
import { type EpisodeProblemKind, findFaults } from './problems.js';

/** Key `checksum` (fixstr, 1 + 8 bytes), bin 8 header (2 bytes), 32 bytes. */
const CHECKSUM_BYTES = 32;
const CHECKSUM_ENTRY = Buffer.concat([Buffer.from([0xa8]), Buffer.from('checksum'), Buffer.from([0xc4, 32])]);
/** msgpack's map of at most 15 entries: the number is in the low bits. */
const FIXMAP = 0x80;
const TAIL_BYTES = CHECKSUM_ENTRY.length + CHECKSUM_BYTES;
/** An episode is packed in one piece; 2 GiB is what zlib and typed arrays take without trouble. */
export const MAX_PIXEL_BYTES = 2 ** 31 - 1;

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

const bytes = z.instanceof(Uint8Array);
const floats = bytes
  .refine((value) => value.length % 4 === 0, 'float32 numbers, but its bytes are not a multiple of 4')
  .transform((value) => {
    // A copy: within the record the numbers are not aligned.
    const copy = new Float32Array(value.length / 4);
    new Uint8Array(copy.buffer).set(value);
    return copy;
  });
const recordSchema = z.strictObject({
  id: z.string(),
  length: z.int().min(1),
  pixels: bytes.optional(),
  state: floats.optional(),
  actions: floats,
  rewards: floats,
  terminated: z.boolean(),
  truncated: z.boolean(),
  extra: z.record(z.string(), floats).optional(),
  checksum: bytes,
});

/** Pixels that a codec has packed already. */
export interface PackedPixels {
  readonly codec: CodecName;
  readonly bytes: Uint8Array;
}

/**
 * The record in pieces that follow one another. The pixels, most of it, are a piece of their own, so that they are not
 * copied.
 * @param packed used as it is where it is of the dataset's codec
 */
export async function packRecord(
  episode: Episode,
  manifest: Manifest,
  packed?: PackedPixels,
): Promise<Buffer[]> {
  const pixels =
    packed?.codec === manifest.codec
      ? packed.bytes
      : episode.pixels !== undefined && episode.pixels.length > 0
        ? await codecs[manifest.codec].encode(episode.pixels, framesShape(episode.length, manifest))
        : undefined;
  const before = { id: episode.id, length: episode.length };
  const after = {
    ...(episode.state && { state: asBuffer(episode.state) }),
    actions: asBuffer(episode.actions),
    rewards: asBuffer(episode.rewards),
    terminated: episode.terminated,
    truncated: episode.truncated,
    ...(episode.extra && {
      extra: Object.fromEntries(
        Object.entries(episode.extra).map(([name, values]) => [name, asBuffer(values)]),
      ),
    }),
  };
  // A map's entries follow its first byte, which counts them; the checksum is one more.
  const entries = Object.keys(before).length + Object.keys(after).length + (pixels ? 2 : 1);
  const start = Buffer.concat([Buffer.from([FIXMAP | entries]), packEntries(before)]);
  const pieces = pixels
    ? [Buffer.concat([start, packr.pack('pixels'), binHeader(pixels.length)]), asBuffer(pixels)]
    : [start];
  pieces.push(packEntries(after));
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return [...pieces, CHECKSUM_ENTRY, hash.digest()];
}

/** The entries of a map without its first byte. */
function packEntries(entries: Readonly<Record<string, unknown>>): Buffer {
  return packr.pack(entries).subarray(1);
}

/** As short as msgpack allows: bin 8, bin 16 or bin 32. */
function binHeader(length: number): Buffer {
  const header = Buffer.from([0xc6, 0, 0, 0, 0]);
  header.writeUInt32BE(length, 1);
  if (length >= 2 ** 16) return header;
  return length >= 2 ** 8 ? Buffer.from([0xc5, ...header.subarray(3)]) : Buffer.from([0xc4, length]);
}

/** What is wrong with a record: its message is a clause that fits after the episode's name. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
  readonly kind: 'record' | 'checksum' | EpisodeProblemKind;

  constructor(kind: RecordError['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export interface UnpackOptions {
  /** False leaves the images out, and saves decoding them. */
  readonly pixels?: boolean;
}

/** @throws RecordError */
export async function unpackRecord(
  record: Uint8Array,
  manifest: Manifest,
  { pixels: wanted = true }: UnpackOptions = {},
): Promise<Episode> {
  checkChecksum(record);
  let value: unknown;
  try {
    value = unpackr.unpack(record);
  } catch (error) {
    throw new RecordError('record', `it is not one msgpack value: ${(error as Error).message}`);
  }
  const parsed = recordSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new RecordError(
      'record',
      `its field ${issue?.path.join('.') || '(all)'} is not as specified: ${issue?.message}`,
    );
  }
  const { pixels: encoded, checksum: _, state, extra, ...rest } = parsed.data;
  const episode = { ...rest, ...(state && { state }), ...(extra && { extra }) };
  const shape = framesShape(episode.length, manifest);
  const size = shape.frames * shape.height * shape.width * shape.channels;
  if ((encoded !== undefined) !== size > 0)
    throw new RecordError(
      'record',
      encoded ? 'it has pixels, but the manifest says none' : 'it has no pixels',
    );
  if (size > MAX_PIXEL_BYTES)
    throw new RecordError('record', `it claims ${size} bytes of pixels, more than an episode may have`);
  // Lengths are compared before the pixels are unpacked: a claimed T is believed only if the other arrays agree.
  const withoutPixels = { ...manifest, imageHeight: 0, imageWidth: 0, imageChannels: 0 };
  const fault = findFaults(episode, withoutPixels)[0];
  if (fault !== undefined)
    throw new RecordError(fault.kind, `it is not valid: ${fault.message.replace(/\.$/, '')}`);
  if (!wanted || encoded === undefined) return episode;
  try {
    return { ...episode, pixels: await codecs[manifest.codec].decode(encoded, shape) };
  } catch (error) {
    throw new RecordError('record', `its pixels cannot be decoded: ${(error as Error).message}`);
  }
}

function checkChecksum(record: Uint8Array): void {
  const tail = Buffer.from(record.buffer, record.byteOffset, record.byteLength).subarray(-TAIL_BYTES);
  if (record.length <= TAIL_BYTES || !tail.subarray(0, CHECKSUM_ENTRY.length).equals(CHECKSUM_ENTRY))
    throw new RecordError('record', 'it does not end in a checksum');
  if (!checksumOf(record).equals(tail.subarray(CHECKSUM_ENTRY.length)))
    throw new RecordError('checksum', 'its checksum does not match: the file was damaged or changed');
}

/** Of all bytes before the checksum's own entry. */
function checksumOf(record: Uint8Array): Buffer {
  return createHash('sha256')
    .update(record.subarray(0, record.length - TAIL_BYTES))
    .digest();
}

function framesShape(steps: number, manifest: Manifest) {
  return {
    frames: steps + 1,
    height: manifest.imageHeight,
    width: manifest.imageWidth,
    channels: manifest.imageChannels,
  };
}

function asBuffer(array: Uint8Array | Float32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
