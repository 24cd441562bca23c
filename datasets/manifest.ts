/**
 * `manifest.json`: what a dataset is and where each episode lies. It is the only truth about a dataset: a shard
 * that it does not list does not exist. FORMAT.md specifies it for other implementations.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { imageName, isImageName } from '../envs/imageName.js';
import { InputError } from '../src/errors.js';
import { writeFileAtomic } from '../src/files/atomicFile.js';
import { codecNames, DEFAULT_CODEC } from './codecs/registry.js';
import { returnStatistics } from './statistics.js';

export const MANIFEST_FILE = 'manifest.json';
export const SHARD_FOLDER = 'shards';
/** What is written; what is read begins at 1. */
export const FORMAT_VERSION = 2;
export const ALIGNMENT = 'o[t], a[t], r[t], o[t+1]';

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 as 64 hexadecimal digits');
/** Row and byte ranges are half open: [first, one past the last]. */
const range = z
  .tuple([count, count])
  .refine(([from, to]) => from <= to, 'a range [first, one past the last]');

const provenanceSchema = z.strictObject({
  /** Where the data comes from, in words: `collected`, `V-D4RL 64 px`, … */
  source: z.string(),
  /** The program that wrote it, and its version. */
  writer: z.string(),
  writerVersion: z.string(),
  /** True if pixels, actions or rewards were altered on the way (resized, decoded from JPEG or video, clipped…). */
  lossy: z.boolean(),
  /** Source files that were read, with their hash. */
  files: z.array(z.strictObject({ file: z.string(), bytes: count, sha256 })).default([]),
  /** Anything else worth knowing: level, seed, policy, options of the conversion. */
  details: z.record(z.string(), z.json()).default({}),
});

const imageSchema = z.strictObject({
  /** Its camera's, where it has one. */
  name: z.string().refine(isImageName, 'a name without / \\ , ='),
  height: z.int().min(1),
  width: z.int().min(1),
  channels: z.int().min(1),
});

const headerShape = {
  /** `walker-walk`, …; null when it is not one of a known environment. */
  task: z.string().nullable(),
  /** Control steps (env frames) for each action. */
  actionRepeat: z.int().min(1),
  /** Seconds of one control step; null when unknown. */
  controlTimestep: z.number().positive().nullable(),
  /** None for a dataset without images. */
  images: z.array(imageSchema).default([]),
  renderer: z.string().nullable(),
  actionSize: z.int().min(1),
  /** What −1 and 1 are in the environment's own units, dimension by dimension; null when unknown. */
  actionBox: z
    .strictObject({ low: z.array(z.number()), high: z.array(z.number()) })
    .nullable()
    .default(null),
  /** Of the dimensions; null when unknown. */
  actionNames: z.array(z.string()).nullable().default(null),
  actionUnits: z.array(z.string()).nullable().default(null),
  /** 0 for a dataset without state. */
  stateSize: count.default(0),
  stateNames: z.array(z.string()).nullable().default(null),
  stateUnits: z.array(z.string()).nullable().default(null),
  extra: z
    .record(z.string(), z.strictObject({ per: z.enum(['observation', 'action']), size: z.int().min(1) }))
    .default({}),
  codec: z.enum(codecNames).default(DEFAULT_CODEC),
  provenance: provenanceSchema,
};

type HeaderShape = z.output<z.ZodObject<typeof headerShape>>;

const episodeEntrySchema = z.strictObject({
  id: z.string().min(1),
  /** Position of the record's first byte in its shard. */
  offset: count,
  /** T. */
  steps: z.int().min(1),
  return: z.number(),
  /** As the record says; absent where it does not. */
  success: z.boolean().optional(),
  source: z.strictObject({ file: z.string(), rows: range }).optional(),
});

const shardSchema = z.strictObject({
  file: z.string().regex(/^[0-9]{5,}\.msgpack$/, 'a name such as 00000.msgpack'),
  bytes: z.int().min(1),
  sha256,
  episodes: z.int().min(1),
  steps: z.int().min(1),
  index: z.array(episodeEntrySchema),
});

const headerSchema = z.strictObject(headerShape).superRefine(checkHeader);

/** Names are one a thing, and lists as long as what they describe. */
function checkHeader(header: HeaderShape, context: z.RefinementCtx): void {
  const { images, actionSize, stateSize, actionBox } = header;
  const complain = (path: keyof HeaderShape, message: string): void =>
    context.addIssue({ code: 'custom', path: [path], message });
  if (new Set(images.map(({ name }) => name)).size < images.length)
    complain('images', 'two images have one name');
  const lists = [
    ['actionNames', header.actionNames, actionSize],
    ['actionUnits', header.actionUnits, actionSize],
    ['stateNames', header.stateNames, stateSize],
    ['stateUnits', header.stateUnits, stateSize],
    ['actionBox', actionBox?.low ?? null, actionSize],
    ['actionBox', actionBox?.high ?? null, actionSize],
  ] as const;
  for (const [name, list, length] of lists)
    if (list !== null && list.length !== length)
      complain(name, `it has ${list.length} entries, expected ${length}`);
  if (actionBox?.low.some((low, i) => !(low < (actionBox.high[i] ?? Number.POSITIVE_INFINITY))))
    complain('actionBox', 'a low end is not below its high end');
}

