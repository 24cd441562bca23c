/**
 * Writes a dataset episode by episode. The shard in progress lies under a temporary name; once full it is flushed,
 * renamed and listed in the manifest, so a crash loses at most that one shard and never damages another.
 */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '../src/errors.js';
import { commitFile, PARTIAL_ENDING, syncFolder, writeFailure } from '../src/files/atomicFile.js';
import { makeFolder } from '../src/files/makeFolder.js';
import { type Episode, episodeReturn, type FrameLayout } from './episode.js';
import {
  createManifest,
  type DatasetHeader,
  type EpisodeEntry,
  FORMAT_VERSION,
  MANIFEST_FILE,
  type Manifest,
  type Provenance,
  readManifest,
  SHARD_FOLDER,
  withShards,
  writeManifest,
} from './manifest.js';
import { findFaults } from './problems.js';
import { MAX_PIXEL_BYTES, type PackedImages, packRecord } from './record.js';

export interface WriterOptions {
  /** A shard is closed before it would grow beyond this; a longer episode has a shard of its own. Default 64 MiB. */
  readonly shardBytes?: number;
}

export interface OpenOptions extends WriterOptions {
  /**
   * Go on within the last shard where it has room, so that one which a full disk closed early ends where it else would
   * have: for datasets whose shards end by their size alone.
   */
  readonly fillLastShard?: boolean;
  /**
   * Go on after this many episodes and forget later ones, which must begin a shard: where a checkpoint says how far
   * the dataset was (`flush`) when it was made.
   */
  readonly episodes?: number;
}

interface OpenShard {
  readonly file: FileHandle;
  readonly name: string;
  hash: Hash;
  readonly index: EpisodeEntry[];
  bytes: number;
}

/** An episode on its way to the file. */
interface Appended {
  readonly episode: Episode;
  readonly packing: Promise<Buffer[]>;
  /** Once it is packed. */
  record: readonly Buffer[] | null;
  isWritten: boolean;
}

