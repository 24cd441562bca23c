/**
 * `--dataset DIR` and `--dataset DIR:WEIGHT`: a number after the last colon is a weight. A folder whose own name ends
 * so is given with a slash after it (`run:3/`), or with a weight (`run:3:1`).
 */
import { InputError } from '../errors.js';

export interface DatasetChoice {
  readonly folder: string;
  /** Share of the offline rows beside the other datasets' weights; undefined: by its number of transitions. */
  readonly weight: number | undefined;
}

const WEIGHTED = /^(.*):([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/is;

/** @throws InputError for a weight that is not above 0, and where only some datasets have one */
export function parseDatasets(entries: readonly string[]): DatasetChoice[] {
  const choices = entries.map((entry): DatasetChoice => {
    const [, folder, number] = WEIGHTED.exec(entry) ?? [];
    if (folder === undefined) return { folder: entry, weight: undefined };
    const weight = Number(number);
    if (folder === '' || !(weight > 0 && Number.isFinite(weight)))
      throw new InputError(
        `--dataset ${entry} gives ${folder === '' ? 'a weight without a folder' : `the weight ${number}`}: expected DIR, or DIR:WEIGHT with a weight above 0, such as data/expert:0.7.`,
      );
    return { folder, weight };
  });
  const bare = choices.find(({ weight }) => weight === undefined);
  const isMixed = choices.some(({ weight }) => weight !== undefined);
  if (isMixed && bare !== undefined)
    throw new InputError(
      `--dataset ${bare.folder} has no weight and others have one: give all of them a weight, such as ${bare.folder}:0.5, or none.`,
    );
  return choices;
}

/** The entry that is read as this choice. */
export function datasetEntry({ folder, weight }: DatasetChoice): string {
  if (weight !== undefined) return `${folder}:${weight}`;
  return WEIGHTED.test(folder) ? `${folder}/` : folder;
}
