/** `rlpd render`: one picture of a task, at its start or in a configuration that is given. */
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { makeFolder } from '../src/files/makeFolder.js';
import type { RunConfig } from '../src/training/config.js';
import { distractionOptions, distractionShape, parseCamera } from '../src/training/environmentOptions.js';
import { printResult } from './console.js';
import { addSettings, parseSettings } from './settingFlags.js';
import { examples, wholeNumber } from './settings.js';

interface Flags extends Partial<Pick<RunConfig, keyof typeof distractionShape>> {
  readonly task: string;
  readonly qpos?: readonly number[];
  readonly seed: number;
  readonly size: number;
  readonly camera?: string;
  readonly out: string;
  readonly json?: boolean;
}

export const renderCommand = examples(
  addSettings(
    new Command('render')
      .requiredOption('--task <name>', 'the task, such as walker-walk')
      .addOption(
        new Option(
          '--qpos <numbers>',
          "the model's positions, separated by commas; default: an episode's start",
        ).argParser(numbers),
      )
      .addOption(
        new Option('--seed <number>', "the episode's seed").default(0).argParser(wholeNumber(0, 0xffffffff)),
      )
      .addOption(
        new Option('--size <pixels>', 'side of the picture').default(64).argParser(wholeNumber(1, 4096)),
      )
      .option('--camera <name>', "name or number of the camera (default: the task's own)")
      .requiredOption('--out <file>', 'the PNG file')
      .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr'),
    distractionShape,
  ),
  [
    'rlpd render --task walker-walk --size 256 --out walker.png',
    'rlpd render --task cartpole-swingup --qpos 0,3.14 --out frame.png',
    'rlpd render --task walker-walk --distraction hard --seed 3 --out distracted.png',
  ],
).action(async (flags: Flags) => {
  const { simulatedTask } = await import('../envs/suite/registry.js');
  const { SuiteEnvironment } = await import('../envs/suiteEnvironment.js');
  const { Distraction } = await import('../envs/wrappers/distraction.js');
  const { toSharp } = await import('../src/media/toSharp.js');
  const environment = await SuiteEnvironment.create(await simulatedTask(flags.task), flags.seed);
  try {
    if (flags.qpos === undefined) environment.reset({ seed: flags.seed });
    else environment.setPositions(flags.qpos);
    const { camera } = flags;
    const distraction = distractionOptions(parseSettings(flags, distractionShape));
    const seen =
      distraction === undefined
        ? environment
        : await Distraction.create(environment, distraction, flags.seed);
    const frame = seen.render({
      width: flags.size,
      height: flags.size,
      ...(camera !== undefined && { camera: parseCamera(camera) }),
    });
    await makeFolder(dirname(flags.out));
    await writeFile(flags.out, await toSharp(frame).png().toBuffer());
    const result = { task: flags.task, size: flags.size, out: flags.out };
    printResult(flags.json, result, `Written: ${flags.out}`);
  } finally {
    environment.close();
  }
});

function numbers(text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!values.every(Number.isFinite))
    throw new InvalidArgumentError('Expected numbers separated by commas, such as 0,3.14.');
  return values;
}
