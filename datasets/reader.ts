/**
 * Reads a dataset episode by episode, in any order. Each record is fetched, checked and decoded on its own; a few
 * are under way at once on libuv's thread pool, so memory stays at a few episodes whatever the dataset's size.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../src/errors.js';
import type { Episode } from './episode.js';
import { type EpisodeEntry, type Manifest, readManifest, SHARD_FOLDER, type ShardEntry } from './manifest.js';
import { type PackedEpisode, type UnpackOptions, unpackRecord, unpackWithoutImages } from './record.js';
import { FileSource } from './sources/byteSource.js';

export interface EpisodesOptions extends UnpackOptions {
  /** Numbers of the episodes wanted, in the order wanted; default: all, as they lie. */
  readonly indices?: Iterable<number>;
  /** Episodes read ahead of the one handed out; default: one more than there are cores. */
  readonly readAhead?: number;
}

interface Place {
  readonly shard: ShardEntry;
  readonly entry: EpisodeEntry;
  /** One past the record's last byte. */
  readonly end: number;
}

export class Dataset {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly #places: readonly Place[];

  constructor(folder: string, manifest: Manifest) {
    this.folder = folder;
    this.manifest = manifest;
    this.#places = manifest.shards.flatMap((shard) =>
      shard.index.map((entry, i) => ({ shard, entry, end: shard.index[i + 1]?.offset ?? shard.bytes })),
    );
  }

  /** Number of episodes. */
  get length(): number {
    return this.#places.length;
  }

  /** What the manifest says of each episode, in their order. */
  get entries(): readonly EpisodeEntry[] {
    return this.#places.map(({ entry }) => entry);
  }

  /** What the manifest says of episode `index`, without reading it. */
  entry(index: number): EpisodeEntry {
    return this.#place(index).entry;
  }

  /** @throws InputError naming shard and episode where it is damaged or missing. */
  async episode(index: number, options: UnpackOptions = {}): Promise<Episode> {
    return this.#read(index, async (record, entry) =>
      asListed(await unpackRecord(record, this.manifest, options), entry),
    );
  }

  /** The same with its images as they lie, for whoever copies them. */
  async packedEpisode(index: number): Promise<PackedEpisode> {
    return this.#read(index, async (record, entry) => {
      const { episode, packed } = unpackWithoutImages(record, this.manifest);
      return { episode: asListed(episode, entry), packed };
    });
  }

  async *episodes(options: EpisodesOptions = {}): AsyncGenerator<Episode, void, undefined> {
    const indices = options.indices ?? this.#places.keys();
    const readAhead = options.readAhead ?? availableParallelism() + 1;
    const underWay: Promise<Episode>[] = [];
    try {
      for (const index of indices) {
        const episode = this.episode(index, options);
        // A failure is reported when its turn comes, not as an unhandled rejection before.
        episode.catch(() => {});
        underWay.push(episode);
        if (underWay.length > readAhead) yield await (underWay.shift() as Promise<Episode>);
      }
      while (underWay.length > 0) yield await (underWay.shift() as Promise<Episode>);
    } finally {
      await Promise.allSettled(underWay);
    }
  }

  async #read<T>(index: number, unpack: (record: Buffer, entry: EpisodeEntry) => Promise<T>): Promise<T> {
    const { shard, entry, end } = this.#place(index);
    try {
      return await unpack(
        await readRange(join(this.folder, SHARD_FOLDER, shard.file), entry.offset, end),
        entry,
      );
    } catch (error) {
      throw new InputError(
        `${this.folder}: episode ${index} ("${entry.id}") in shard ${shard.file} cannot be used: ${(error as Error).message}. Run "rlpd dataset verify ${this.folder}" for the whole list.`,
        { cause: error },
      );
    }
  }

  #place(index: number): Place {
    const place = this.#places[index];
    if (place === undefined)
      throw new InputError(`${this.folder} has ${this.length} episodes; there is no episode ${index}.`);
    return place;
  }
}

/** @throws InputError where `folder` is not a dataset or its manifest is not valid. */
export async function openDataset(folder: string): Promise<Dataset> {
  return new Dataset(folder, await readManifest(folder));
}

/** With what its record does not say. @throws Error where it is not the one that the manifest lists */
function asListed(episode: Episode, { id, steps, source }: EpisodeEntry): Episode {
  if (episode.id !== id || episode.length !== steps)
    throw new Error(
      `it is "${episode.id}" with ${episode.length} steps, the manifest says "${id}" with ${steps}`,
    );
  return source === undefined ? episode : { ...episode, source };
}

async function readRange(path: string, from: number, to: number): Promise<Buffer> {
  const file = await FileSource.open(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error('the shard is missing') : error;
  });
  try {
    if (file.bytes < to)
      throw new Error(`the shard is truncated: it has ${file.bytes} bytes, the episode ends at ${to}`);
    return await file.read(from, to - from);
  } finally {
    await file.close();
  }
}