export class DatasetWriter {
  readonly folder: string;
  readonly #shardBytes: number;
  /** Whether the first record goes into the last shard, if that has room. */
  #fillsLast: boolean;
  #manifest: Manifest;
  #shard: OpenShard | null = null;
  #ids: Set<string>;
  /** In the order of the calls, with a null wherever the shard is to be closed. */
  readonly #appended: (Appended | null)[] = [];
  /** Settles when all that was asked for so far is written; records are written in the order of `append` calls. */
  #queue: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  private constructor(folder: string, manifest: Manifest, options: OpenOptions) {
    this.folder = folder;
    this.#manifest = manifest;
    this.#shardBytes = options.shardBytes ?? 64 * 2 ** 20;
    this.#fillsLast = options.fillLastShard ?? false;
    this.#ids = new Set(manifest.shards.flatMap((shard) => shard.index.map((episode) => episode.id)));
  }

  /** Begins a dataset in `folder`, which is made. @throws InputError where one is there already. */
  static async create(
    folder: string,
    header: DatasetHeader,
    options: WriterOptions = {},
  ): Promise<DatasetWriter> {
    const manifest = createManifest(header);
    const there = await stat(join(folder, MANIFEST_FILE)).catch(() => null);
    if (there !== null)
      throw new InputError(
        `${folder} already holds a dataset: choose another folder, or delete that one first.`,
      );
    await makeFolder(join(folder, SHARD_FOLDER));
    await writeManifest(folder, manifest);
    // The manifest's own folder is flushed with it; so must be the one that names this folder.
    await syncFolder(dirname(resolve(folder)));
    return new DatasetWriter(folder, manifest, options);
  }

  /** Goes on with a dataset: after its last whole shard, or after `options.episodes` episodes. */
  static async open(folder: string, options: OpenOptions = {}): Promise<DatasetWriter> {
    const present = await readManifest(folder);
    if (present.version !== FORMAT_VERSION)
      throw new InputError(
        `The dataset in ${folder} is of format version ${present.version} and cannot be added to: rewrite it with "rlpd dataset upgrade ${folder} --out FOLDER".`,
      );
    const manifest = { ...cutAfter(present, options.episodes, folder), complete: false };
    await writeManifest(folder, manifest);
    await makeFolder(join(folder, SHARD_FOLDER));
    const listed = new Set(manifest.shards.map((shard) => shard.file));
    for (const name of await readdir(join(folder, SHARD_FOLDER))) {
      const isOurs = name.endsWith('.msgpack') || name.endsWith(`.msgpack${PARTIAL_ENDING}`);
      if (isOurs && !listed.has(name)) await rm(join(folder, SHARD_FOLDER, name));
    }
    if (options.fillLastShard) await cutLastShard(folder, manifest);
    return new DatasetWriter(folder, manifest, options);
  }

  /** As on the disk: episodes of the shard in progress are not in it yet. */
  get manifest(): Manifest {
    return this.#manifest;
  }

  /** Changes what the manifest says of the data's origin, from the next shard on. */
  setProvenance(provenance: Provenance): void {
    this.#manifest = { ...this.#manifest, provenance };
  }

  /**
   * Adds an episode; resolves when it is in the shard's file (not yet durable: see `flush`). Its arrays must not
   * change before that. Calls need not wait for one another: several episodes are then encoded in parallel and
   * written in the order of the calls. A caller bounds memory by how many it leaves waiting.
   * @param packed the images as a codec packs them, where the caller has them so: they are taken as they are if it
   *   is the dataset's codec; the episode then need not hold them
   * @throws InputError for an episode that does not fit the dataset; the writer can go on with others.
   */
  append(episode: Episode, packed?: PackedImages): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const refusal = this.#refusal(episode, packed);
    if (refusal !== null) return Promise.reject(new InputError(refusal));
    this.#ids.add(episode.id);
    const packing = packRecord(episode, this.#manifest, packed);
    const one: Appended = { episode, packing, record: null, isWritten: false };
    // A failure is reported when its turn comes, not as an unhandled rejection before.
    packing.then(
      (record) => {
        one.record = record;
      },
      () => {},
    );
    this.#appended.push(one);
    return this.#enqueue(() => this.#writeFrom(one));
  }

  /** Closes the shard in progress: all episodes appended so far are on the disk and listed when this resolves. */
  flush(): Promise<void> {
    this.#appended.push(null);
    return this.#enqueue(async () => {
      this.#appended.shift();
      await this.#closeShard();
    });
  }

  /** Flushes, and marks the dataset as complete. */
  async close(): Promise<void> {
    await this.flush();
    return this.#enqueue(async () => {
      this.#manifest = { ...this.#manifest, complete: true };
      await writeManifest(this.folder, this.#manifest);
    });
  }

  /** Stops at once and forgets the shard in progress, as a crash would: for a program that has failed. */
  async abandon(): Promise<void> {
    this.#failure ??= new Error(`The writer of ${this.folder} was abandoned.`);
    await this.#queue;
    await this.#abandonShard();
  }

  #refusal(episode: Episode, packed: PackedImages | undefined): string | null {
    const what = `Episode "${episode.id}" does not fit the dataset in ${this.folder}:`;
    if (episode.id === '' || this.#ids.has(episode.id)) return `${what} its id is empty or already taken.`;
    if (Object.values(episode.images).reduce((sum, image) => sum + image.length, 0) > MAX_PIXEL_BYTES)
      return `${what} it has more than ${MAX_PIXEL_BYTES} bytes of pixels; split it.`;
    const isCopied = ({ name }: FrameLayout): boolean =>
      episode.images[name] === undefined &&
      packed?.codec === this.#manifest.codec &&
      packed.images[name] !== undefined;
    const images = this.#manifest.images.filter((image) => !isCopied(image));
    const fault = findFaults(episode, { ...this.#manifest, images })[0];
    return fault === undefined ? null : `${what} ${fault.message}`;
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      await task().catch(async (error: Error) => {
        await this.#keepWhole();
        this.#failure = new Error(
          `Writing the dataset in ${this.folder} failed (${writeFailure(error)}); the ${this.#manifest.episodes} episodes that it lists are whole.`,
          { cause: error },
        );
        throw this.#failure;
      });
    });
    this.#queue = done.catch(() => {});
    return done;
  }

  /** Writes `one`, and along with it those behind it that are packed already: few writes take less time than many. */
  async #writeFrom(one: Appended): Promise<void> {
    if (one.isWritten) return;
    const bytes = byteLength(await one.packing);
    if (this.#shard !== null && this.#shard.bytes + bytes > this.#shardBytes) await this.#closeShard();
    this.#shard ??= (await this.#reopenShard(bytes)) ?? (await this.#openShard());
    const shard = this.#shard;
    const batch = this.#takePacked(this.#shardBytes - shard.bytes);
    const pieces = batch.flatMap(({ record }) => record);
    const written = writeAll(shard.file, pieces);
    // While the disk takes them; of a copy, since they count only once they are written.
    const hash = shard.hash.copy();
    for (const piece of pieces) hash.update(piece);
    await written;
    shard.hash = hash;
    for (const { appended, record } of batch) {
      appended.isWritten = true;
      const { id, length, rewards, success, source } = appended.episode;
      shard.index.push({
        id,
        offset: shard.bytes,
        steps: length,
        return: episodeReturn(rewards),
        ...(success !== undefined && { success }),
        ...(source && { source: { file: source.file, rows: [...source.rows] } }),
      });
      shard.bytes += byteLength(record);
    }
  }

  /** The first that was appended and not written, and those behind it that are packed and fit into `room` bytes too. */
  #takePacked(room: number): { appended: Appended; record: readonly Buffer[] }[] {
    const batch: { appended: Appended; record: readonly Buffer[] }[] = [];
    let bytes = 0;
    for (;;) {
      const appended = this.#appended[0];
      const record = appended?.record;
      if (!appended || !record) return batch;
      bytes += byteLength(record);
      if (batch.length > 0 && bytes > room) return batch;
      this.#appended.shift();
      batch.push({ appended, record });
    }
  }

  async #openShard(): Promise<OpenShard> {
    const name = `${String(this.#manifest.shards.length).padStart(5, '0')}.msgpack`;
    const file = await open(join(this.folder, SHARD_FOLDER, name + PARTIAL_ENDING), 'w');
    return { file, name, hash: createHash('sha256'), index: [], bytes: 0 };
  }

  /**
   * The last shard, if the record fits into it: a copy, so that the listed one is whole until this one takes its place.
   * null where a new one is to be begun.
   */
  async #reopenShard(recordBytes: number): Promise<OpenShard | null> {
    const last = this.#fillsLast ? this.#manifest.shards.at(-1) : undefined;
    this.#fillsLast = false;
    if (last === undefined || last.bytes + recordBytes > this.#shardBytes) return null;
    const path = join(this.folder, SHARD_FOLDER, last.file);
    const content = await readFile(path);
    const hash = createHash('sha256').update(content);
    if (content.length !== last.bytes || hash.copy().digest('hex') !== last.sha256)
      throw new InputError(
        `${path} is not as the manifest says: it was changed or damaged. Delete ${this.folder} and begin anew.`,
      );
    const file = await open(path + PARTIAL_ENDING, 'w');
    const { file: name, index, bytes } = last;
    const shard: OpenShard = { file, name, hash, index: [...index], bytes };
    try {
      await writeAll(file, [content]);
    } catch (error) {
      await this.#discard(shard);
      throw error;
    }
    return shard;
  }

  async #closeShard(): Promise<void> {
    if (this.#shard === null) return;
    const { file, name, hash, index, bytes } = this.#shard;
    const path = join(this.folder, SHARD_FOLDER, name);
    await commitFile(file, path + PARTIAL_ENDING, path);
    this.#shard = null;
    const shards = [
      ...this.#manifest.shards.filter((shard) => shard.file !== name),
      {
        file: name,
        bytes,
        sha256: hash.digest('hex'),
        episodes: index.length,
        steps: index.reduce((sum, episode) => sum + episode.steps, 0),
        index,
      },
    ];
    await writeManifest(this.folder, withShards(this.#manifest, shards));
    this.#manifest = withShards(this.#manifest, shards);
  }

  /** After a failed write: the shard in progress without the record that did not fit, or else not at all. */
  async #keepWhole(): Promise<void> {
    const shard = this.#shard;
    if (shard === null) return;
    if (shard.index.length === 0) return this.#abandonShard();
    await shard.file
      .truncate(shard.bytes)
      .then(() => this.#closeShard())
      .catch(() => this.#abandonShard());
  }

  async #abandonShard(): Promise<void> {
    const shard = this.#shard;
    if (shard === null) return;
    this.#shard = null;
    await this.#discard(shard);
  }

  async #discard({ file, name }: OpenShard): Promise<void> {
    await file.close().catch(() => {});
    await rm(join(this.folder, SHARD_FOLDER, name + PARTIAL_ENDING), { force: true });
  }
}

