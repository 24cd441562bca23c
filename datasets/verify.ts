/** Reads a whole dataset and lists everything that is wrong or doubtful, instead of stopping at the first. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { endOnce, InputError } from '../src/errors.js';
import { PARTIAL_ENDING } from '../src/files/atomicFile.js';
import { type Episode, episodeReturn } from './episode.js';
import { MANIFEST_FILE, SHARD_FOLDER, type ShardEntry } from './manifest.js';
import { findSuspicions } from './problems.js';
import { type Dataset, openDataset } from './reader.js';
import { RecordError } from './record.js';
import { returnStatistics } from './statistics.js';

export interface DatasetProblem {
  /** File name within `shards/`; null where the problem is not in a shard. */
  readonly shard: string | null;
  /** The episode's id; null where it is not in an episode. */
  readonly episode: string | null;
  readonly kind: string;
  readonly severity: 'fault' | 'suspicion';
  readonly message: string;
}

export interface Verification {
  /** True where there is no fault; suspicions may remain. */
  readonly ok: boolean;
  readonly problems: readonly DatasetProblem[];
}

export interface VerifyOptions {
  readonly onProgress?: (done: number, total: number) => void;
}

/** Returns and statistics are sums of float32 rewards in double precision: equal but for the order of summation. */
const RELATIVE_TOLERANCE = 1e-9;

/** @throws InputError where `folder` holds no dataset at all. */
export async function verifyDataset(folder: string, options: VerifyOptions = {}): Promise<Verification> {
  const present = await stat(join(folder, MANIFEST_FILE)).catch(() => null);
  let dataset: Dataset;
  try {
    dataset = await openDataset(folder);
  } catch (error) {
    if (present === null || !(error instanceof InputError)) throw error;
    return verification([
      { shard: null, episode: null, kind: 'manifest', severity: 'fault', message: error.message },
    ]);
  }
  const problems = [...(await folderProblems(dataset)), ...(await episodeProblems(dataset, options))];
  return verification(problems);
}

function verification(problems: readonly DatasetProblem[]): Verification {
  return { ok: problems.every((problem) => problem.severity === 'suspicion'), problems };
}

/** Problems of files: missing, of another size or hash, left over; and of the manifest's own figures. */
async function folderProblems({ folder, manifest }: Dataset): Promise<DatasetProblem[]> {
  const problems: DatasetProblem[] = [];
  for (const shard of manifest.shards) problems.push(...(await shardProblems(folder, shard)));
  const listed = new Set(manifest.shards.map((shard) => shard.file));
  for (const name of (await readdir(join(folder, SHARD_FOLDER)).catch(() => [])).sort()) {
    if (listed.has(name)) continue;
    problems.push({
      shard: name,
      episode: null,
      kind: 'unlisted-file',
      severity: 'suspicion',
      message: name.endsWith(PARTIAL_ENDING)
        ? `${name} is a shard in progress, or what an interrupted writer left: it is not part of the dataset.`
        : `${name} is not listed in the manifest and not part of the dataset.`,
    });
  }
  if (!manifest.complete)
    problems.push({
      shard: null,
      episode: null,
      kind: 'incomplete',
      severity: 'suspicion',
      message:
        'The dataset is still being written, or its writer was interrupted: run its command again to go on.',
    });
  return problems;
}

async function shardProblems(folder: string, shard: ShardEntry): Promise<DatasetProblem[]> {
  const path = join(folder, SHARD_FOLDER, shard.file);
  const problem = (kind: string, message: string): DatasetProblem[] => [
    { shard: shard.file, episode: null, kind, severity: 'fault', message },
  ];
  const found = await stat(path).catch(() => null);
  if (found === null) return problem('missing-shard', `${shard.file} does not exist.`);
  if (found.size < shard.bytes)
    return problem('truncated-shard', `${shard.file} has ${found.size} bytes, expected ${shard.bytes}.`);
  if (found.size > shard.bytes)
    return problem('shard-size', `${shard.file} has ${found.size} bytes, expected ${shard.bytes}.`);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  if (hash.digest('hex') !== shard.sha256)
    return problem(
      'hash',
      `${shard.file} does not have the SHA-256 that the manifest gives: it was changed.`,
    );
  return [];
}

async function episodeProblems(dataset: Dataset, { onProgress }: VerifyOptions): Promise<DatasetProblem[]> {
  const problems: DatasetProblem[] = [];
  const returns: number[] = [];
  const contents = new Map<string, string>();
  const ids = new Set<string>();
  const { manifest } = dataset;
  const underWay: { index: number; shard: string; episode: Promise<Episode> }[] = [];
  const finish = async (): Promise<void> => {
    const next = underWay.shift();
    if (next === undefined) return;
    const entry = dataset.entry(next.index);
    const add = (kind: string, severity: 'fault' | 'suspicion', message: string): void => {
      problems.push({ shard: next.shard, episode: entry.id, kind, severity, message });
    };
    if (ids.has(entry.id)) add('id', 'fault', `There are two episodes with the id "${entry.id}".`);
    ids.add(entry.id);
    onProgress?.(next.index + 1, dataset.length);
    let episode: Episode;
    try {
      episode = await next.episode;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
      const kind = cause instanceof RecordError ? cause.kind : 'record';
      add(kind, 'fault', endOnce(`The episode cannot be used: ${cause.message}.`));
      return;
    }
    for (const { kind, severity, message } of findSuspicions(episode, manifest)) add(kind, severity, message);
    const total = episodeReturn(episode.rewards);
    returns.push(total);
    if (!nearlyEqual(total, entry.return))
      add('return', 'fault', `Its rewards sum to ${total}, the manifest says ${entry.return}.`);
    const content = contentHash(episode);
    const twin = contents.get(content);
    if (twin === undefined) contents.set(content, entry.id);
    else add('duplicate-episode', 'suspicion', `It has the same actions and rewards as "${twin}".`);
  };
  let index = 0;
  for (const shard of manifest.shards) {
    for (const _ of shard.index) {
      const episode = dataset.episode(index);
      episode.catch(() => {});
      underWay.push({ index: index++, shard: shard.file, episode });
      if (underWay.length > READ_AHEAD) await finish();
    }
  }
  while (underWay.length > 0) await finish();
  const statistics = returnStatistics(returns);
  const complete = returns.length === manifest.episodes;
  if (!complete || statistics === null) return problems;
  for (const name of ['mean', 'std', 'min', 'median', 'max'] as const) {
    const claimed = manifest.returns?.[name];
    if (claimed !== undefined && nearlyEqual(statistics[name], claimed)) continue;
    problems.push({
      shard: null,
      episode: null,
      kind: 'statistics',
      severity: 'fault',
      message: `The returns' ${name} is ${statistics[name]}, the manifest says ${claimed ?? 'nothing'}.`,
    });
  }
  return problems;
}

/** Episodes read ahead of the one being checked. */
const READ_AHEAD = 3;

function contentHash(episode: Episode): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of [episode.actions, episode.rewards])
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

function nearlyEqual(a: number, b: number): boolean {
  return Math.abs(a - b) <= RELATIVE_TOLERANCE * Math.max(1, Math.abs(a), Math.abs(b));
}
