/**
 * Action repeat seen from the speed of motion. Episodes start from the same distribution in the data and in the
 * environment, so the same first actions, each held for the same number of control steps, change the picture as
 * much from one step to the next on average; held for longer, they change it more.
 */
import type { SuiteEnvironment } from '../../envs/suiteEnvironment.js';
import { frameAt } from '../episode.js';
import type { Dataset } from '../reader.js';
import type { Finding } from './finding.js';
import { doubt } from './manifestFindings.js';
import type { ComparableImage } from './pictures.js';

export interface MotionComparison {
  /** Mean absolute difference of one image to the next, in grey levels. */
  readonly recorded: number;
  /** The same in the environment, by action repeat. */
  readonly own: Readonly<Record<number, number>>;
  readonly findings: readonly Finding[];
}

const STEPS = 8;
const REPEATS = [1, 2, 4, 8];
/** Fewer starts than this differ too much by chance. */
const MIN_EPISODES = 5;
/** Speeds nearer than this to each other are the same for a few starts. */
const SAME_SPEED = 1.35;

/** @returns null where the data has too few episodes to tell */
export async function compareMotion(
  dataset: Dataset,
  episodes: readonly number[],
  environment: SuiteEnvironment,
  { recorded: image, wanted: { name: camera } }: ComparableImage,
): Promise<MotionComparison | null> {
  const { manifest } = dataset;
  if (episodes.length < MIN_EPISODES) return null;
  const { height, width } = image;
  const { actionSize } = manifest;
  const repeats = [...new Set([...REPEATS, manifest.actionRepeat])].sort((a, b) => a - b);
  const recorded: number[] = [];
  const own = new Map(repeats.map((repeat) => [repeat, [] as number[]]));
  let seed = 0;
  for await (const episode of dataset.episodes({ indices: episodes, images: [image.name] })) {
    const { actions, length } = episode;
    const steps = Math.min(STEPS, length);
    for (let t = 0; t < steps; t++)
      recorded.push(change(frameAt(episode, image, t), frameAt(episode, image, t + 1)));
    seed++;
    for (const [repeat, changes] of own) {
      environment.reset({ seed });
      let before = environment.render({ width, height, camera }).data;
      let hasEnded = false;
      for (let t = 0; t < steps && !hasEnded; t++) {
        const action = actions.subarray(t * actionSize, (t + 1) * actionSize);
        for (let i = 0; i < repeat && !hasEnded; i++) {
          const { terminated, truncated } = environment.step(action);
          hasEnded = terminated || truncated;
        }
        const after = environment.render({ width, height, camera }).data;
        changes.push(change(before, after));
        before = after;
      }
    }
  }
  const speeds = Object.fromEntries([...own].map(([repeat, changes]) => [repeat, mean(changes)]));
  return {
    recorded: mean(recorded),
    own: speeds,
    findings: judge(mean(recorded), speeds, manifest.actionRepeat),
  };
}

function judge(recorded: number, own: Readonly<Record<number, number>>, claimed: number): Finding[] {
  const factor = (repeat: number): number => {
    const ratio = recorded / (own[repeat] ?? Number.NaN);
    return Math.max(ratio, 1 / ratio);
  };
  const nearest = Object.keys(own)
    .map(Number)
    .sort((a, b) => factor(a) - factor(b))[0];
  if (nearest === undefined || nearest === claimed || !(factor(claimed) > SAME_SPEED)) return [];
  const isClear = factor(nearest) < SAME_SPEED;
  return [
    doubt(
      'speed of motion',
      `its images change by ${recorded.toFixed(2)} grey levels a step at the start of episodes, the environment's by ${own[claimed]?.toFixed(2)} with its action repeat of ${claimed}${isClear ? ` and by ${own[nearest]?.toFixed(2)} with ${nearest}` : ''}`,
      isClear
        ? `check whether each action was held for ${nearest} control steps, and convert it again with --action-repeat ${nearest}`
        : 'check that its episodes begin at a reset, and that none of their frames were left out',
    ),
  ];
}

function change(before: Uint8Array, after: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < before.length; i++) sum += Math.abs((after[i] as number) - (before[i] as number));
  return sum / before.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