const manifestSchema = z
  .strictObject({
    format: z.literal('rlpd-pixels-dataset'),
    version: z.union([z.literal(1), z.literal(FORMAT_VERSION)]),
    ...headerShape,
    alignment: z.literal(ALIGNMENT),
    /** False while a writer is at work or after it was interrupted; what is listed is whole all the same. */
    complete: z.boolean(),
    episodes: count,
    steps: count,
    bytes: count,
    returns: z
      .strictObject({
        mean: z.number(),
        std: z.number(),
        min: z.number(),
        median: z.number(),
        max: z.number(),
      })
      .nullable(),
    shards: z.array(shardSchema),
  })
  .superRefine((manifest, context) => {
    checkHeader(manifest, context);
    manifest.shards.forEach((shard, i) => {
      const complain = (message: string): void =>
        context.addIssue({ code: 'custom', path: ['shards', i], message });
      if (shard.index.length !== shard.episodes)
        complain(`index lists ${shard.index.length} episodes, expected ${shard.episodes}`);
      if (shard.index.reduce((sum, episode) => sum + episode.steps, 0) !== shard.steps)
        complain('steps is not the sum over its index');
      let end = -1;
      for (const { offset } of shard.index) {
        if (offset <= end || offset >= shard.bytes)
          complain(`offset ${offset} is out of order or past the shard's end`);
        end = offset;
      }
      if (shard.index[0]?.offset !== 0) complain('the first episode does not start at byte 0');
    });
    const sum = (key: 'episodes' | 'steps' | 'bytes'): number =>
      manifest.shards.reduce((total, shard) => total + shard[key], 0);
    for (const key of ['episodes', 'steps', 'bytes'] as const) {
      if (manifest[key] !== sum(key))
        context.addIssue({
          code: 'custom',
          path: [key],
          message: `expected ${sum(key)}, the sum over shards`,
        });
    }
  });

export type Manifest = z.output<typeof manifestSchema>;
export type ShardEntry = Manifest['shards'][number];
export type EpisodeEntry = ShardEntry['index'][number];
export type Provenance = Manifest['provenance'];
/** What a writer has to be told about a new dataset; the rest of the manifest follows from the episodes. */
export type DatasetHeader = z.input<typeof headerSchema>;

/** What a writer has to be told for a dataset like this one. */
export function headerOf(manifest: Manifest): HeaderShape {
  return z.object(headerShape).parse(manifest);
}

/** A manifest without episodes. @throws InputError where the header does not make sense. */
export function createManifest(header: DatasetHeader): Manifest {
  const parsed = headerSchema.safeParse(header);
  if (!parsed.success)
    throw new InputError(`The dataset's header is not valid: ${firstIssue(parsed.error)}.`);
  return {
    format: 'rlpd-pixels-dataset',
    version: FORMAT_VERSION,
    ...parsed.data,
    alignment: ALIGNMENT,
    complete: false,
    episodes: 0,
    steps: 0,
    bytes: 0,
    returns: null,
    shards: [],
  };
}

/** The same dataset with these shards; totals and statistics follow from them. */
export function withShards(manifest: Manifest, shards: ShardEntry[]): Manifest {
  const sum = (key: 'episodes' | 'steps' | 'bytes'): number =>
    shards.reduce((total, shard) => total + shard[key], 0);
  return {
    ...manifest,
    episodes: sum('episodes'),
    steps: sum('steps'),
    bytes: sum('bytes'),
    returns: returnStatistics(shards.flatMap((shard) => shard.index.map((episode) => episode.return))),
    shards,
  };
}

/**
 * Whether two manifests are of the same command, which says in `provenance.details.command` all that shapes its output
 * and the header does not: an interrupted one is then gone on with.
 */
export function isOfSameCommand(one: Manifest, other: Manifest): boolean {
  const essence = ({
    provenance: { source, writer, writerVersion, details },
    shards: _,
    episodes: _e,
    steps: _s,
    bytes: _b,
    returns: _r,
    complete: _c,
    ...rest
  }: Manifest) => JSON.stringify([rest, source, writer, writerVersion, details.command]);
  return essence(one) === essence(other);
}

/** Whether they are of one command as it was typed, whatever it read. */
export function hasSameCommand(one: Manifest, other: Manifest): boolean {
  const [typed, again] = [one, other].map(({ provenance }) => JSON.stringify(provenance.details.command));
  return typed === again;
}

/** @throws InputError where there is no manifest in `folder`, or one that is not valid. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
      throw new InputError(
        `${folder} is not a dataset: it has no ${MANIFEST_FILE}. Make one with "rlpd collect" or "rlpd convert".`,
      );
    throw error;
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path} is not valid JSON: ${(error as Error).message}.`);
  }
  const version = z.object({ version: z.number() }).safeParse(json);
  if (version.success && version.data.version > FORMAT_VERSION)
    throw new InputError(
      `${path} has format version ${version.data.version}, this program reads version ${FORMAT_VERSION}: update rlpd-pixels.`,
    );
  const isFirst = version.success && version.data.version === 1;
  const parsed = manifestSchema.safeParse(isFirst ? fromVersion1(json, path) : json);
  if (!parsed.success) throw new InputError(`${path} is not a valid manifest: ${firstIssue(parsed.error)}.`);
  return parsed.data;
}

/** What version 1 says of its one image, in version 2's words; all else is the same. */
const version1ImageSchema = z.object({
  imageHeight: count,
  imageWidth: count,
  imageChannels: count,
  camera: z.string().nullable(),
});

/** @throws InputError where it does not say what its image is */
function fromVersion1(json: unknown, path: string): unknown {
  const image = version1ImageSchema.safeParse(json);
  if (!image.success) throw new InputError(`${path} is not a valid manifest: ${firstIssue(image.error)}.`);
  const { imageHeight: height, imageWidth: width, imageChannels: channels, camera } = image.data;
  const rest = Object.entries(json as object).filter(([key]) => !(key in version1ImageSchema.shape));
  const name = imageName(camera);
  const hasImage = height + width + channels > 0;
  return { ...Object.fromEntries(rest), images: hasImage ? [{ name, height, width, channels }] : [] };
}

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeFileAtomic(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 1)}\n`);
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return error.message;
  const path = issue.path.join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
