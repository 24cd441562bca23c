/** The way out: a dataset in a format that other programs read, an episode at a time. */
import { mkdir, readdir } from 'node:fs/promises';
import { InputError } from '../../src/errors.js';
import type { Episode } from '../episode.js';
import type { Manifest } from '../manifest.js';
import { openDataset } from '../reader.js';

/** Writes one episode; `number` counts from 0. */
export type EpisodeExporter = (
  episode: Episode,
  number: number,
  manifest: Manifest,
  out: string,
) => Promise<void>;

export interface ExportReport {
  readonly out: string;
  readonly episodes: number;
  readonly steps: number;
}

/** @throws InputError where `out` holds something already, or the dataset cannot be read. */
export async function exportDataset(
  folder: string,
  out: string,
  write: EpisodeExporter,
  onProgress?: (done: number, total: number) => void,
): Promise<ExportReport> {
  const dataset = await openDataset(folder);
  if ((await readdir(out).catch(() => [])).length > 0)
    throw new InputError(`${out} is not empty: choose a new folder for the export.`);
  await mkdir(out, { recursive: true });
  let number = 0;
  for await (const episode of dataset.episodes()) {
    await write(episode, number, dataset.manifest, out);
    number++;
    onProgress?.(number, dataset.length);
  }
  return { out, episodes: number, steps: dataset.manifest.steps };
}
