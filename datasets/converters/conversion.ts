/**
 * What all converters share: the loop that takes episodes from a source, checks them, acts on problems, writes the
 * dataset, and can be stopped at any moment. A format's own file only says how its episodes are found and read.
 *
 * The loop is deterministic: units are read ahead in parallel but judged and written in order, so a conversion that
 * was killed and run again ends in the same bytes as one that was not.
 */
import { rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/files/atomicFile.js';
import type { CodecName } from '../codecs/registry.js';
import { lockDataset } from '../datasetLock.js';
import { episodeReturn } from '../episode.js';
import {
  createManifest,
  type DatasetHeader,
  hasSameCommand,
  isOfSameCommand,
  MANIFEST_FILE,
  type Manifest,
  type Provenance,
  readManifest,
} from '../manifest.js';
import { findFaults, findSuspicions } from '../problems.js';
import { returnStatistics } from '../statistics.js';
import { DatasetWriter } from '../writer.js';
import { type ActionMap, type ActionRange, actionMap } from './actionRange.js';
import type { ConversionSource, ConversionUnit, SourceEpisode, UnitContent } from './conversionSource.js';
import { fixEpisode } from './fixEpisode.js';
import { readSourceState, sourceChange, writeSourceState } from './sourceState.js';

export const REPORT_FILE = 'conversion.json';
/** Node unpacks on four threads; one more waits for the next that is free. */
const UNITS_AHEAD = 4;
const BOX_HINT = "Say --action-range LOW:HIGH, the environment's own box, or --action-range data.";
/** Bumped whenever a converter's output changes for the same input. */
const CONVERTER_VERSION = '2';

export interface ConversionOptions {
  readonly out: string;
  readonly onProblem: 'quarantine' | 'fix' | 'stop';
  /** Only episodes numbered [from, to) in the source's order, before any filter. */
  readonly episodes?: readonly [number, number];
  readonly returnMin?: number;
  /**
   * The box of the source's actions, one range for all dimensions or one for each, mapped to [−1, 1]; `data`: the
   * data's own extremes. Default: what the source says.
   */
  readonly actionRange?: ActionRange;
  readonly codec?: CodecName;
  readonly dryRun: boolean;
  readonly shardBytes?: number;
  /** Names the command and what else shapes the output; a conversion is only carried on with the same. */
  readonly command: Readonly<Record<string, z.core.util.JSONType>>;
  readonly onProgress?: (done: number, total: number) => void;
}

const count = z.int().min(0).catch(0);
const reportProblemSchema = z.strictObject({
  episode: z.string(),
  kind: z.string(),
  message: z.string(),
  action: z.enum(['kept', 'fixed', 'left out']),
});
export type ReportProblem = z.output<typeof reportProblemSchema>;

export interface ConversionReport {
  readonly out: string;
  readonly dryRun: boolean;
  readonly source: string;
  readonly task: string | null;
  readonly episodes: number;
  readonly steps: number;
  /** Episodes of the source that are not in the dataset because of a problem. */
  readonly leftOut: number;
  /** Episodes below the smallest return asked for. */
  readonly filtered: number;
  readonly returnMean: number | null;
  readonly returnMin: number | null;
  readonly returnMax: number | null;
  /** Of the dataset on disk; of the pixels in memory for a dry run. */
  readonly bytes: number;
  readonly problems: readonly ReportProblem[];
  /** What there is to say of the source as a whole. */
  readonly notes: readonly string[];
}

/** @throws InputError for a source or options that cannot be used, and for the first problem under `stop`. */
export async function convert(
  source: ConversionSource,
  options: ConversionOptions,
): Promise<ConversionReport> {
  const actions = await actionMap(source, options.actionRange);
  const header: DatasetHeader = {
    ...source.header,
    ...(actions !== null && {
      actionBox: { low: [...actions.box.low], high: [...actions.box.high] },
    }),
    codec: options.codec ?? source.defaultCodec,
    provenance: {
      source: source.name,
      writer: 'rlpd convert',
      writerVersion: CONVERTER_VERSION,
      lossy: false,
      files: [],
      details: { ...source.details, command: options.command, problems: [], notes: [] },
    },
  };
  if (options.dryRun) return new Conversion(source, options, actions, createManifest(header), null).run();
  const lock = await lockDataset(options.out);
  try {
    return await convertAlone(source, options, actions, header);
  } finally {
    await lock.release();
  }
}

async function convertAlone(
  source: ConversionSource,
  options: ConversionOptions,
  actions: ActionMap | null,
  header: DatasetHeader,
): Promise<ConversionReport> {
  const begun = await stat(join(options.out, MANIFEST_FILE)).catch(() => null);
  const files = await readSourceState(source.place, options.out);
  if (begun === null) {
    await writeSourceState(options.out, files);
    const writer = await DatasetWriter.create(options.out, header, writerOptions(options));
    return new Conversion(source, options, actions, writer.manifest, writer).run();
  }
  const manifest = await readManifest(options.out);
  const isEmpty = !manifest.complete && manifest.shards.length === 0;
  const change = await sourceChange(source.place, options.out, files, manifest.provenance.files);
  if (isEmpty && (change !== null || !isOfSameCommand(manifest, createManifest(header)))) {
    // A conversion that left everything out holds nobody up who says it otherwise, or puts the source right.
    await rm(join(options.out, MANIFEST_FILE));
    return convertAlone(source, options, actions, header);
  }
  // A source that has changed may look like another command.
  if (change !== null && hasSameCommand(manifest, createManifest(header)))
    throw new InputError(
      `${source.place} has changed since ${options.out} was ${manifest.complete ? '' : 'partly '}made of it (${change}): convert it into another folder, or delete ${options.out} first.`,
    );
  checkSameConversion(manifest, createManifest(header), options.out);
  const writer = manifest.complete
    ? null
    : await DatasetWriter.open(options.out, { ...writerOptions(options), fillLastShard: true });
  return new Conversion(source, options, actions, manifest, writer).run();
}

function writerOptions({ shardBytes }: ConversionOptions) {
  return shardBytes === undefined ? {} : { shardBytes };
}

function checkSameConversion(there: Manifest, wanted: Manifest, out: string): void {
  if (!isOfSameCommand(there, wanted))
    throw new InputError(
      `${out} already holds a dataset that was not made by this command: choose another folder, or delete that one first.`,
    );
}

class Conversion {
  readonly #source: ConversionSource;
  readonly #options: ConversionOptions;
  readonly #actions: ActionMap | null;
  readonly #manifest: Manifest;
  /** null in a dry run, and where the conversion was complete already. */
  readonly #writer: DatasetWriter | null;
  readonly #done: Map<string, { steps: number; return: number }>;
  readonly #files: Map<string, Provenance['files'][number]>;
  readonly #problems: Map<string, ReportProblem>;
  /** Of this run: what is in the dataset already may be of one before it. */
  readonly #seen = new Set<string>();
  #pixelBytes = 0;
  #filtered = 0;
  #number = 0;

  constructor(
    source: ConversionSource,
    options: ConversionOptions,
    actions: ActionMap | null,
    manifest: Manifest,
    writer: DatasetWriter | null,
  ) {
    this.#source = source;
    this.#options = options;
    this.#actions = actions;
    this.#manifest = manifest;
    this.#writer = writer;
    this.#done = new Map(manifest.shards.flatMap((shard) => shard.index.map((e) => [e.id, e] as const)));
    this.#files = new Map(manifest.provenance.files.map((file) => [file.file, file]));
    const problems = z.array(reportProblemSchema).catch([]).parse(manifest.provenance.details.problems);
    this.#problems = new Map(problems.map((problem) => [problemKey(problem), problem]));
    if (manifest.complete) this.#filtered = count.parse(manifest.provenance.details.filtered);
  }

  async run(): Promise<ConversionReport> {
    const complete = this.#writer === null && !this.#options.dryRun;
    if (!complete) {
      const pending: Promise<void>[] = [];
      let done = 0;
      for await (const { unit, content, unreadable } of readAhead(this.#source.units)) {
        const taken: Promise<void>[] = [];
        if (unreadable !== null) this.#leaveOut(unit, unreadable);
        for (const file of content.files) this.#files.set(file.file, file);
        for (const found of content.episodes) {
          if (!this.#isWanted()) continue;
          const written = this.#take(this.#actions?.scale(found) ?? found);
          taken.push(written);
          pending.push(written);
          // A few episodes are packed at once; their order is kept by the writer.
          if (pending.length > availableParallelism()) await pending.shift();
        }
        Promise.allSettled(taken).then(content.release);
        this.#options.onProgress?.(++done, this.#source.units.length);
        if (this.#number >= (this.#options.episodes?.[1] ?? Number.POSITIVE_INFINITY)) break;
      }
      await Promise.all(pending);
      this.#updateProvenance();
      // Without an episode it stays incomplete, so that the command can be run again once the source is put right.
      if (this.#done.size > 0) await this.#writer?.close();
    }
    const report = this.#report();
    if (this.#options.dryRun) return report;
    // Without the folder's own name, so that a dataset may be moved.
    const { out, dryRun: _, ...lasting } = report;
    await writeFileAtomic(join(out, REPORT_FILE), `${JSON.stringify(lasting, null, 1)}\n`);
    return report;
  }

  /** Counts an episode of the source; true if it is among those asked for. */
  #isWanted(): boolean {
    const [from, to] = this.#options.episodes ?? [0, Number.POSITIVE_INFINITY];
    const number = this.#number++;
    return number >= from && number < to;
  }

  /** A unit that cannot be read counts as one episode with a fault. */
  #leaveOut(unit: ConversionUnit, error: InputError): void {
    if (!this.#isWanted()) return;
    if (this.#options.onProblem === 'stop') throw error;
    const problem = {
      episode: unit.name,
      kind: 'unreadable',
      message: error.message,
      action: 'left out',
    } as const;
    this.#problems.set(problemKey(problem), problem);
  }

  /** Judges one episode at once, and returns when it is written. */
  #take(found: SourceEpisode): Promise<void> {
    this.#requireNew(found.episode.id);
    const judged = this.#judge(found);
    if (judged === null || this.#done.has(judged.episode.id)) return Promise.resolve();
    const { episode, packed } = judged;
    const total = episodeReturn(episode.rewards);
    if (total < (this.#options.returnMin ?? Number.NEGATIVE_INFINITY)) {
      this.#filtered++;
      return Promise.resolve();
    }
    this.#done.set(episode.id, { steps: episode.length, return: total });
    for (const image of Object.values(episode.images)) this.#pixelBytes += image.length;
    this.#updateProvenance();
    const written = this.#writer?.append(episode, packed) ?? Promise.resolve();
    written.catch(() => {});
    return written;
  }

  /** Written under one name, the second would be taken for the first. */
  #requireNew(id: string): void {
    if (this.#seen.has(id))
      throw new InputError(`${this.#source.name}: two episodes are called "${id}"; rename one of them.`);
    this.#seen.add(id);
  }

  /** Records its problems; null where the episode is left out. */
  #judge(found: SourceEpisode): SourceEpisode | null {
    const { episode } = found;
    const faults = findFaults(episode, this.#manifest);
    // Images can only be compared where their number is right.
    const checked = faults.some((fault) => fault.kind === 'length')
      ? faults
      : [...faults, ...findSuspicions(episode, this.#manifest)];
    const all = [...found.problems, ...checked];
    const bad = all.filter((problem) => problem.severity === 'fault');
    if (bad[0] !== undefined && this.#options.onProblem === 'stop')
      throw new InputError(
        `${episode.id}: ${bad[0].message}${bad[0].kind === 'action-range' ? ` ${BOX_HINT}` : ''} Use --on-problem quarantine to leave such episodes out, or fix to repair what can be repaired.`,
      );
    const kept = this.#repair(found, bad.length > 0);
    for (const { kind, severity, message: plain } of all) {
      const message = kind === 'action-range' ? `${plain} ${BOX_HINT}` : plain;
      const fixed = severity === 'fault' || (kind === 'no-end' && this.#options.onProblem === 'fix');
      const entry = {
        episode: episode.id,
        kind,
        message,
        action: kept === null ? 'left out' : fixed ? 'fixed' : 'kept',
      } as const;
      this.#problems.set(problemKey(entry), entry);
    }
    return kept;
  }

  #repair(found: SourceEpisode, isBad: boolean): SourceEpisode | null {
    if (this.#options.onProblem !== 'fix') return isBad ? null : found;
    const episode = found.problems.every((problem) => problem.severity === 'suspicion' || problem.repaired)
      ? fixEpisode(found.episode, this.#manifest)
      : null;
    if (episode === null) return null;
    const samePixels = found.packed !== undefined && episode.length === found.episode.length;
    return { episode, problems: [], ...(samePixels && { packed: found.packed }) };
  }

  #updateProvenance(): void {
    const { provenance } = this.#manifest;
    const isFixed = [...this.#problems.values()].some((problem) => problem.action === 'fixed');
    this.#writer?.setProvenance({
      ...provenance,
      lossy: provenance.lossy || this.#source.remarks.lossy || isFixed,
      files: [...this.#files.values()],
      details: {
        ...provenance.details,
        filtered: this.#filtered,
        problems: [...this.#problems.values()],
        notes: this.#notes(),
      },
    });
  }

  /** In an order that does not depend on what was read first. */
  #notes(): string[] {
    const { notes } = this.#manifest.provenance.details;
    if (this.#manifest.complete) return z.array(z.string()).catch([]).parse(notes);
    const returns = [...this.#done.values()].map((episode) => episode.return);
    const [from = 0] = this.#options.episodes ?? [];
    return [
      ...this.#source.remarks.sentences,
      ...(this.#number > 0 && from >= this.#number
        ? [`The source has ${this.#number} episodes, numbered from 0 on: none is within --episodes.`]
        : []),
      ...(returns.length > 0 && returns.every((value) => value === 0)
        ? [
            'No episode has a reward: all returns are 0. Nothing can be learnt from such rewards; say --reward sparse where the episodes end in success.',
          ]
        : []),
    ].sort();
  }

  #report(): ConversionReport {
    const episodes = [...this.#done.values()];
    const returns = returnStatistics(episodes.map((episode) => episode.return));
    const problems = [...this.#problems.values()];
    return {
      out: this.#options.out,
      dryRun: this.#options.dryRun,
      source: this.#source.name,
      task: this.#manifest.task,
      episodes: episodes.length,
      steps: episodes.reduce((sum, episode) => sum + episode.steps, 0),
      leftOut: new Set(problems.filter((p) => p.action === 'left out').map((p) => p.episode)).size,
      filtered: this.#filtered,
      returnMean: returns?.mean ?? null,
      returnMin: returns?.min ?? null,
      returnMax: returns?.max ?? null,
      bytes: this.#options.dryRun ? this.#pixelBytes : (this.#writer?.manifest ?? this.#manifest).bytes,
      problems,
      notes: this.#notes(),
    };
  }
}

function problemKey(problem: ReportProblem): string {
  return `${problem.episode}\n${problem.kind}\n${problem.message}`;
}

interface ReadUnit {
  readonly unit: ConversionUnit;
  readonly content: UnitContent;
  readonly unreadable: InputError | null;
}

/** Contents in the units' order, some read ahead. */
async function* readAhead(units: readonly ConversionUnit[]): AsyncGenerator<ReadUnit> {
  const underWay: Promise<ReadUnit>[] = [];
  try {
    for (const unit of units) {
      const read = readUnit(unit);
      read.catch(() => {});
      underWay.push(read);
      if (underWay.length > UNITS_AHEAD) yield await (underWay.shift() as Promise<ReadUnit>);
    }
    while (underWay.length > 0) yield await (underWay.shift() as Promise<ReadUnit>);
  } finally {
    await Promise.allSettled(underWay);
  }
}

async function readUnit(unit: ConversionUnit): Promise<ReadUnit> {
  try {
    return { unit, content: await unit.read(), unreadable: null };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { unit, content: { episodes: [], files: [] }, unreadable: error };
  }
}
