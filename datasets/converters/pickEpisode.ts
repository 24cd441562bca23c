/** Which rows of a table make up its episode, and what its columns say of it. */
import { InputError } from '../../src/errors.js';
import type { Camera } from './camera.js';
import { looksLikeGoingOn } from './columnNames.js';
import type { SourceProblem } from './conversionSource.js';
import { type PickedRows, pickRows } from './episodeRows.js';
import { joinRows } from './joinRows.js';
import type { OpenOptions } from './openOptions.js';
import type { Remarks } from './remarks.js';
import {
  firstColumn,
  type NumberColumn,
  pictureColumn,
  readAll,
  type StepFormat,
  type StepTable,
  stateColumn,
  stepColumn,
} from './stepTable.js';

/** Which of the columns are what, as told from the first episode that is whole. */
export interface StepLayout {
  readonly cameras: readonly Camera[];
  readonly stateKeys: readonly string[];
  readonly stateSize: number;
  readonly actions: ChosenActions;
}

export interface ChosenColumns extends StepLayout {
  /** Whether an episode with a reward above 0 has succeeded, and one without has failed. */
  readonly successByReward: boolean;
}

export interface ChosenActions {
  /** Joined in this order. */
  readonly keys: readonly string[];
  /** A: numbers of all of them together. */
  readonly size: number;
  /** `[A]`, where the source says what each number is. */
  readonly names: readonly string[] | null;
}

/** Not 0 where a person's action was executed, as programs of all formats call it. */
const INTERVENTIONS = ['is_intervention', 'intervention', 'infos/intervention', 'infos/is_intervention'];

/**
 * Which rows make up the episode, by all but its images.
 * @throws InputError where columns do not belong together, or hold what they cannot mean
 */
export async function pickEpisode(
  table: StepTable,
  format: StepFormat,
  chosen: ChosenColumns,
  options: OpenOptions,
): Promise<PickedRows> {
  const { columns } = format;
  const actions = chosen.actions.keys.map((key) => stepColumn(table, key));
  const steps = actions[0]?.rows ?? 0;
  const isOwn = options.reward === undefined || ['dense', 'sparse'].includes(options.reward);
  const ownRewards = isOwn ? firstColumn(table, columns.reward) : stepColumn(table, options.reward as string);
  const named = (own: string | undefined, names: readonly string[]): NumberColumn | null =>
    own === undefined ? firstColumn(table, names) : stepColumn(table, own);
  const ends = {
    terminated: named(options.terminated, columns.terminated),
    truncated: named(options.truncated, columns.truncated),
    done: options.terminated === undefined ? firstColumn(table, columns.done) : null,
  };
  const allSucceeded = options.success === 'all';
  const success = allSucceeded ? null : named(options.success, columns.success);
  const interventions = firstColumn(table, INTERVENTIONS);
  for (const column of [...actions, ownRewards, interventions, ...Object.values(ends)])
    if (column !== null && column.rows !== steps)
      throw new InputError(
        `${column.name} has ${column.rows} rows for ${steps} actions; as many are expected.`,
      );
  for (const column of [ownRewards, success, interventions, ...Object.values(ends)])
    if (column !== null && column.size !== 1)
      throw new InputError(`${column.name} has ${column.size} numbers in a row; one is expected.`);
  const observations = observationRows(table, chosen);
  const alignment = options.alignment ?? format.alignment;
  const read = {
    actions: joinRows(await Promise.all(actions.map((column) => column.read(0, steps))), steps),
    rewards: await readAll(ownRewards),
    success: await readSuccess(success),
    interventions: await readFlags(interventions),
  };
  const picked = pickRows(
    {
      id: table.id,
      observations,
      steps,
      actions: read.actions,
      actionSize: actions.reduce((sum, column) => sum + column.size, 0),
      rewards: read.rewards,
      alignment,
      ends: {
        terminated: await readFlags(ends.terminated),
        truncated: await readFlags(ends.truncated),
        done: await readFlags(ends.done),
        of: format.endsOf,
      },
      success: allSucceeded || hasSucceeded(read.success, chosen.successByReward ? read.rewards : null),
      source: table.source,
    },
    options.reward,
  );
  const byHand = read.interventions?.some((value) => value !== 0) ? read.interventions : null;
  const firstStep = alignment === 'led' ? 1 : 0;
  if (Object.values(ends).every((column) => column === null)) await remarkGoingOn(table, format.remarks);
  return {
    ...picked,
    episode: {
      ...picked.episode,
      ...(byHand !== null && {
        interventions: Uint8Array.from({ length: picked.length }, (_, t) =>
          Number(byHand[t + firstStep] !== 0),
        ),
      }),
      ...(table.instruction !== undefined && { instruction: table.instruction }),
    },
    problems: [
      ...(table.problems ?? []),
      ...picked.problems,
      ...(options.reward === 'sparse' && success === null && !allSucceeded
        ? unknownSuccess(ownRewards, read.rewards)
        : []),
    ],
  };
}

