/**
 * What the manifest alone says of a dataset beside the environment it is meant for. A batch mixes both, so they must
 * mean the same by a frame, an action, a step and a reward.
 */
import type { ActionBox } from '../../envs/environment.js';
import { UNNAMED_IMAGE } from '../../envs/imageName.js';
import { VERSION_1_IMAGE } from '../../envs/remote/version1.js';
import { suiteNames } from '../../envs/suite/registry.js';
import type { FrameLayout } from '../episode.js';
import { matchImages } from '../imageMatching.js';
import type { Manifest } from '../manifest.js';
import { quantile } from '../statistics.js';
import type { Finding, Target } from './finding.js';

/** Every task of the suite rewards a control step with a number in [0, 1]. */
export const MAX_REWARD = 1;
/** Sums of float32 rewards exceed their bound by rounding. */
export const ROUNDING = 1e-3;

/** What images are called that have no name, or got none from whoever showed them. */
const nameless: ReadonlySet<string> = new Set([UNNAMED_IMAGE, VERSION_1_IMAGE]);

/** @returns misfits first, in the order in which a user would put them right */
export function manifestFindings(manifest: Manifest, target: Target): Finding[] {
  if (manifest.episodes === 0)
    return [misfit('episodes', 'it has no episodes', 'record or convert some, or give another dataset')];
  return [
    ...sameMeaning(manifest, target),
    ...sameImages(manifest, target),
    ...sameScene(manifest, target),
    // What rewards are and when an episode ends, the suite alone says for all of its tasks.
    ...(isOfSuite(target) ? [...sameReward(manifest, target), ...sameLength(manifest, target)] : []),
  ];
}

export function isOfSuite({ environment }: Target): boolean {
  return suiteNames.has(environment.task);
}

function sameMeaning(manifest: Manifest, { environment, stateSize }: Target): Finding[] {
  const { task, actionRepeat, actionSize } = manifest;
  const findings: Finding[] = [];
  if (task === null)
    findings.push(doubt('task', 'it does not say which task it is of', 'convert it again with --task'));
  else if (task !== environment.task)
    findings.push(differs('task', task, environment.task, 'give a dataset of this task, or --task'));
  if (actionRepeat !== environment.actionRepeat)
    findings.push(
      differs(
        'action repeat',
        actionRepeat,
        environment.actionRepeat,
        `give --action-repeat ${actionRepeat}, or another dataset`,
      ),
    );
  if (actionSize !== environment.actionSize)
    findings.push(differs('action size', actionSize, environment.actionSize, 'give a dataset of this task'));
  else findings.push(...sameActions(manifest, environment.actionBox));
  if (stateSize > 0 && manifest.stateSize !== stateSize)
    findings.push(differs('state size', manifest.stateSize, stateSize, 'give a dataset recorded with state'));
  return findings;
}

/** −1 and 1 are the ends of a box; of another box they are other actions. */
function sameActions({ actionBox: recorded }: Manifest, wanted: ActionBox | null): Finding[] {
  if (recorded === null || wanted === null) return [];
  const differing = wanted.low.findIndex(
    (low, i) =>
      !isNear(low, recorded.low[i] as number) ||
      !isNear(wanted.high[i] as number, recorded.high[i] as number),
  );
  if (differing < 0) return [];
  const end = (box: ActionBox): string => `${box.low[differing]} to ${box.high[differing]}`;
  return [
    differs(
      `range of action ${differing}`,
      end(recorded),
      end(wanted),
      'record or convert it again with the range that the environment takes (--action-range)',
    ),
  ];
}

/** Equal but for a float32's rounding. */
function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b));
}

function sameImages(manifest: Manifest, { images }: Target): Finding[] {
  if (images.length === 0) return [];
  if (manifest.images.length === 0)
    return [misfit('images', 'it has no images', 'learn from it with --obs state')];
  return matchImages(manifest.images, images).flatMap(({ wanted, recorded }) => {
    if (recorded === undefined)
      return [
        misfit(
          'images',
          `it has no images of "${wanted.name}", only of ${manifest.images.map(({ name }) => `"${name}"`).join(', ')}`,
          'choose images that both have with --cameras',
        ),
      ];
    return sameImage(recorded, wanted, images.length === 1 ? '' : ` of "${wanted.name}"`);
  });
}

