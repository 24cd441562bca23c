/** A source's actions in [−1, 1], dimension by dimension: the environment's own box. */
import { toUnit } from '../../envs/actionBox.js';
import type { ActionBox } from '../../envs/environment.js';
import { InputError } from '../../src/errors.js';
import type { ConversionSource, SourceEpisode } from './conversionSource.js';
import type { Remarks } from './remarks.js';

/** One range for all dimensions, one for each, or what the data's own numbers span. */
export type ActionRange = 'data' | readonly (readonly [low: number, high: number])[];

/** Beyond the box by rounding alone: brought back without a word. */
const ROUNDING = 1e-5;

export interface ActionMap {
  /** In the source's units. */
  readonly box: ActionBox;
  /** With its actions in [−1, 1]; what lies beyond the box is clipped, as the environment does, and reported. */
  scale(found: SourceEpisode): SourceEpisode;
}

/**
 * @returns null where nothing says what the box is: actions are then taken for numbers in [−1, 1] already
 * @throws InputError where a range does not fit the actions
 */
export async function actionMap(
  source: ConversionSource,
  range: ActionRange | undefined,
): Promise<ActionMap | null> {
  const { actionSize } = source.header;
  if (range !== undefined && source.hasUnitActions === true)
    throw new InputError(
      "--action-range does not go with a dataset's own actions, which lie in [−1, 1] of the environment's box already: leave it out.",
    );
  const box = range === undefined ? source.actionBox : await asked(source, range);
  if (box === null) return null;
  if (box.low.length !== actionSize)
    throw new InputError(
      `--action-range has ${box.low.length} ranges for ${actionSize} numbers of an action: give one for each, or one for all.`,
    );
  const isUnit = box.low.every((low) => low === -1) && box.high.every((high) => high === 1);
  if (!isUnit) source.remarks.addLossy();
  return { box, scale: (found) => scaled(found, box, isUnit, source.remarks) };
}

async function asked(source: ConversionSource, range: ActionRange): Promise<ActionBox> {
  if (range === 'data') return extremes(source);
  const { actionSize } = source.header;
  const ranges = range.length === 1 ? Array.from({ length: actionSize }, () => range[0]) : range;
  return { low: ranges.map((pair) => pair?.[0] ?? 0), high: ranges.map((pair) => pair?.[1] ?? 0) };
}

async function extremes(source: ConversionSource): Promise<ActionBox> {
  const size = source.header.actionSize;
  const low = Array.from({ length: size }, () => Number.POSITIVE_INFINITY);
  const high = Array.from({ length: size }, () => Number.NEGATIVE_INFINITY);
  for (const unit of source.units)
    for (const values of await actionsOf(unit))
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as number;
        if (!Number.isFinite(value)) continue;
        const at = i % size;
        low[at] = Math.min(low[at] as number, value);
        high[at] = Math.max(high[at] as number, value);
      }
  low.forEach((value, i) => {
    if (value < (high[i] as number)) return;
    if (!Number.isFinite(value)) throw new InputError('No episode has actions: there is nothing to span.');
    // A dimension that never moves lies in the middle.
    [low[i], high[i]] = [value - 1, value + 1];
    source.remarks.add(`Number ${i} of the actions is ${value} throughout: that is 0 in the dataset.`);
  });
  source.remarks.add(
    `The actions' box is what the data span: ${low.map((value, i) => `${value}:${high[i]}`).join(', ')}.`,
  );
  return { low, high };
}

async function actionsOf(unit: ConversionSource['units'][number]): Promise<Float32Array[]> {
  try {
    if (unit.actions !== undefined) return [await unit.actions()];
    const { episodes, release } = await unit.read();
    const actions = episodes.map(({ episode }) => episode.actions);
    release?.();
    return actions;
  } catch (error) {
    // It becomes a problem of its episode when that is read.
    if (error instanceof InputError) return [];
    throw error;
  }
}

function scaled(
  found: SourceEpisode,
  { low, high }: ActionBox,
  isUnit: boolean,
  remarks: Remarks,
): SourceEpisode {
  const size = low.length;
  let [clipped, furthest] = [0, 0];
  const actions = found.episode.actions.map((value, i) => {
    const unit = isUnit ? value : toUnit(value, low[i % size] as number, high[i % size] as number);
    if (Number.isNaN(unit) || Math.abs(unit) <= 1) return unit;
    if (Math.abs(unit) > 1 + ROUNDING) clipped++;
    furthest = Math.max(furthest, Math.abs(unit));
    return Math.sign(unit);
  });
  const episode = { ...found.episode, actions };
  if (clipped === 0) return { ...found, episode };
  remarks.addLossy();
  const message = `${clipped} numbers of its actions lie beyond the box (up to ${furthest.toPrecision(3)} times its half width from its middle) and are clipped, as the environment does.`;
  return {
    ...found,
    episode,
    problems: [...found.problems, { kind: 'clipped', severity: 'suspicion', message, repaired: true }],
  };
}
