/**
 * A new dataset of episodes of others: selected, cut, joined, split in two, with other marks and rewards. Sources are
 * never changed. What is made appears whole or not at all, and the same sources and options make the same bytes.
 */
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { PARTIAL_ENDING, syncFolder } from '../../src/files/atomicFile.js';
import { sha256Of } from '../../src/files/sha256.js';
import { Generator } from '../../src/random/generator.js';
import { lockDataset } from '../datasetLock.js';
import type { Episode } from '../episode.js';
import { type DatasetHeader, MANIFEST_FILE, type Provenance } from '../manifest.js';
import { type Dataset, openDataset } from '../reader.js';
import type { PackedImages } from '../record.js';
import { DatasetWriter } from '../writer.js';
import { cutEpisode } from './cutEpisode.js';
import { type EpisodeLabel, LABELS_FILE, type Labels, labelledSuccess } from './labels.js';
import { readLabels, writeLabels } from './labelsFile.js';
import { mergedHeader } from './mergedHeader.js';
import { type LabelledDataset, type SelectedEpisode, type Selection, selectEpisodes } from './selection.js';

/** Bumped whenever the same sources and options come out otherwise. */
const EDITOR_VERSION = '1';
const EPISODES_AHEAD = availableParallelism() + 1;

export interface EditOptions {
  /** Of the datasets whose episodes are taken, in this order. */
  readonly folders: readonly string[];
  readonly out: string;
  readonly selection?: Selection | undefined;
  /** Whether what people said of the episodes (`labels.json` of each dataset) counts: success, cuts; default: no. */
  readonly labels?: boolean | undefined;
  /** Steps that are cut off every episode, of what its label leaves. */
  readonly cutStart?: number | undefined;
  readonly cutEnd?: number | undefined;
  /** Success of every episode, whatever else says. */
  readonly success?: boolean | undefined;
  /** `sparse`: 1 for the last step of an episode that succeeded, which then ends the task, and 0 for all others. */
  readonly reward?: 'sparse' | undefined;
  /** Reward r of an agent step becomes `rewardScale`·r + `rewardShift`. */
  readonly rewardScale?: number | undefined;
  readonly rewardShift?: number | undefined;
  /** A share of the episodes, drawn by the seed, goes into another dataset. */
  readonly holdout?: { readonly out: string; readonly share: number; readonly seed: number } | undefined;
  readonly shardBytes?: number | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface EditedDataset {
  readonly out: string;
  readonly episodes: number;
  /** Agent steps. */
  readonly steps: number;
  readonly returnMean: number | null;
  readonly bytes: number;
}

export interface EditReport extends EditedDataset {
  /** Episodes of the sources that were not selected. */
  readonly leftOut: number;
  readonly cut: number;
  /** Where a part was split off. */
  readonly holdout: EditedDataset | null;
}

/**
 * @throws InputError where a source is damaged, sources do not go together, nothing is selected, an option asks for what
 *   an episode cannot give, or `out` is not new; LockedError while another process writes there
 */
export async function editDataset(options: EditOptions): Promise<EditReport> {
  const { folders, out, selection = {}, holdout, onProgress } = options;
  const sources = await openSources(folders, options.labels ?? false);
  for (const place of [out, ...(holdout ? [holdout.out] : [])]) await requireNew(place);
  if (holdout && resolve(holdout.out) === resolve(out))
    throw new InputError(`${out} cannot be both parts: give the part that is split off a folder of its own.`);
  const datasets = sources.map(({ dataset }) => dataset) as [Dataset, ...Dataset[]];
  const header = { ...mergedHeader(datasets), provenance: await provenanceOf(datasets, options) };
  const selected = await selectEpisodes(sources, selection);
  const total = datasets.reduce((sum, { length }) => sum + length, 0);
  if (selected.length === 0)
    throw new InputError(
      `None of the ${total} episodes of ${folders.join(', ')} is selected: nothing is written.`,
    );
  const ids = idsOf(datasets);
  const edits = selected.map((episode) => planEdit(episode, options, ids));
  const [kept, heldOut] = split(edits, holdout);
  let done = 0;
  const onEpisode = (): void => onProgress?.(++done, selected.length);
  const parts = [{ place: out, edits: kept }, ...(holdout ? [{ place: holdout.out, edits: heldOut }] : [])];
  const staged: StagedDataset[] = [];
  try {
    for (const { place, edits: part } of parts)
      staged.push(await stage(place, header, part, options, onEpisode));
    for (const part of staged) await part.publish();
  } finally {
    for (const part of staged) await part.discard();
  }
  const [main, second] = staged.map(({ result }) => result);
  const cut = edits.filter(({ first, last, source }) => first > 0 || last < stepsOf(source)).length;
  return { ...(main as EditedDataset), leftOut: total - selected.length, cut, holdout: second ?? null };
}

async function openSources(folders: readonly string[], useLabels: boolean): Promise<LabelledDataset[]> {
  if (folders.length === 0) throw new InputError('No dataset was given.');
  const places = folders.map((folder) => resolve(folder));
  const twice = places.find((place, i) => places.indexOf(place) !== i);
  if (twice !== undefined) throw new InputError(`${twice} was given twice: its episodes can be taken once.`);
  return Promise.all(
    folders.map(async (folder) => {
      const dataset = await openDataset(folder);
      return { dataset, labels: useLabels ? await readLabels(dataset) : {} };
    }),
  );
}

async function requireNew(out: string): Promise<void> {
  const there = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw new InputError(`${out} is a file: choose a new folder.`);
    throw error;
  });
  if (there.length > 0)
    throw new InputError(`${out} is not empty: a dataset is never changed in place; choose a new folder.`);
}

