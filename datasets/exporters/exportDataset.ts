/** The way out: a dataset in a format that other programs read, an episode at a time. */
import { readdir } from 'node:fs/promises';
import { InputError } from '../../src/errors.js';
import { writeFailure } from '../../src/files/atomicFile.js';
import { makeFolder } from '../../src/files/makeFolder.js';
import type { Episode } from '../episode.js';
import type { Manifest } from '../manifest.js';
import { openDataset } from '../reader.js';

/** What takes the episodes of one export, in order. */
export interface EpisodeSink {
  /** `number` counts from 0. */
  write(episode: Episode, number: number): Promise<void>;
  /** Writes what is only known at the end; a format whose episodes are files has nothing to do. */
  finish?(): Promise<void>;
  /** Gives up what is open, whether or not the export came to its end. */
  close?(): Promise<void>;
}

/** Begins an export into the folder `out`, which exists and is empty. @throws InputError for data the format cannot hold */
export type Exporter = (out: string, manifest: Manifest) => Promise<EpisodeSink>;

export interface ExportReport {
  readonly out: string;
  readonly episodes: number;
  readonly steps: number;
}

/**
 * @throws InputError where `out` holds something already, or the dataset cannot be read or does not fit the format;
 *   Error where it cannot be written, such as on a full disk
 */
export async function exportDataset(
  folder: string,
  out: string,
  open: Exporter,
  onProgress?: (done: number, total: number) => void,
): Promise<ExportReport> {
  const dataset = await openDataset(folder);
  if ((await readdir(out).catch(() => [])).length > 0)
    throw new InputError(`${out} is not empty: choose a new folder for the export.`);
  await makeFolder(out);
  const sink = await open(out, dataset.manifest);
  try {
    let number = 0;
    for await (const episode of dataset.episodes()) {
      await sink.write(episode, number);
      number++;
      onProgress?.(number, dataset.length);
    }
    await sink.finish?.();
    return { out, episodes: number, steps: dataset.manifest.steps };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new Error(
      `The export to ${out} failed (${writeFailure(error)}): delete what is there of it, and export again.`,
      { cause: error },
    );
  } finally {
    await sink.close?.();
  }
}
