/**
 * The datasets that a run learns from, known by their content: the SHA-256 of each one's manifest, which holds those
 * of its shards. A checkpoint keeps them with the places where the datasets lay, seen from the run, so that a run goes
 * on with the data it began with or not at all, and finds them where it and they were moved together.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { MANIFEST_FILE } from '../../datasets/manifest.js';
import { InputError } from '../errors.js';
import { datasetEntry, parseDatasets } from './datasetWeights.js';

/** What a checkpoint says of one dataset. */
export interface RunDataset {
  /** Its folder seen from the run's, with slashes; absolute where it is on another drive. */
  readonly folder: string;
  /** Of its manifest. */
  readonly sha256: string;
}

export interface ResumedData {
  /** Entries of `--dataset`: where the datasets are now, each with the weight it has. */
  readonly dataset: readonly string[];
  /** Places where the content is another than the checkpoint's, as it was accepted. */
  readonly changed: readonly string[];
}

/** SHA-256 of a dataset's manifest. */
export async function datasetHash(folder: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(folder, MANIFEST_FILE)))
    .digest('hex');
}

/** What the checkpoints of a run in `run` are to say of the datasets in `folders`, which are there. */
export function describeData(run: string, folders: readonly string[]): Promise<RunDataset[]> {
  return Promise.all(
    folders.map(async (folder) => ({
      folder: relative(resolve(run), resolve(folder)).split(sep).join('/'),
      sha256: await datasetHash(folder),
    })),
  );
}

/**
 * Finds the datasets of a run that goes on: where `--dataset` says or, without it, where they lay seen from the run or
 * from the working directory.
 * @param known the checkpoint's; undefined where there is none, or one of an earlier version, which says nothing
 * @throws InputError where a dataset is gone, or is not the one the run learnt from
 */
export async function findData(options: {
  readonly run: string;
  /** Entries of `--dataset` in the run's settings. */
  readonly saved: readonly string[];
  /** Those that were given on resuming. */
  readonly given: readonly string[] | undefined;
  readonly known: readonly RunDataset[] | undefined;
  /** Whether other data may take their place. */
  readonly acceptChanged: boolean;
}): Promise<ResumedData> {
  const { run, saved, given, known, acceptChanged } = options;
  const before = parseDatasets(saved);
  const now = parseDatasets(given ?? saved);
  const sameShares =
    now.length === before.length && now.every(({ weight }, i) => weight === before[i]?.weight);
  if (!sameShares && !acceptChanged)
    throw new InputError(
      `${run} was started with ${saved.map((entry) => `--dataset ${entry}`).join(' ') || 'no dataset'}: name as many datasets in this order, with the same weights, or go on with other data by --accept-changed-data.`,
    );
  if (known === undefined) return { dataset: given ?? saved, changed: [] };
  const dataset: string[] = [];
  const changed: string[] = [];
  for (const [i, { folder, weight }] of now.entries()) {
    const expected = known[i];
    const places =
      given === undefined && expected !== undefined ? [seenFrom(run, expected), folder] : [folder];
    const found = await firstThere([...new Set(places)], expected?.sha256);
    if (found === undefined)
      throw new InputError(
        `The dataset of ${run} is not in ${places.at(-1)} any more: say where it is with --dataset.`,
      );
    if (found.sha256 !== expected?.sha256) {
      if (!acceptChanged)
        throw new InputError(
          `The dataset in ${found.folder} is not the one that ${run} learnt from: its manifest has the SHA-256 ${found.sha256.slice(0, 12)}…, the checkpoint says ${expected?.sha256.slice(0, 12)}…. Say with --dataset where that one is, or go on with this one by --accept-changed-data.`,
        );
      changed.push(found.folder);
    }
    dataset.push(datasetEntry({ folder: found.folder, weight }));
  }
  return { dataset, changed };
}

function seenFrom(run: string, { folder }: RunDataset): string {
  return isAbsolute(folder) ? folder : join(run, folder);
}

/** The first of the folders that holds the dataset wanted, else the first that holds any. */
async function firstThere(
  folders: readonly string[],
  wanted: string | undefined,
): Promise<{ readonly folder: string; readonly sha256: string } | undefined> {
  const there: { folder: string; sha256: string }[] = [];
  for (const folder of folders) {
    const sha256 = await datasetHash(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (sha256 !== undefined) there.push({ folder, sha256 });
  }
  return there.find(({ sha256 }) => sha256 === wanted) ?? there[0];
}