/** What is to become of an episode. */
interface Edit {
  readonly source: SelectedEpisode;
  readonly id: string;
  /** First and last observation that are kept. */
  readonly first: number;
  readonly last: number;
  readonly label: EpisodeLabel;
}

/** @throws InputError where nothing would be left of it */
function planEdit(
  source: SelectedEpisode,
  { cutStart = 0, cutEnd = 0 }: EditOptions,
  ids: ReadonlyMap<Dataset, (id: string) => string>,
): Edit {
  const { dataset, index, label = {} } = source;
  const { id, steps } = dataset.entry(index);
  const [from, to] = label.cut ?? [0, steps];
  const [first, last] = [from + cutStart, to - cutEnd];
  if (first >= last)
    throw new InputError(
      `${dataset.folder}: episode ${index} ("${id}") has ${to - from} steps, and ${cutStart + cutEnd} are to be cut off: select longer ones with --length-min ${cutStart + cutEnd + 1}, or cut less.`,
    );
  return { source, id: ids.get(dataset)?.(id) ?? id, first, last, label };
}

/** Ids are as they are where all differ, else behind the name of the dataset's folder. */
function idsOf(datasets: readonly Dataset[]): ReadonlyMap<Dataset, (id: string) => string> {
  const all = datasets.flatMap((dataset) => dataset.entries.map(({ id }) => id));
  const areDistinct = new Set(all).size === all.length;
  const names = datasets.map(({ folder }) => basename(resolve(folder)));
  const name = (place: number): string =>
    names.filter((other) => other === names[place]).length === 1
      ? `${names[place]}`
      : `${names[place]}-${place + 1}`;
  return new Map(
    datasets.map((dataset, place) => [dataset, (id: string) => (areDistinct ? id : `${name(place)}/${id}`)]),
  );
}

/** Both in the order in which the episodes lie. @throws InputError where one of them would be empty */
function split(edits: readonly Edit[], holdout: EditOptions['holdout']): [Edit[], Edit[]] {
  if (holdout === undefined) return [[...edits], []];
  const take = Math.round(edits.length * holdout.share);
  if (take < 1 || take >= edits.length)
    throw new InputError(
      `A share of ${holdout.share} of ${edits.length} episodes leaves one of the two parts without any.`,
    );
  const drawn = new Set(new Generator(holdout.seed).child('holdout').choose(edits.length, take));
  return [edits.filter((_, i) => !drawn.has(i)), edits.filter((_, i) => drawn.has(i))];
}

interface StagedDataset {
  readonly result: EditedDataset;
  /** Gives it its name. */
  publish(): Promise<void>;
  /** Forgets it, unless it has its name. */
  discard(): Promise<void>;
}

