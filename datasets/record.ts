/**
 * One episode as the bytes of a shard: a msgpack map whose last entry is the SHA-256 of everything before it, so a
 * damaged record is found before it is parsed. FORMAT.md has the table.
 */
import { createHash } from 'node:crypto';
import { Packr, Unpackr } from 'msgpackr';
import { z } from 'zod';
import { UNNAMED_IMAGE } from '../envs/imageName.js';
import type { FramesShape } from './codecs/frameCodec.js';
import { type CodecName, codecs } from './codecs/registry.js';
import { type Episode, type FrameLayout, frameBytes } from './episode.js';
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
const recordShape = {
  id: z.string(),
  length: z.int().min(1),
  state: floats.optional(),
  actions: floats,
  rewards: floats,
  terminated: z.boolean(),
  truncated: z.boolean(),
  success: z.boolean().optional(),
  interventions: bytes.transform((value) => Uint8Array.from(value)).optional(),
  instruction: z.string().optional(),
  extra: z.record(z.string(), floats).optional(),
  checksum: bytes,
};
const recordSchema = z.strictObject({ ...recordShape, images: z.record(z.string(), bytes).optional() });
/** Version 1 has one image at most, without a name. */
const version1RecordSchema = z.strictObject({ ...recordShape, pixels: bytes.optional() });

/** Images that a codec has packed already, by name. */
export interface PackedImages {
  readonly codec: CodecName;
  readonly images: Readonly<Record<string, Uint8Array>>;
}

/**
 * The record in pieces that follow one another. The images, most of it, are pieces of their own, so that they are not
 * copied.
 * @param packed used as it is where it is of the dataset's codec
 */
export async function packRecord(
  episode: Episode,
  manifest: Manifest,
  packed?: PackedImages,
): Promise<Buffer[]> {
  const codec = codecs[manifest.codec];
  const images = await Promise.all(
    manifest.images.map(async (layout) => {
      const { name } = layout;
      const ready = packed?.codec === manifest.codec ? packed.images[name] : undefined;
      const pixels = episode.images[name] ?? new Uint8Array();
      return { name, bytes: ready ?? (await codec.encode(pixels, framesShape(episode.length, layout))) };
    }),
  );
  const before = { id: episode.id, length: episode.length };
  const after = {
    ...(episode.state && { state: asBuffer(episode.state) }),
    actions: asBuffer(episode.actions),
    rewards: asBuffer(episode.rewards),
    terminated: episode.terminated,
    truncated: episode.truncated,
    ...(episode.success !== undefined && { success: episode.success }),
    ...(episode.interventions && { interventions: asBuffer(episode.interventions) }),
    ...(episode.instruction !== undefined && { instruction: episode.instruction }),
    ...(episode.extra && {
      extra: Object.fromEntries(
        Object.entries(episode.extra).map(([name, values]) => [name, asBuffer(values)]),
      ),
    }),
  };
  // A map's entries follow its first byte, which counts them; the checksum is one more.
  const entries = Object.keys(before).length + Object.keys(after).length + (images.length > 0 ? 2 : 1);
  const pieces = [mapHeader(entries), packEntries(before)];
  if (images.length > 0) {
    pieces.push(packr.pack('images'), mapHeader(images.length));
    for (const { name, bytes } of images)
      pieces.push(packr.pack(name), binHeader(bytes.length), asBuffer(bytes));
  }
  pieces.push(packEntries(after));
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return [...pieces, CHECKSUM_ENTRY, hash.digest()];
}

/** msgpack's fixmap of at most 15 entries, else map 16. */
function mapHeader(entries: number): Buffer {
  return entries < 16
    ? Buffer.from([FIXMAP | entries])
    : Buffer.from([0xde, Math.floor(entries / 256), entries % 256]);
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
  /** Which images are wanted: all by default, none, or those named; the others are not decoded. */
  readonly images?: boolean | readonly string[];
}

/** @throws RecordError */
export async function unpackRecord(
  record: Uint8Array,
  manifest: Manifest,
  { images: wanted = true }: UnpackOptions = {},
): Promise<Episode> {
  const { episode, packed } = unpackWithoutImages(record, manifest);
  const decoded = await Promise.all(
    manifest.images
      .filter(({ name }) => wanted === true || (wanted !== false && wanted.includes(name)))
      .map(async (layout) => {
        try {
          const shape = framesShape(episode.length, layout);
          const bytes = packed.images[layout.name] as Uint8Array;
          return [layout.name, await codecs[manifest.codec].decode(bytes, shape)] as const;
        } catch (error) {
          throw new RecordError(
            'record',
            `its image "${layout.name}" cannot be decoded: ${(error as Error).message}`,
          );
        }
      }),
  );
  return { ...episode, images: Object.fromEntries(decoded) };
}

/** An episode whose images are as the codec packed them, and not in `episode.images`. */
export interface PackedEpisode {
  readonly episode: Episode;
  readonly packed: PackedImages;
}

/** @throws RecordError */
export function unpackWithoutImages(record: Uint8Array, manifest: Manifest): PackedEpisode {
  checkChecksum(record);
  let value: unknown;
  try {
    value = unpackr.unpack(record);
  } catch (error) {
    throw new RecordError('record', `it is not one msgpack value: ${(error as Error).message}`);
  }
  const { images: encoded, ...episode } = parseRecord(value, manifest);
  const layouts = manifest.images;
  const claimed = layouts.reduce((sum, layout) => sum + (episode.length + 1) * frameBytes(layout), 0);
  const stranger = Object.keys(encoded).find((name) => !layouts.some((layout) => layout.name === name));
  if (stranger !== undefined)
    throw new RecordError('record', `it has an image "${stranger}", of which the manifest says nothing`);
  const absent = layouts.find(({ name }) => encoded[name] === undefined);
  if (absent !== undefined) throw new RecordError('record', `it has no image "${absent.name}"`);
  if (claimed > MAX_PIXEL_BYTES)
    throw new RecordError('record', `it claims ${claimed} bytes of pixels, more than an episode may have`);
  // Lengths are compared before the images are unpacked: a claimed T is believed only if the other arrays agree.
  const withoutImages = { ...episode, images: {} };
  const fault = findFaults(withoutImages, { ...manifest, images: [] })[0];
  if (fault !== undefined)
    throw new RecordError(fault.kind, `it is not valid: ${fault.message.replace(/\.$/, '')}`);
  return { episode: withoutImages, packed: { codec: manifest.codec, images: encoded } };
}

/** The record's fields as version 2 has them. @throws RecordError */
function parseRecord(value: unknown, { version, images }: Manifest) {
  const parsed =
    version === 1
      ? version1RecordSchema
          .transform(({ pixels, ...rest }) => ({
            ...rest,
            images: pixels && { [images[0]?.name ?? UNNAMED_IMAGE]: pixels },
          }))
          .safeParse(value)
      : recordSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new RecordError(
      'record',
      `its field ${issue?.path.join('.') || '(all)'} is not as specified: ${issue?.message}`,
    );
  }
  const { images: encoded = {}, checksum: _, ...rest } = parsed.data;
  const { state, extra, success, interventions, instruction, ...always } = rest;
  return {
    ...always,
    ...(state && { state }),
    ...(extra && { extra }),
    ...(success !== undefined && { success }),
    ...(interventions && { interventions }),
    ...(instruction !== undefined && { instruction }),
    images: encoded,
  };
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

function framesShape(steps: number, { height, width, channels }: FrameLayout): FramesShape {
  return { frames: steps + 1, height, width, channels };
}

function asBuffer(array: Uint8Array | Float32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
