/** `rlpd classifier train`: a detector of success in pictures, which can be the reward of any task. */
import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { encoderNames } from '../encoders/registry.js';
import type { ClassifierReport } from '../src/classifier/trainClassifier.js';
import { makeFolder } from '../src/files/makeFolder.js';
import { runConfigShape } from '../src/training/config.js';
import { counted } from '../src/words.js';
import { note, printResult, progress } from './console.js';
import { addSettings } from './settingFlags.js';
import { examples, positiveNumber, shareOfOne, wholeNumber } from './settings.js';
import { stopOnSignals } from './signals.js';
import { manyTimes } from './strictUsage.js';

interface Flags {
  readonly dataset: readonly string[];
  readonly labels?: boolean;
  readonly images?: readonly string[];
  readonly out: string;
  readonly encoder: string;
  readonly updates: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly threshold: number;
  readonly holdoutShare: number;
  readonly seed: number;
  readonly backend?: 'auto' | 'torch' | 'tensorflow' | 'wasm' | 'cpu';
  readonly device?: 'auto' | 'cpu' | 'cuda';
  readonly json?: boolean;
}

const { backend, device } = runConfigShape;

export const classifierCommand = new Command('classifier');

examples(
  addSettings(
    classifierCommand
      .command('train')
      .description('learn to see success in single pictures of recorded episodes')
      .addOption(
        manyTimes(
          new Option(
            '--dataset <dir>',
            'dataset with successes and, better, failures; may be given several times',
          )
            .argParser((text: string, before: string[] = []) => [...before, text])
            .makeOptionMandatory(),
        ),
      )
      .option(
        '--labels',
        'take what was marked in the page of "rlpd serve" (each dataset\'s labels.json), above all from which step on success is seen; without it the last observation of a recorded success shows it',
      )
      .option(
        '--images <names>',
        "images to look at, such as front,wrist; default: all of the dataset's",
        (text) => text.split(','),
      )
      .requiredOption('--out <file>', 'file of the classifier (.safetensors)')
      .addOption(
        new Option('--encoder <name>', 'image network').choices(encoderNames()).default('rlpd-small'),
      )
      .option('--updates <number>', 'gradient steps', wholeNumber(1), 500)
      .option('--batch-size <number>', 'pictures of one step, half of them of success', evenNumber, 64)
      .option('--learning-rate <number>', 'of Adam', positiveNumber, 3e-4)
      .option(
        '--threshold <probability>',
        'above which held-out episodes count as successes',
        shareOfOne,
        0.8,
      )
      .option('--holdout-share <share>', 'share of the episodes that it is scored on', shareOfOne, 0.2)
      .option('--seed <number>', 'seed of everything random', wholeNumber(0, 0xffffffff), 0)
      .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr'),
    { backend, device },
  ),
  ['rlpd classifier train --dataset data/demos --dataset data/failures --labels --out lift.safetensors'],
).action(async (flags: Flags) => {
  const { selectBackend } = await import('../src/backend/select.js');
  const { trainClassifier } = await import('../src/classifier/trainClassifier.js');
  await makeFolder(dirname(flags.out));
  const selected = await selectBackend({
    backend: flags.backend,
    device: flags.device,
    precision: 'float32',
  });
  note(selected.note);
  const stop = stopOnSignals('without a result');
  const bar = progress('learning');
  const { dataset: folders, labels = false, images, out, encoder, updates, batchSize, learningRate } = flags;
  const { threshold, holdoutShare, seed } = flags;
  try {
    const report = await trainClassifier({
      ...{ folders, labels, images, out, encoder, updates, batchSize, learningRate },
      ...{ threshold, holdoutShare, seed, signal: stop.signal, onProgress: bar.update },
    });
    bar.stop();
    printResult(flags.json, report, summary(report));
  } finally {
    bar.stop();
    stop.dispose();
  }
});

function summary({ out, episodes, positives, negatives, leftOut, loss, heldOut }: ClassifierReport): string {
  const { threshold, precision, recall, early } = heldOut;
  const share = (value: number | null): string => (value === null ? '–' : `${Math.round(100 * value)}%`);
  return [
    `Learnt from ${counted(episodes, 'episode')}: ${counted(positives, 'frame')} of success, ${negatives} of none (${leftOut} episodes left out); loss ${loss.toFixed(3)}.`,
    `On ${counted(heldOut.episodes, 'held-out episode')}, above ${threshold}: precision ${share(precision)}, recall ${share(recall)}${early > 0 ? `; ${counted(early, 'success', String(early))} seen before it was there` : ''}.`,
    `The classifier is ${out}: make it the reward with --reward-classifier ${out} --reward-threshold ${threshold}.`,
  ].join('\n');
}

function evenNumber(text: string): number {
  const value = wholeNumber(2)(text);
  if (value % 2 === 1)
    throw new InvalidArgumentError('Expected an even number: half of a batch shows success.');
  return value;
}
