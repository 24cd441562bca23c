/** What the page asks of a single run: its settings, what else lies in its folder, where its study's report is. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { MANIFEST_FILE } from '../../datasets/manifest.js';
import type { ComparedRun } from '../study/compare.js';
import { MetricsTail } from '../training/metricsTail.js';
import { readConfig, runPaths } from '../training/runFolder.js';
import { filmTypes, type RunDetails } from './protocol.js';
import { replayId, type Shelf } from './shelf.js';

/** @throws InputError where it is no run */
export async function detailsOf(id: string, folder: string, { studies }: Shelf): Promise<RunDetails> {
  const manifest = await stat(join(runPaths(folder).replay, MANIFEST_FILE)).catch(() => null);
  return {
    id,
    config: await readConfig(folder),
    replay: manifest === null ? null : replayId(id),
    films: await filmsIn(folder),
    study: id.split('/').findLast((name) => studies.has(name)) ?? null,
  };
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
