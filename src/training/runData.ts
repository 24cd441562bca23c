/**
 * The data that a run learns from, known by its content: datasets by the SHA-256 of their manifests, which hold those
 * of their shards, and the folder of backgrounds by that of its files. A checkpoint keeps them with the places where
 * they lay, seen from the run, so that a run goes on with the data it began with or not at all, and finds it where the
 * two were moved together.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { MANIFEST_FILE } from '../../datasets/manifest.js';
import { InputError } from '../errors.js';
import { sha256Of } from '../files/sha256.js';
import type { RunConfig } from './config.js';
import { datasetEntry, parseDatasets } from './datasetWeights.js';

/** What a checkpoint says of one folder of data. */
export interface DataFolder {
  /** Seen from the run's folder, with slashes; absolute where it is on another drive. */
  readonly folder: string;
  /** Of a dataset's manifest; of the names and bytes of backgrounds. */
  readonly sha256: string;
}

/** What a checkpoint says of a run's data. */
export interface RunData {
  /** In the order of `--dataset`. */
  readonly datasets: readonly DataFolder[];
  /** Null where there is no folder of backgrounds. */
  readonly backgrounds: DataFolder | null;
}

/** The settings that say where data lies. */
export type DataSettings = Pick<RunConfig, 'dataset' | 'distractionBackgrounds'>;

/** SHA-256 of a dataset's manifest. */
export async function datasetHash(folder: string): Promise<string> {
  return sha256Of(await readFile(join(folder, MANIFEST_FILE)));
}

/** SHA-256 over the files in a folder and those below it, with their names. */
async function filesHash(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
  for (const path of paths.sort()) {
    const bytes = await readFile(path);
    hash.update(`${relative(folder, path).split(sep).join('/')}\n${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}

/** What the checkpoints of a run in `run` are to say of its data, which is there. */
export async function describeData(run: string, settings: DataSettings): Promise<RunData> {
  const describe = async (
    folder: string,
    hashOf: (folder: string) => Promise<string>,
  ): Promise<DataFolder> => ({
    folder: relative(resolve(run), resolve(folder)).split(sep).join('/'),
    sha256: await hashOf(folder),
  });
  const { dataset, distractionBackgrounds: backgrounds } = settings;
  return {
    datasets: await Promise.all(parseDatasets(dataset).map(({ folder }) => describe(folder, datasetHash))),
    backgrounds: backgrounds === null ? null : await describe(backgrounds, filesHash),
  };
}

export interface ResumedDataOptions {
  readonly run: string;
  /** As the run's settings say. */
  readonly saved: DataSettings;
  /** As was given on resuming. */
  readonly given: Partial<DataSettings>;
  /** The checkpoint's; undefined where there is none, or one of an earlier version, which says nothing. */
  readonly known: RunData | undefined;
  /** Whether other data may take its place. */
  readonly acceptChanged: boolean;
}

export interface ResumedData {
  /** Where the data is now. */
  readonly settings: DataSettings;
  /** Folders whose content is another than the checkpoint's, as was accepted. */
  readonly changed: readonly string[];
}

/**
 * Finds the data of a run that goes on: where flags say or, without them, where it lay, seen from the working directory
 * or from the run.
 * @throws InputError where data is gone, or is not that which the run learnt from
 */
export async function findData(options: ResumedDataOptions): Promise<ResumedData> {
  const { saved, given, known } = options;
  requireSameShares(options);
  const changed: string[] = [];
  const dataset = [];
  for (const [i, { folder, weight }] of parseDatasets(given.dataset ?? saved.dataset).entries()) {
    const found =
      known === undefined
        ? folder
        : await findFolder(options, {
            what: 'The dataset',
            flag: '--dataset',
            folder,
            isGiven: given.dataset !== undefined,
            expected: known.datasets[i],
            hashOf: datasetHash,
            changed,
          });
    dataset.push(datasetEntry({ folder: found, weight }));
  }
  const backgrounds = given.distractionBackgrounds ?? saved.distractionBackgrounds;
  const distractionBackgrounds =
    known === undefined || backgrounds === null
      ? backgrounds
      : await findFolder(options, {
          what: 'The folder of backgrounds',
          flag: '--distraction-backgrounds',
          folder: backgrounds,
          isGiven: given.distractionBackgrounds !== undefined,
          expected: known.backgrounds ?? undefined,
          hashOf: filesHash,
          changed,
        });
  return { settings: { dataset, distractionBackgrounds }, changed };
}

/** Rows are drawn by the datasets' order and weights. */
function requireSameShares({ run, saved, given, acceptChanged }: ResumedDataOptions): void {
  if (given.dataset === undefined || acceptChanged) return;
  const [before, now] = [parseDatasets(saved.dataset), parseDatasets(given.dataset)];
  if (now.length === before.length && now.every(({ weight }, i) => weight === before[i]?.weight)) return;
  const words = saved.dataset.map((entry) => `--dataset ${entry}`).join(' ') || 'no dataset';
  throw new InputError(
    `${run} was started with ${words}: name as many datasets in this order, with the same weights, or go on with other data by --accept-changed-data.`,
  );
}

/** One folder of data; where it is another one, and that is accepted, it is added to `changed`. */
async function findFolder(
  { run, acceptChanged }: ResumedDataOptions,
  wanted: {
    readonly what: string;
    readonly flag: string;
    readonly folder: string;
    /** On resuming: it is looked for nowhere else then. */
    readonly isGiven: boolean;
    readonly expected: DataFolder | undefined;
    readonly hashOf: (folder: string) => Promise<string>;
    readonly changed: string[];
  },
): Promise<string> {
  const { what, flag, folder, isGiven, expected, hashOf, changed } = wanted;
  const places = isGiven || expected === undefined ? [folder] : [folder, seenFrom(run, expected)];
  const there: { place: string; sha256: string }[] = [];
  for (const place of new Set(places)) {
    const sha256 = await hashOf(place).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (sha256 !== undefined) there.push({ place, sha256 });
  }
  const found = there.find(({ sha256 }) => sha256 === expected?.sha256) ?? there[0];
  if (found === undefined)
    throw new InputError(`${what} of ${run} is not in ${folder}: say where it is with ${flag}.`);
  if (found.sha256 === expected?.sha256) return found.place;
  if (!acceptChanged)
    throw new InputError(
      `${what} in ${found.place} is not the one that ${run} learnt from: its SHA-256 is ${found.sha256.slice(0, 12)}…, the checkpoint's ${expected?.sha256.slice(0, 12) ?? 'none'}…. Say with ${flag} where that one is, or go on with this one by --accept-changed-data.`,
    );
  changed.push(found.place);
  return found.place;
}

function seenFrom(run: string, { folder }: DataFolder): string {
  return isAbsolute(folder) ? folder : join(run, folder);
}
