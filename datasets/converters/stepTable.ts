/** Episodes as columns with a row a step: what a format's own file makes of its source, and how columns are found. */
import type { ActionBox } from '../../envs/environment.js';
import { InputError } from '../../src/errors.js';
import type { EpisodeSource } from '../episode.js';
import type { Provenance } from '../manifest.js';
import type { PictureColumn } from './camera.js';
import type { ColumnNames } from './columnNames.js';
import type { SourceProblem } from './conversionSource.js';
import type { EpisodeEnds } from './episodeRows.js';
import type { Alignment } from './openOptions.js';
import type { Remarks } from './remarks.js';
import type { PictureSize } from './treatment.js';

/** Numbers with a row for each step or observation. */
export interface NumberColumn {
  /** What sentences call it. */
  readonly name: string;
  readonly rows: number;
  /** Numbers in a row. */
  readonly size: number;
  /** Whether the source keeps whole numbers: choices rather than quantities, where they are actions. */
  readonly isWhole: boolean;
  /** Rows [from, to). */
  read(from: number, to: number): Promise<Float32Array> | Float32Array;
}

/** One episode of the source. */
export interface StepTable {
  readonly id: string;
  readonly source: EpisodeSource;
  /** By the keys that a user knows them by. */
  readonly pictures: ReadonlyMap<string, PictureColumn>;
  /** What is observed beside them. */
  readonly numbers: ReadonlyMap<string, NumberColumn>;
  /** Actions, rewards, flags. */
  readonly steps: ReadonlyMap<string, NumberColumn>;
  readonly instruction?: string;
  /** Sentences about what it has and nobody can read. */
  readonly unread?: readonly string[];
  /** What is wrong with it already. */
  readonly problems?: readonly SourceProblem[];
}

export interface StepUnit {
  readonly name: string;
  /** @throws InputError where it cannot be read */
  read(): Promise<StepContent>;
}

export interface StepContent {
  readonly table: StepTable;
  /** The files that were read whole for it. */
  readonly files: () => Promise<Provenance['files']>;
}

/** An opened source. */
export interface StepFormat {
  readonly name: string;
  /** What sentences call it: the file or folder. */
  readonly path: string;
  /** The file or folder that it is read from. */
  readonly place: string;
  readonly task: string | null;
  readonly controlTimestep: number | null;
  readonly columns: ColumnNames;
  readonly endsOf: EpisodeEnds['of'];
  readonly alignment: Alignment;
  /** What is the state where the user names none. */
  readonly stateKeys: readonly string[];
  /** The action's box by the source's own word. */
  readonly actionBox: ActionBox | null;
  readonly actionNames?: readonly string[] | null;
  readonly stateNames?: (key: string) => readonly string[] | null;
  /** Whether what a reward says of success is the format's own convention. */
  readonly rewardIsSuccess: boolean;
  /** A clause such as "Discrete(3)", where the source says that its actions are choices. */
  readonly discrete?: string;
  /** Whether the source says that its actions are quantities, though it may keep them as whole numbers. */
  readonly isContinuous?: boolean;
  /** The size of a camera's pictures by the source's own metadata. */
  readonly statedSize?: (camera: string) => PictureSize | undefined;
  readonly details: Provenance['details'];
  readonly remarks: Remarks;
  readonly units: readonly StepUnit[];
  close(): Promise<void>;
}

/** What is observed beside the images, by its own key. @throws InputError where it is not there */
export function stateColumn(table: StepTable, key: string): NumberColumn {
  const column = table.numbers.get(key);
  if (column !== undefined) return column;
  throw new InputError(
    `${table.id} has no numbers "${key}" for the state; it has ${[...table.numbers.keys()].join(', ') || 'none'}.`,
  );
}

/** What is recorded of steps, by its key or the end of it. @throws InputError where it is not there */
export function stepColumn(table: StepTable, key: string): NumberColumn {
  const column = table.steps.get(fullKey(table.steps, key)) ?? table.numbers.get(key);
  if (column !== undefined) return column;
  throw new InputError(`${table.id} has no numbers "${key}"; it has ${[...table.steps.keys()].join(', ')}.`);
}

/** @throws InputError where it is not there */
export function pictureColumn(table: StepTable, key: string): PictureColumn {
  const column = table.pictures.get(key);
  if (column !== undefined) return column;
  throw new InputError(`${table.id} has no images "${key}".`);
}

/** The first of several names that is there. */
export function firstColumn(table: StepTable, keys: readonly string[]): NumberColumn | null {
  for (const key of keys) {
    const column = table.steps.get(key);
    if (column !== undefined) return column;
  }
  return null;
}

/** The only key that ends in what was asked for, as `infos/success` does in `success`; else that itself. */
export function fullKey(columns: ReadonlyMap<string, NumberColumn>, wanted: string): string {
  if (columns.has(wanted)) return wanted;
  const ending = [...columns.keys()].filter(
    (key) => key.endsWith(`/${wanted}`) || key.endsWith(`.${wanted}`),
  );
  return ending.length === 1 ? (ending[0] as string) : wanted;
}

export async function readAll(column: NumberColumn | null): Promise<Float32Array | null> {
  return column === null ? null : column.read(0, column.rows);
}
