/**
 * The first episode of every evaluation, as it was scored: a dataset in the run's folder, whose images are those that
 * the policy saw. Nothing is rendered for it, and no number of the run depends on it.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetHeader, MANIFEST_FILE, readManifest } from '../../datasets/manifest.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { toEpisode } from './recording.js';
import type { Rollout } from './rollout.js';
import { stepName, stepOf } from './runPosition.js';

export class EvaluationFilms {
  readonly #writer: DatasetWriter;

  private constructor(writer: DatasetWriter) {
    this.#writer = writer;
  }

  /**
   * A new dataset, or the one that is there without what came at `before` or later.
   * @param before where the run goes on, in env frames; 0 for a new one
   */
  static async open(folder: string, header: DatasetHeader, before: number): Promise<EvaluationFilms> {
    const isThere = (await stat(join(folder, MANIFEST_FILE)).catch(() => null)) !== null;
    if (!isThere) return new EvaluationFilms(await DatasetWriter.create(folder, header));
    const { shards } = await readManifest(folder);
    const kept = shards.flatMap(({ index }) => index).filter(({ id }) => stepOf(id) < before);
    return new EvaluationFilms(await DatasetWriter.open(folder, { episodes: kept.length }));
  }

  /** On the disk when it resolves: a shard each, so that a run which goes back leaves the later ones out. */
  async keep(position: number, rollout: Rollout): Promise<void> {
    // What ended before its first step is no episode.
    if (rollout.length === 0) return;
    await this.#writer.append(toEpisode(rollout, stepName(position)));
    await this.#writer.flush();
  }
}
