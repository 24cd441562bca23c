/**
 * What lies in the folders that are served: runs, datasets, and studies with a report. Nothing else is ever handed out:
 * an address names one of these by its id, which is its path as people write it.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { MANIFEST_FILE, SHARD_FOLDER } from '../../datasets/manifest.js';
import { InputError } from '../errors.js';
import { STUDY_FILE } from '../study/study.js';
import { runPaths } from '../training/runFolder.js';

/** Names of a run's files. */
const { config, metrics, lock } = runPaths('');
/** Runs of a study lie three folders below `runs/`. */
const MAX_DEPTH = 6;
export const REPORT_FILE = 'README.md';

export interface RunFolder {
  readonly path: string;
  /** Names of what lies in it: of a thousand runs it takes long to ask for files that are not there. */
  readonly names: ReadonlySet<string>;
}

export interface Shelf {
  /** By id, sorted by it. */
  readonly runs: ReadonlyMap<string, RunFolder>;
  /** Without the replays and evaluations of runs, which are looked up by `datasetFolder`. */
  readonly datasets: ReadonlyMap<string, string>;
  /** Folders of studies that have a report, by the study's name. */
  readonly studies: ReadonlyMap<string, string>;
}

interface Found {
  readonly runs: [string, RunFolder][];
  readonly datasets: [string, string][];
  readonly studies: [string, string][];
}

/** @throws InputError where one of the folders is not there */
export async function readShelf(folders: readonly string[]): Promise<Shelf> {
  const found: Found = { runs: [], datasets: [], studies: [] };
  for (const folder of folders) {
    if ((await stat(folder).catch(() => null))?.isDirectory() !== true)
      throw new InputError(`${folder} is no folder: name one that holds runs or datasets.`);
    await look(resolve(folder), 0, found);
  }
  const sorted = <T>(all: [string, T][]): Map<string, T> =>
    new Map(all.sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));
  return { runs: sorted(found.runs), datasets: sorted(found.datasets), studies: sorted(found.studies) };
}

/** The folder of a dataset, or of a run's replay or evaluations. */
export function datasetFolder({ runs, datasets }: Shelf, id: string): string | undefined {
  const known = datasets.get(id);
  if (known !== undefined) return known;
  for (const part of ['replay', 'films'] as const) {
    const run = id.endsWith(`/${part}`) ? runs.get(id.slice(0, -part.length - 1)) : undefined;
    if (run !== undefined) return runPaths(run.path)[part];
  }
  return undefined;
}

export function replayId(run: string): string {
  return `${run}/replay`;
}

export function filmsId(run: string): string {
  return `${run}/films`;
}

async function look(folder: string, depth: number, found: Found): Promise<void> {
  // A folder that is deleted or closed to us meanwhile holds nothing to show.
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = new Set(entries.map(({ name }) => name));
  const isRun = names.has(config) && (names.has(metrics) || names.has(lock));
  if (isRun) return void found.runs.push([idOf(folder), { path: folder, names }]);
  if (names.has(MANIFEST_FILE) && names.has(SHARD_FOLDER))
    return void found.datasets.push([idOf(folder), folder]);
  if (names.has(STUDY_FILE) && names.has(REPORT_FILE))
    found.studies.push([folder.slice(folder.lastIndexOf(sep) + 1), folder]);
  if (depth === MAX_DEPTH) return;
  await Promise.all(
    entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      .map(({ name }) => look(join(folder, name), depth + 1, found)),
  );
}

/** The path from here, or all of it where it lies elsewhere. */
export function idOf(folder: string): string {
  const path = relative(process.cwd(), resolve(folder));
  const id = path === '' || path.startsWith('..') ? resolve(folder) : path;
  return id.split(sep).join('/');
}