/** By its record, or else by its rewards; null where neither says. */
function hasSucceeded(success: Float32Array | null, rewards: Float32Array | null): boolean | null {
  if (success !== null) return success.some((value) => value !== 0);
  return rewards?.some((value) => value > 0) ?? null;
}

/** Rewards that are no numbers do not say that an episode failed, and not that it succeeded either. */
function unknownSuccess(column: NumberColumn | null, rewards: Float32Array | null): SourceProblem[] {
  const row = rewards?.findIndex((value) => !Number.isFinite(value)) ?? -1;
  if (row < 0) return [];
  const message = `${column?.name} holds ${rewards?.[row]} in row ${row} and does not tell whether it succeeded: say --success KEY, or --success all where every episode has.`;
  return [{ kind: 'not-finite', severity: 'fault', message, repaired: false }];
}

/** @throws InputError for what is neither 0 nor 1: a number of another meaning would end the episode anywhere */
async function readFlags(column: NumberColumn | null): Promise<Float32Array | null> {
  const values = await readAll(column);
  const row = values?.findIndex((value) => value !== 0 && value !== 1) ?? -1;
  if (row >= 0)
    throw new InputError(`${column?.name} holds ${values?.[row]} in row ${row}; 0 or 1 is expected.`);
  return values;
}

/** @throws InputError for NaN, which is no word on it */
async function readSuccess(column: NumberColumn | null): Promise<Float32Array | null> {
  const values = await readAll(column);
  const row = values?.findIndex(Number.isNaN) ?? -1;
  if (row >= 0)
    throw new InputError(
      `${column?.name} holds NaN in row ${row}; 0, or another number for success, is expected.`,
    );
  return values;
}

/** Where nothing else says where an episode ends, a discount of 0 does; it is named, not read. */
async function remarkGoingOn(table: StepTable, remarks: Remarks): Promise<void> {
  for (const [key, column] of table.steps) {
    if (!looksLikeGoingOn(key) || column.size !== 1) continue;
    const row = (await readAll(column))?.indexOf(0) ?? -1;
    if (row >= 0)
      remarks.add(
        `"${key}" is 0 in row ${row} of ${table.id}, as where an episode ends, and is not read: --terminated takes an array that is not 0 there.`,
      );
  }
}

/** @throws InputError where images and state do not have equally many rows */
function observationRows(table: StepTable, { cameras, stateKeys }: ChosenColumns): number {
  const columns = [
    ...cameras.map(({ key }) => pictureColumn(table, key)),
    ...stateKeys.map((key) => stateColumn(table, key)),
  ];
  const [first] = columns;
  const other = columns.find(({ rows }) => rows !== first?.rows);
  if (other !== undefined)
    throw new InputError(
      `${first?.name} has ${first?.rows} rows and ${other.name} ${other.rows}; as many are expected.`,
    );
  return first?.rows ?? 0;
}
