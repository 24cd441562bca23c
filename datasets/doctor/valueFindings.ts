/** What the actions and rewards themselves say: constant or scaled actions, rewards of another scale or another action repeat. */
import type { Dataset } from '../reader.js';
import type { Finding, Target } from './finding.js';
import { doubt, isOfSuite, MAX_REWARD, ROUNDING } from './manifestFindings.js';

export interface Values {
  /** Over all dimensions. */
  readonly actionMin: number;
  readonly actionMax: number;
  /** Dimensions that never change. */
  readonly constantActions: readonly number[];
  readonly rewardMin: number;
  readonly rewardMax: number;
  readonly findings: readonly Finding[];
}

/** Behaviour that is worth learning from uses more of its range than this. */
const SMALL_ACTIONS = 0.5;
/** A reward at its ceiling comes again and again; a few near it are chance. */
const AT_CEILING = 0.99;
const MIN_CEILING_SHARE = 0.01;
const MIN_CEILING_STEPS = 20;

export async function examineValues(
  dataset: Dataset,
  episodes: readonly number[],
  target: Target,
): Promise<Values> {
  const { actionSize } = dataset.manifest;
  const low = new Float32Array(actionSize).fill(Number.POSITIVE_INFINITY);
  const high = new Float32Array(actionSize).fill(Number.NEGATIVE_INFINITY);
  const rewards: number[] = [];
  for await (const episode of dataset.episodes({ indices: episodes, images: false })) {
    episode.actions.forEach((value, i) => {
      const dimension = i % actionSize;
      low[dimension] = Math.min(low[dimension] as number, value);
      high[dimension] = Math.max(high[dimension] as number, value);
    });
    for (const reward of episode.rewards) rewards.push(reward);
  }
  const constantActions = [...low.keys()].filter((dimension) => low[dimension] === high[dimension]);
  const [actionMin, actionMax] = [Math.min(...low), Math.max(...high)];
  const rewardMin = rewards.reduce((least, reward) => Math.min(least, reward), Number.POSITIVE_INFINITY);
  const rewardMax = rewards.reduce((most, reward) => Math.max(most, reward), Number.NEGATIVE_INFINITY);
  return {
    actionMin,
    actionMax,
    constantActions,
    rewardMin,
    rewardMax,
    findings: [
      ...constantFindings(constantActions, actionSize),
      ...rangeFindings(actionMin, actionMax),
      ...(rewardMin === 0 && rewardMax === 0
        ? [doubt('reward', 'it has no reward other than 0', 'convert it again with --reward')]
        : []),
      ...(isOfSuite(target)
        ? rewardFindings(rewards, rewardMin, rewardMax, target.environment.actionRepeat)
        : []),
    ],
  };
}

function constantFindings(constant: readonly number[], actionSize: number): Finding[] {
  if (constant.length === 0) return [];
  return [
    doubt(
      'constant actions',
      constant.length === actionSize
        ? 'its actions never change'
        : `number${constant.length === 1 ? '' : 's'} ${constant.join(', ')} of its ${actionSize} actions never change${constant.length === 1 ? 's' : ''}`,
      'check which column of the source holds the actions, and convert it again',
    ),
  ];
}

function rangeFindings(least: number, most: number): Finding[] {
  const widest = Math.max(-least, most);
  if (widest === 0 || widest >= SMALL_ACTIONS) return [];
  return [
    doubt(
      'action range',
      `its actions stay within ±${widest.toPrecision(2)}, the environment's go from −1 to 1`,
      "convert it again with --action-range LOW:HIGH where the source's range is another",
    ),
  ];
}

function rewardFindings(
  rewards: readonly number[],
  least: number,
  most: number,
  actionRepeat: number,
): Finding[] {
  const bound = MAX_REWARD * actionRepeat;
  if (least === 0 && most === 0) return [];
  if (least < -ROUNDING)
    return [
      doubt(
        'reward',
        `its rewards go down to ${least.toPrecision(3)}, the environment's are never negative`,
        'convert it again with the --reward of the same task',
      ),
    ];
  if (most > bound * (1 + ROUNDING))
    return [
      doubt(
        'reward scale',
        `a step of it earns ${most.toPrecision(3)}, more than the ${bound} that ${actionRepeat} control steps can earn`,
        `scale its rewards to at most ${MAX_REWARD} a control step, or check its action repeat`,
      ),
    ];
  // Good behaviour earns the most there is again and again: that ceiling counts the control steps of an action.
  const ceiling = Math.round(most / MAX_REWARD);
  const atCeiling = rewards.filter((reward) => reward > AT_CEILING * most).length;
  const isCeiling =
    ceiling >= 1 &&
    Math.abs(most - ceiling) < 0.01 &&
    atCeiling >= Math.max(MIN_CEILING_STEPS, MIN_CEILING_SHARE * rewards.length);
  if (!isCeiling || ceiling === actionRepeat) return [];
  return [
    doubt(
      'reward scale',
      `its rewards end at ${ceiling} a step, and ${actionRepeat} control steps can earn ${bound}: each action was held for ${ceiling} control step${ceiling === 1 ? '' : 's'}, or rewards were averaged`,
      `check its action repeat, or multiply its rewards by ${actionRepeat / ceiling}`,
    ),
  ];
}
