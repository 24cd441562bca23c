/** What a user may say about a source, whatever its format; each format takes what it needs. */
import { InputError } from '../../src/errors.js';
import type { PictureOptions } from './treatment.js';

/**
 * `chosen`: the action and the reward of a row were chosen, and earned, on seeing the row's observation. `led`: they led
 * to it.
 */
export const alignments = ['chosen', 'led'] as const;
export type Alignment = (typeof alignments)[number];

export interface OpenOptions {
  /** Default: as the source says. */
  readonly task?: string;
  /** Control steps for each recorded action; default: 1, or as the format's own recordings were made. */
  readonly actionRepeat?: number;
  readonly pictures?: PictureOptions;
  /** Arrays to be joined as the state, in this order. */
  readonly stateKeys?: readonly string[];
  /** Which images; default: all. */
  readonly cameras?: readonly string[];
  /** Arrays to be joined as the action, in this order; default: the format's own. */
  readonly actionKeys?: readonly string[];
  /**
   * `dense`: as recorded (the default where there is a reward). `sparse`: 1 for the last step of an episode that
   * succeeded, which then ends the task. Else the name of an array.
   */
  readonly reward?: string;
  /** The array that says whether an episode has succeeded; default: the format's own; `all`: every one has. */
  readonly success?: string;
  /** The arrays that say where the task, or only the recording, ends; default: the format's own. */
  readonly terminated?: string;
  readonly truncated?: string;
  /** Only the episodes of these parts of the source, by its own names; default: `train`, where it has several. */
  readonly split?: readonly string[];
  /** Default: the format's own. */
  readonly alignment?: Alignment;
}

/** Of formats whose arrays have one meaning each. */
export const CHOICES_OF_ARRAYS = [
  'cameras',
  'actionKeys',
  'reward',
  'success',
  'terminated',
  'truncated',
  'split',
  'alignment',
] as const satisfies readonly (keyof OpenOptions)[];

/** @throws InputError for an option that a format has no use for */
export function refuseOptions(
  format: string,
  options: OpenOptions,
  refused: readonly (keyof OpenOptions)[],
): void {
  for (const key of refused)
    if (options[key] !== undefined)
      throw new InputError(
        `${flags[key]} does not go with ${format}, which says itself what its arrays are.`,
      );
}

const flags: Readonly<Record<keyof OpenOptions, string>> = {
  task: '--task',
  actionRepeat: '--action-repeat',
  pictures: '--image-size',
  stateKeys: '--state',
  cameras: '--cameras',
  actionKeys: '--action',
  reward: '--reward',
  success: '--success',
  terminated: '--terminated',
  truncated: '--truncated',
  split: '--split',
  alignment: '--alignment',
};

/**
 * Which of a source's splits are converted.
 * @param there their names, and how many episodes each has
 * @returns null: the source has none, or one only, and all of it is taken
 * @throws InputError where one that is asked for is not there, or none is called `train`
 */
export function chooseSplits(
  there: ReadonlyMap<string, number>,
  wanted: readonly string[] | undefined,
  name: string,
  remark: (sentence: string) => void,
): readonly string[] | null {
  const names = [...there.keys()];
  const list = [...there].map(([split, episodes]) => `${split} (${episodes})`).join(', ');
  if (wanted !== undefined) {
    const unknown = wanted.find((split) => !there.has(split));
    if (unknown === undefined) return wanted;
    throw new InputError(
      `${name} has no split "${unknown}"; it has ${list === '' ? 'none' : `${list} episodes`}.`,
    );
  }
  if (names.length < 2) return null;
  if (!there.has('train'))
    throw new InputError(
      `${name} has the splits ${list}: say which with --split, for example --split ${names[0]}.`,
    );
  remark(
    `Of the splits ${list}, train alone is converted; --split names others, and --split ${names.join(',')} takes all.`,
  );
  return ['train'];
}