function byteLength(record: readonly Buffer[]): number {
  return record.reduce((sum, piece) => sum + piece.length, 0);
}

async function writeAll(file: FileHandle, pieces: readonly Buffer[]): Promise<void> {
  let rest = pieces;
  while (rest.length > 0) {
    let { bytesWritten } = await file.writev(rest);
    // What the system did not take at once is written again.
    rest = rest.flatMap((piece) => {
      const left = piece.subarray(Math.min(piece.length, bytesWritten));
      bytesWritten -= piece.length - left.length;
      return left.length > 0 ? [left] : [];
    });
  }
}

/** A crash between taking a filled shard's place and saying so leaves it longer than the manifest has it. */
async function cutLastShard(folder: string, { shards }: Manifest): Promise<void> {
  const last = shards.at(-1);
  if (last === undefined) return;
  const path = join(folder, SHARD_FOLDER, last.file);
  const found = await stat(path).catch(() => null);
  if (found !== null && found.size > last.bytes) await truncate(path, last.bytes);
}

function cutAfter(manifest: Manifest, episodes: number | undefined, folder: string): Manifest {
  if (episodes === undefined || episodes === manifest.episodes) return manifest;
  let kept = 0;
  const shards = manifest.shards.filter((shard) => {
    const keep = kept + shard.episodes <= episodes;
    if (keep) kept += shard.episodes;
    return keep;
  });
  if (kept !== episodes)
    throw new InputError(
      `The dataset in ${folder} cannot go on after ${episodes} episodes: it has ${manifest.episodes}, and no shard ends there.`,
    );
  return withShards(manifest, shards);
}
