/** `rlpd collect`: records a dataset with a policy, or at one of V-D4RL's levels with the policies that ship. */

import { Command, Option } from 'commander';
import { InputError } from '../src/errors.js';
import { type RunConfig, runConfigShape } from '../src/training/config.js';
import { distractionOptions, distractionShape, parseCamera } from '../src/training/environmentOptions.js';
import type { Behaviour } from '../src/training/experts.js';
import { parseImageSize } from '../src/training/imageSettings.js';
import { type Level, levels } from '../src/training/levels.js';
import { TRIES_PER_SUCCESS } from '../src/training/successRate.js';
import { counted } from '../src/words.js';
import { choosePolicy } from './chosenPolicy.js';
import { note, printResult, progress, rangeWords } from './console.js';
import { addSettings, parseSettings } from './settingFlags.js';
import { examples, wholeNumber, workersOption } from './settings.js';
import { stopOnSignals } from './signals.js';

interface Flags extends Partial<Pick<RunConfig, keyof typeof distractionShape>> {
  readonly task?: string;
  readonly level?: Level;
  readonly policy?: string;
  readonly run?: string;
  readonly episodes: number;
  readonly out: string;
  readonly mode: 'sample' | 'mean';
  readonly seed: number;
  readonly actionRepeat?: number;
  readonly backend?: 'auto' | 'torch' | 'tensorflow' | 'wasm' | 'cpu';
  readonly workers?: number;
  readonly keepSuccesses?: boolean;
  readonly json?: boolean;
}

const { backend, cameras, imageSize, rewardClassifier, rewardThreshold } = runConfigShape;

export const collectCommand = examples(
  addSettings(
    new Command('collect')
      .option('--task <name>', "the task; a policy's own where one is given")
      .addOption(
        new Option(
          '--level <level>',
          "how good the policies are that act, or the task's own scripted expert (demonstration)",
        ).choices([...levels]),
      )
      .addOption(new Option('--policy <file>', 'a policy file to act instead').conflicts('level'))
      .addOption(
        new Option('--run <folder>', 'a run whose latest policy acts instead').conflicts(['level', 'policy']),
      )
      .addOption(new Option('--episodes <number>', 'episodes').default(100).argParser(wholeNumber(1)))
      .requiredOption('--out <folder>', "the dataset's folder; the same command goes on where it was stopped")
      .addOption(
        new Option('--mode <mode>', 'actions drawn from the policy (sample) or its mode (mean)')
          .choices(['sample', 'mean'])
          .default('sample'),
      )
      .addOption(
        new Option('--seed <number>', 'seed of the recording')
          .default(0)
          .argParser(wholeNumber(0, 0xffffffff)),
      )
      .addOption(
        new Option(
          '--action-repeat <number>',
          "control steps for each action (default: the policy's, or the task's own)",
        ).argParser(wholeNumber(1)),
      )
      .option(
        '--keep-successes',
        `record only episodes that succeed, in at most ${TRIES_PER_SUCCESS} tries for each`,
      )
      .addOption(workersOption())
      .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr'),
    { cameras, imageSize, ...distractionShape, rewardClassifier, rewardThreshold, backend },
  ),
  [
    'rlpd collect --task walker-walk --level expert --episodes 100 --out data/walker-expert',
    'rlpd collect --task walker-walk --level expert --distraction medium --out data/walker-distracted',
    'rlpd collect --task remote:127.0.0.1:5555 --level random --action-repeat 1 --out data/cube',
    'rlpd collect --run runs/a --episodes 20 --mode mean --out data/own',
    'rlpd collect --task arm-lift --level demonstration --episodes 20 --keep-successes --out data/lift',
    'rlpd collect --run runs/lift --episodes 50 --keep-successes --out data/lifted',
  ],
).action(async (flags: Flags) => {
  const { task, acting, details } = await whoActs(flags);
  const distraction = distractionOptions(parseSettings(flags, distractionShape));
  const images = parseSettings(flags, { cameras, imageSize });
  const { collect } = await import('../src/training/collect.js');
  const { rewardOf } = await import('../src/training/rewardClassifier.js');
  const reward = await rewardOf(parseSettings(flags, { rewardClassifier, rewardThreshold }));
  const stop = stopOnSignals('the episodes recorded so far are kept');
  const bar = progress('collecting');
  try {
    const result = await collect({
      task,
      folder: flags.out,
      behaviours: acting,
      mode: flags.mode,
      environment: {
        ...(images.imageSize !== undefined && { imageSize: parseImageSize(images.imageSize) }),
        ...(flags.actionRepeat !== undefined && { actionRepeat: flags.actionRepeat }),
        ...(images.cameras && { cameras: images.cameras.map(parseCamera) }),
        ...(distraction && { distraction }),
      },
      seed: flags.seed,
      engine: { backend: flags.backend, precision: 'float32', device: 'cpu' },
      reward,
      workers: flags.workers,
      details,
      keepSuccesses: flags.keepSuccesses,
      signal: stop.signal,
      onEpisode: (done, total) => bar.update(done, total),
      onInvalid: (reason) => note(`An episode is left out: ${reason}.`),
      onNote: note,
    });
    bar.stop();
    const { episodes, steps, returnMean, returnMin, returnMax, played, succeeded, finished } = result;
    const returns = rangeWords(returnMean, returnMin, returnMax, episodes);
    const successes = succeeded === null ? '' : `, ${succeeded} of ${played} played succeeded`;
    const counts = `${counted(episodes, 'episode')}, ${counted(steps, 'agent step')}${returns}${successes}`;
    printResult(
      flags.json,
      result,
      finished
        ? `${counts}. The dataset is in ${flags.out}.`
        : `Stopped after ${counts}, of ${flags.episodes} asked for. What there is in ${flags.out} is whole; the same command goes on.`,
    );
    if (finished && episodes === 0) process.exitCode = 1;
  } finally {
    bar.stop();
    stop.dispose();
  }
});

async function whoActs(flags: Flags): Promise<{
  task: string;
  acting: Behaviour[];
  details: Record<string, string>;
}> {
  const { level, policy, run, episodes } = flags;
  if (level !== undefined) {
    if (flags.task === undefined) throw new InputError('A level is one of a task: name it with --task.');
    const { behaviours } = await import('../src/training/experts.js');
    return {
      task: flags.task,
      acting: await behaviours(flags.task, level, episodes),
      details: { level },
    };
  }
  if (policy === undefined && run === undefined)
    throw new InputError(`Say who acts: --level ${levels.join('|')}, --policy FILE or --run DIR.`);
  const chosen = await choosePolicy(flags);
  return {
    task: chosen.task,
    acting: new Array<Behaviour>(episodes).fill(chosen.policy),
    details: { level: 'policy' },
  };
}
