/** `rlpd dataset edit`: a new dataset of episodes of others, selected, cut, joined, split, with other marks and rewards. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { EditReport } from '../datasets/editing/editDataset.js';
import { InputError } from '../src/errors.js';
import { counted, formatBytes } from '../src/words.js';
import { printResult, progress } from './console.js';
import {
  examples,
  finiteNumber,
  positiveNumber,
  rangeOfEpisodes,
  shareOfOne,
  wholeNumber,
} from './settings.js';

const qualities = ['good', 'bad', 'none'] as const;

interface Flags {
  readonly out: string;
  readonly episodes?: readonly (readonly [number, number])[];
  readonly returnMin?: number;
  readonly returnMax?: number;
  readonly lengthMin?: number;
  readonly lengthMax?: number;
  readonly success?: boolean;
  readonly interventions?: boolean;
  readonly labels?: boolean;
  readonly marked?: readonly (typeof qualities)[number][];
  readonly cutStart?: number;
  readonly cutEnd?: number;
  readonly setSuccess?: boolean;
  readonly reward?: 'sparse';
  readonly rewardScale?: number;
  readonly rewardShift?: number;
  readonly holdout?: string;
  readonly holdoutShare: number;
  readonly seed: number;
  readonly json?: boolean;
}

export const datasetEditCommand = examples(
  new Command('edit')
    .description('write a new dataset of episodes of others: select, cut, join, split, relabel')
    .argument('<dirs...>', 'folders of the datasets whose episodes are taken; they are not changed')
    .requiredOption('--out <dir>', 'folder of the new dataset')
    .option(
      '--episodes <list>',
      'only these, by their numbers: 3,7,10:20 (up to but not including 20)',
      episodeList,
    )
    .option('--return-min <return>', 'only episodes with at least this return', finiteNumber)
    .option('--return-max <return>', 'only episodes with at most this return', finiteNumber)
    .option('--length-min <steps>', 'only episodes of at least so many agent steps', wholeNumber(1))
    .option('--length-max <steps>', 'only episodes of at most so many agent steps', wholeNumber(1))
    .addOption(yesOrNo('--success <yes|no>', 'only episodes that succeeded, or that did not'))
    .addOption(yesOrNo('--interventions <yes|no>', 'only episodes in which a person took over, or none did'))
    .option(
      '--labels',
      'take what was marked in the page of "rlpd serve" (each dataset\'s labels.json): success, and where ends are cut',
    )
    .option('--marked <list>', 'only episodes that are marked so: good, bad, none; with --labels', markedList)
    .option('--cut-start <steps>', 'agent steps to cut off the start of every episode', wholeNumber(1))
    .option('--cut-end <steps>', 'agent steps to cut off the end of every episode', wholeNumber(1))
    .addOption(yesOrNo('--set-success <yes|no>', 'say of every episode that it succeeded, or did not'))
    .addOption(
      new Option(
        '--reward <kind>',
        'sparse: 1 for the last step of an episode that succeeded, which then ends the task, and else 0',
      ).choices(['sparse']),
    )
    .option('--reward-scale <number>', 'multiply the reward of each agent step', positiveNumber)
    .option('--reward-shift <number>', 'add this to it then', finiteNumber)
    .option('--holdout <dir>', 'folder of a second dataset, for a share of the episodes')
    .option('--holdout-share <share>', 'the share of --holdout, between 0 and 1', shareOfOne, 0.1)
    .option('--seed <number>', 'by which the episodes of --holdout are drawn', wholeNumber(0, 0xffffffff), 0)
    .option('--json', 'print the result as one JSON object'),
  [
    'rlpd dataset edit data/demos --labels --marked good --reward sparse --out data/good',
    'rlpd dataset edit data/monday data/tuesday --out data/both',
    'rlpd dataset edit data/demos --episodes 0:20,25 --holdout data/held-out --out data/train',
  ],
).action(async (folders: readonly string[], flags: Flags) => {
  const { editDataset } = await import('../datasets/editing/editDataset.js');
  if (flags.marked !== undefined && !flags.labels)
    throw new InputError('--marked asks for what was marked in the page: give --labels, too.');
  const { episodes, returnMin, returnMax, lengthMin, lengthMax, success, interventions, marked } = flags;
  const { out, labels, cutStart, cutEnd, reward, rewardScale, rewardShift, holdout, setSuccess } = flags;
  const selection = { episodes, returnMin, returnMax, lengthMin, lengthMax, success, interventions, marked };
  const bar = progress('writing');
  const report = await editDataset({
    ...{ folders, out, selection, labels, cutStart, cutEnd, success: setSuccess },
    ...{ reward, rewardScale, rewardShift },
    ...(holdout !== undefined && {
      holdout: { out: holdout, share: flags.holdoutShare, seed: flags.seed },
    }),
    onProgress: bar.update,
  }).finally(bar.stop);
  printResult(flags.json, report, summary(report));
});

function summary(report: EditReport): string {
  const { leftOut, cut, holdout } = report;
  const lines = [report, ...(holdout === null ? [] : [holdout])].map(
    ({ out, episodes, steps, returnMean, bytes }) =>
      `${out}: ${counted(episodes, 'episode')}, ${counted(steps, 'step')}, mean return ${returnMean?.toFixed(1) ?? '–'}, ${formatBytes(bytes)}.`,
  );
  return [...lines, `Left out: ${leftOut}. Cut: ${cut}.`].join('\n');
}

function yesOrNo(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => {
    if (text !== 'yes' && text !== 'no') throw new InvalidArgumentError('Expected yes or no.');
    return text === 'yes';
  });
}

function episodeList(text: string): [number, number][] {
  return text.split(',').map((part) => {
    const text = part.trim();
    const range = rangeOfEpisodes(/^\d+$/.test(text) ? `${text}:${Number(text) + 1}` : text);
    if (range === undefined)
      throw new InvalidArgumentError('Expected numbers and ranges A:B with A < B, for example 0:20,25.');
    return range;
  });
}

function markedList(text: string): (typeof qualities)[number][] {
  return text.split(',').map((part) => {
    const quality = qualities.find((name) => name === part.trim());
    if (quality === undefined)
      throw new InvalidArgumentError('Expected good, bad or none, or several: good,none.');
    return quality;
  });
}
