/** All runs and datasets of the folders, each with where it stands. */
import { OpenDatasets, summariseDataset } from './datasetAnswers.js';
import type { Overview } from './protocol.js';
import { RunSummaries } from './runSummary.js';
import { readShelf, type Shelf } from './shelf.js';

/** Milliseconds for which what lies in the folders is taken to be the same: to look takes a while where there is much. */
const SHELF_AGE = 5000;
const OVERVIEW_AGE = 1000;

type Found = Pick<Overview, 'runs' | 'datasets'>;

export class Library {
  readonly datasets = new OpenDatasets();
  readonly #folders: readonly string[];
  readonly #runs = new RunSummaries();
  #shelf: Kept<Shelf> | undefined;
  #overview: Kept<Found> | undefined;

  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** @throws InputError where one of the folders is not there */
  shelf(): Promise<Shelf> {
    if (isOld(this.#shelf, SHELF_AGE)) this.#shelf = keep(readShelf(this.#folders));
    return this.#shelf.value;
  }

  /** Something has been written into the folders. */
  lookAgain(): void {
    this.#shelf = undefined;
    this.#overview = undefined;
  }

  overview(): Promise<Found> {
    if (isOld(this.#overview, OVERVIEW_AGE)) this.#overview = keep(this.#read());
    return this.#overview.value;
  }

  async #read(): Promise<Found> {
    const { runs, datasets } = await this.shelf();
    return {
      runs: await Promise.all([...runs].map(([id, folder]) => this.#runs.get(id, folder))),
      datasets: await Promise.all(
        [...datasets].map(([id, folder]) => summariseDataset(id, folder, this.datasets)),
      ),
    };
  }
}

interface Kept<T> {
  readonly since: number;
  readonly value: Promise<T>;
}

function keep<T>(value: Promise<T>): Kept<T> {
  return { since: performance.now(), value };
}

function isOld<T>(kept: Kept<T> | undefined, age: number): kept is undefined {
  return kept === undefined || performance.now() - kept.since > age;
}
