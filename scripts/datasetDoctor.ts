/** `rlpd dataset doctor`: whether a dataset fits the environment it is meant for, finding by finding. */
import { Command, Option } from 'commander';
import type { Examination } from '../datasets/doctor/examine.js';
import { InputError } from '../src/errors.js';
import { runConfigShape } from '../src/training/config.js';
import { parseCamera } from '../src/training/environmentOptions.js';
import { parseImageSize } from '../src/training/imageSettings.js';
import { printResult } from './console.js';
import { addSettings, parseSettings } from './settingFlags.js';
import { examples, wholeNumber } from './settings.js';

interface Flags {
  readonly task?: string;
  readonly obs?: 'pixels' | 'state' | 'both';
  readonly actionRepeat?: number;
  readonly imageSize?: number | string;
  readonly cameras?: readonly string[];
  readonly episodes: number;
  readonly json?: boolean;
}

const { obs, actionRepeat, imageSize, cameras } = runConfigShape;

export const datasetDoctorCommand = examples(
  addSettings(
    new Command('doctor')
      .description(
        'hold a dataset against the environment it is meant for; exit code 1 where it does not fit',
      )
      .argument('<dir>', "the dataset's folder")
      .option('--task <name>', "the environment's task, as train takes it; default: the dataset's")
      .addOption(
        new Option('--episodes <n>', 'episodes to read, spread over the dataset')
          .default(20)
          .argParser(wholeNumber(1)),
      )
      .option('--json', 'print the result as one JSON object'),
    { obs, actionRepeat, imageSize, cameras },
  ),
  [
    'rlpd dataset doctor data/walker-expert --task walker-walk',
    'rlpd dataset doctor data/cube --task remote:127.0.0.1:5555 --action-repeat 1 --obs both',
  ],
).action(async (folder: string, flags: Flags) => {
  const { readManifest } = await import('../datasets/manifest.js');
  const { examineDataset } = await import('../datasets/doctor/examine.js');
  const task = flags.task ?? (await readManifest(folder)).task;
  if (task === null)
    throw new InputError(`${folder} does not say which task it is of: name one with --task.`);
  const size = parseSettings(flags, { imageSize }).imageSize;
  const examination = await examineDataset(folder, {
    task,
    observations: flags.obs ?? obs.parse(undefined),
    actionRepeat: flags.actionRepeat,
    ...(size !== undefined && { imageSize: parseImageSize(size) }),
    ...(flags.cameras && { cameras: flags.cameras.map(parseCamera) }),
    episodes: flags.episodes,
  });
  printResult(flags.json, examination, summary(examination).join('\n'));
  if (!examination.fits) process.exitCode = 1;
});

function summary({
  task,
  fits,
  findings,
  values,
  pictures,
  motion,
  skipped,
  episodesRead,
}: Examination): string[] {
  const lines = findings.map(
    ({ severity, check, message, fix }) =>
      `${severity === 'misfit' ? 'MISFIT' : 'doubt'} · ${check}: ${message}. To do: ${fix}.`,
  );
  if (values !== null)
    lines.push(
      `Actions go from ${values.actionMin.toFixed(2)} to ${values.actionMax.toFixed(2)}, rewards from ${values.rewardMin.toPrecision(3)} to ${values.rewardMax.toPrecision(3)} a step.`,
    );
  if (pictures !== null)
    lines.push(
      `Images differ from the environment's by ${pictures.difference.toFixed(2)} grey levels (${pictures.method}, ${pictures.images} images).`,
    );
  if (motion !== null)
    lines.push(
      `At the start images change by ${motion.recorded.toFixed(2)} grey levels a step; the environment's by ${Object.entries(
        motion.own,
      )
        .map(([repeat, speed]) => `${speed.toFixed(2)} at action repeat ${repeat}`)
        .join(', ')}.`,
    );
  const verdict = fits
    ? findings.length === 0
      ? `The dataset fits ${task}`
      : `The dataset can be used for ${task}, with ${findings.length} doubt${findings.length === 1 ? '' : 's'}`
    : `The dataset does not fit ${task}`;
  return [...lines, ...skipped, `${verdict} (${episodesRead} episodes read).`];
}
