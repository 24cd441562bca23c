/** What the page asks of a single run: its settings, what else lies in its folder, where its study's report is. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { MANIFEST_FILE } from '../../datasets/manifest.js';
import type { Dataset } from '../../datasets/reader.js';
import type { ComparedRun } from '../study/compare.js';
import { evaluationsOf } from '../study/learningCurves.js';
import { MetricsTail } from '../training/metricsTail.js';
import { readConfig, runPaths } from '../training/runFolder.js';
import { positionOf, stepOf } from '../training/runPosition.js';
import { type Evaluations, filmTypes, type RunDetails } from './protocol.js';
import { filmsId, replayId, type Shelf } from './shelf.js';

/** @throws InputError where it is no run */
export async function detailsOf(id: string, folder: string, { studies }: Shelf): Promise<RunDetails> {
  const { replay, films } = runPaths(folder);
  return {
    id,
    config: await readConfig(folder),
    replay: (await isDataset(replay)) ? replayId(id) : null,
    evaluations: (await isDataset(films)) ? filmsId(id) : null,
    films: await filmsIn(folder),
    study: id.split('/').findLast((name) => studies.has(name)) ?? null,
  };
}

async function isDataset(folder: string): Promise<boolean> {
  return (await stat(join(folder, MANIFEST_FILE)).catch(() => null)) !== null;
}

/** Which evaluations there is an episode of. */
export function filmedEvaluations(run: ComparedRun, films: Dataset): Evaluations {
  const numbers = new Map(films.entries.map(({ id }, i) => [stepOf(id), i]));
  return evaluationsOf(run).flatMap(({ mean, returns, successRate, ...line }) => {
    const episode = numbers.get(positionOf(line, run.config));
    if (episode === undefined) return [];
    const { envFrames, updates, seconds } = line;
    const minutes = seconds === undefined ? null : seconds / 60;
    const scored = { mean, successRate: successRate ?? null, episodes: returns.length };
    return [{ episode, envFrames, updates, minutes, ...scored }];
  });
}

/** Films in the run's folder and in those right below it, as `rlpd evaluate --video` was told to write them. */
export async function filmsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const below = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(async ({ name }) => (await readdir(join(folder, name))).map((file) => `${name}/${file}`)),
  );
  return [...entries.filter((entry) => entry.isFile()).map(({ name }) => name), ...below.flat()]
    .filter((path) => extname(path).toLowerCase() in filmTypes)
    .sort();
}

/** A run as its curves need it, which is read on as it grows. */
export class GrowingRun {
  readonly #folder: string;
  readonly #tail: MetricsTail;
  #run: ComparedRun | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    this.#tail = new MetricsTail(folder);
  }

  /**
   * What there is now; the same object where nothing is new.
   * @throws InputError where it is damaged, or no run
   */
  async read(): Promise<ComparedRun> {
    const hasChanged = await this.#tail.read();
    if (this.#run === undefined || hasChanged)
      this.#run = {
        folder: this.#folder,
        config: await readConfig(this.#folder),
        metrics: this.#tail.lines,
      };
    return this.#run;
  }
}