/** Writes a dataset beside the place that it is for. */
async function stage(
  out: string,
  header: DatasetHeader,
  edits: readonly Edit[],
  options: EditOptions,
  onEpisode: () => void,
): Promise<StagedDataset> {
  const place = resolve(out);
  const aside = join(dirname(place), `.${basename(place)}${PARTIAL_ENDING}`);
  const lock = await lockDataset(aside);
  try {
    // What a command that was killed has left.
    for (const name of await readdir(aside))
      if (!name.startsWith('lock.json')) await rm(join(aside, name), { recursive: true });
    const { shardBytes } = options;
    const writer = await DatasetWriter.create(aside, header, shardBytes === undefined ? {} : { shardBytes });
    try {
      await writeAll(writer, edits, options, onEpisode);
      await writer.close();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    const labels = labelsAfter(edits);
    if (Object.keys(labels).length > 0) await writeLabels(aside, labels);
    const { episodes, steps, returns, bytes } = writer.manifest;
    return {
      result: { out, episodes, steps, returnMean: returns?.mean ?? null, bytes },
      publish: async () => {
        await lock.release();
        await rename(aside, place);
        await syncFolder(dirname(place));
      },
      discard: async () => {
        await lock.release();
        await rm(aside, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}

async function writeAll(
  writer: DatasetWriter,
  edits: readonly Edit[],
  options: EditOptions,
  onEpisode: () => void,
): Promise<void> {
  const pending: Promise<void>[] = [];
  for (const edit of edits) {
    const { episode, packed } = await edited(edit, writer.manifest.codec, options);
    const written = writer.append(episode, packed);
    written.then(onEpisode, () => {});
    pending.push(written);
    if (pending.length > EPISODES_AHEAD) await pending.shift();
  }
  await Promise.all(pending);
}

/** The episode as it is to be; images that stay as they are stay packed. */
async function edited(
  { source, id, first, last, label }: Edit,
  codec: DatasetHeader['codec'],
  options: EditOptions,
): Promise<{ readonly episode: Episode; readonly packed?: PackedImages }> {
  const { dataset, index } = source;
  const isWhole = first === 0 && last === stepsOf(source);
  const isCopied = isWhole && dataset.manifest.codec === codec;
  const { episode: read, packed } = isCopied
    ? await dataset.packedEpisode(index)
    : { episode: await dataset.episode(index), packed: undefined };
  const part = isWhole ? read : cutEpisode(read, dataset.manifest, first, last);
  const success = options.success ?? successOf(label, last, part.success);
  const { success: _, ...unmarked } = part;
  const marked: Episode = { ...unmarked, id, ...(success !== undefined && { success }) };
  const what = `${dataset.folder}: episode ${index} ("${dataset.entry(index).id}")`;
  const episode = withRewards(marked, options, what);
  return packed === undefined ? { episode } : { episode, packed };
}

/** A success that begins behind the last observation is none. */
function successOf(label: EpisodeLabel, last: number, recorded: boolean | undefined): boolean | undefined {
  const { success, successFrom } = label;
  if (successFrom !== undefined && successFrom > last) return false;
  return labelledSuccess(
    { ...(success !== undefined && { success }), ...(successFrom !== undefined && { successFrom }) },
    recorded,
  );
}

/** @throws InputError where sparse rewards are asked for, and nothing says whether it succeeded */
function withRewards(
  episode: Episode,
  { reward, rewardScale = 1, rewardShift = 0 }: EditOptions,
  what: string,
): Episode {
  const { success, length } = episode;
  if (reward === 'sparse' && success === undefined)
    throw new InputError(
      `${what} does not say whether it succeeded${episode.truncated ? ' (where an end is cut off, a label has to)' : ''}: mark it in the page of "rlpd serve" and give --labels, or say --set-success yes or no.`,
    );
  const base =
    reward === 'sparse'
      ? Float32Array.from({ length }, (_, t) => (success === true && t === length - 1 ? 1 : 0))
      : episode.rewards;
  const rewards =
    rewardScale === 1 && rewardShift === 0 ? base : base.map((value) => rewardScale * value + rewardShift);
  return {
    ...episode,
    rewards,
    ...(reward === 'sparse' && { terminated: success === true, truncated: success !== true }),
  };
}

/** Marks that still say something of the episodes as they are now. */
function labelsAfter(edits: readonly Edit[]): Labels {
  return Object.fromEntries(
    edits.flatMap(({ id, first, last, label: { quality, successFrom } }) => {
      const from =
        successFrom !== undefined && successFrom <= last ? Math.max(0, successFrom - first) : undefined;
      const label: EpisodeLabel = {
        ...(quality !== undefined && { quality }),
        ...(from !== undefined && { successFrom: from }),
      };
      return Object.keys(label).length === 0 ? [] : [[id, label]];
    }),
  );
}

/** Sources go by the names of their folders, so that a dataset may be moved; their manifests hold the hashes of all. */
async function provenanceOf(datasets: readonly Dataset[], options: EditOptions): Promise<Provenance> {
  const { folders: _, out: _o, onProgress: _p, holdout, ...shaping } = options;
  const [first, ...others] = datasets.map(({ manifest }) => manifest.provenance);
  const names = [MANIFEST_FILE, ...(options.labels ? [LABELS_FILE] : [])];
  const files = await Promise.all(
    datasets.flatMap(({ folder }) => names.map((name) => sourceFile(folder, name))),
  );
  const changesRewards =
    options.reward !== undefined || (options.rewardScale ?? 1) !== 1 || (options.rewardShift ?? 0) !== 0;
  const level = first?.details.level;
  const isOfOneLevel = level !== undefined && others.every(({ details }) => details.level === level);
  const command = { ...shaping, ...(holdout && { holdout: { share: holdout.share, seed: holdout.seed } }) };
  return {
    source: [...new Set(datasets.map(({ manifest }) => manifest.provenance.source))].join(', '),
    writer: 'rlpd dataset edit',
    writerVersion: EDITOR_VERSION,
    lossy: changesRewards || datasets.some(({ manifest }) => manifest.provenance.lossy),
    files: files.flatMap((file) => file ?? []),
    details: {
      ...(isOfOneLevel && { level }),
      // Without what was not asked for.
      command: z.record(z.string(), z.json()).parse(JSON.parse(JSON.stringify(command))),
      sources: datasets.map(({ folder, manifest: { provenance } }) => ({
        name: basename(resolve(folder)),
        source: provenance.source,
        writer: provenance.writer,
        writerVersion: provenance.writerVersion,
        details: provenance.details,
      })),
    },
  };
}

/** Undefined where there is none: a dataset need not have labels. */
async function sourceFile(folder: string, name: string): Promise<Provenance['files'][number] | undefined> {
  const bytes = await readFile(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  return { file: `${basename(resolve(folder))}/${name}`, bytes: bytes.length, sha256: sha256Of(bytes) };
}

function stepsOf({ dataset, index }: SelectedEpisode): number {
  return dataset.entry(index).steps;
}