function sameImage(recorded: FrameLayout, wanted: FrameLayout, where: string): Finding[] {
  const findings: Finding[] = [];
  const { name, height, width } = recorded;
  if (height !== wanted.height || width !== wanted.width)
    findings.push(
      differs(
        `image size${where}`,
        `${height}×${width}`,
        `${wanted.height}×${wanted.width}`,
        `give --image-size ${where === '' ? '' : `${name}=`}${height === width ? height : `${width}x${height}`}, or another dataset`,
      ),
    );
  if (recorded.channels !== wanted.channels)
    findings.push(
      differs(`number of image channels${where}`, recorded.channels, wanted.channels, 'give another dataset'),
    );
  return findings;
}

/** What makes the same state another picture, or the same number of steps another time. */
function sameScene(manifest: Manifest, { environment, images }: Target): Finding[] {
  const { controlTimestep } = manifest;
  const findings: Finding[] = [];
  if (controlTimestep !== null && Math.abs(controlTimestep / environment.controlTimestep - 1) > 1e-6)
    findings.push(
      doubt(
        'control timestep',
        `its control step takes ${controlTimestep} s, the environment's ${environment.controlTimestep} s`,
        'give an --action-repeat that makes a step of both take as long, or another dataset',
      ),
    );
  for (const { wanted, recorded } of matchImages(manifest.images, images))
    if (recorded !== undefined && recorded.name !== wanted.name && !nameless.has(recorded.name))
      findings.push(
        doubt(
          'camera',
          `its images are of the camera "${recorded.name}", the environment's of "${wanted.name}"`,
          `give --cameras ${recorded.name} where the environment has such a one`,
        ),
      );
  return findings;
}

/** A step's reward is a sum over its control steps, so an episode's return is bounded by how many they were. */
function sameReward(manifest: Manifest, { environment }: Target): Finding[] {
  const bound = MAX_REWARD * environment.actionRepeat;
  const greatest = entriesOf(manifest).reduce(
    (most, episode) => Math.max(most, episode.return / episode.steps),
    Number.NEGATIVE_INFINITY,
  );
  if (greatest <= bound * (1 + ROUNDING)) return [];
  return [
    doubt(
      'reward scale',
      `an episode of it earns ${round(greatest)} a step, more than the ${bound} that ${environment.actionRepeat} control steps can earn`,
      `scale its rewards to at most ${MAX_REWARD} a control step, or check its action repeat`,
    ),
  ];
}

/** Every episode of the suite runs to its time limit, which tells how many control steps an action took. */
function sameLength(manifest: Manifest, { environment }: Target): Finding[] {
  const { maxEnvFrames, actionRepeat } = environment;
  const steps = entriesOf(manifest)
    .map((episode) => episode.steps)
    .sort((a, b) => a - b);
  const usual = quantile(steps, 0.5);
  const expected = Math.ceil(maxEnvFrames / actionRepeat);
  // Episodes of many lengths were cut or ended by something else, and say nothing about time.
  const isUniform = steps.filter((length) => length === usual).length > steps.length / 2;
  if (!isUniform || Math.abs(usual - expected) <= 1) return [];
  const implied = maxEnvFrames / usual;
  const isRepeat = implied >= 1 && Math.abs(implied - Math.round(implied)) < 0.02 * implied;
  return [
    doubt(
      'episode length',
      `its episodes take ${usual} steps, the environment's ${expected}`,
      isRepeat
        ? `check whether each of its actions was held for ${Math.round(implied)} control steps, and say so with --action-repeat`
        : 'check whether its episodes are whole',
    ),
  ];
}

export function misfit(check: string, message: string, fix: string): Finding {
  return { check, severity: 'misfit', message, fix };
}

export function doubt(check: string, message: string, fix: string): Finding {
  return { check, severity: 'doubt', message, fix };
}

function differs(what: string, has: unknown, wants: unknown, fix: string): Finding {
  return misfit(what, `its ${what} is ${has}, the environment's is ${wants}`, fix);
}

function entriesOf(manifest: Manifest) {
  return manifest.shards.flatMap((shard) => shard.index);
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}
