/** `rlpd drive`: a person drives an environment from a page, at its control rate, and keeps episodes as a dataset. */
import { Command, Option } from 'commander';
import { taskLabel } from '../envs/taskModule.js';
import type { Driven } from '../src/drive/recordDriven.js';
import { makeFolder } from '../src/files/makeFolder.js';
import { type RunConfig, runConfigShape } from '../src/training/config.js';
import { distractionOptions, distractionShape, parseCamera } from '../src/training/environmentOptions.js';
import { parseImageSize } from '../src/training/imageSettings.js';
import { counted } from '../src/words.js';
import { note, printResult } from './console.js';
import { hostOption, portOption } from './serve.js';
import { addSettings, parseSettings } from './settingFlags.js';
import { controlRate, examples, positiveNumber, wholeNumber } from './settings.js';
import { stopOnSignals } from './signals.js';

interface Flags extends Partial<Pick<RunConfig, keyof typeof distractionShape>> {
  readonly task: string;
  readonly out?: string;
  readonly actionRepeat?: number;
  readonly controlHz?: number;
  readonly seed: number;
  readonly successReward?: number;
  readonly port: number;
  readonly host: string;
  readonly json?: boolean;
}

const { cameras, imageSize } = runConfigShape;

export const driveCommand = examples(
  addSettings(
    new Command('drive')
      .requiredOption(
        '--task <name>',
        'the task: one of "rlpd tasks", a module of your own, or remote:HOST:PORT',
      )
      .option(
        '--out <folder>',
        "the dataset's folder; the same command goes on with it (default: nothing is recorded)",
      )
      .addOption(
        new Option(
          '--action-repeat <number>',
          "control steps for each action (default: the task's own)",
        ).argParser(wholeNumber(1)),
      )
      .addOption(
        new Option(
          '--control-hz <number>',
          "control steps a second, of which an action lasts as many as the action repeat (default: the environment's own)",
        ).argParser(controlRate),
      )
      .addOption(
        new Option('--seed <number>', 'episode i starts from seed + i')
          .default(0)
          .argParser(wholeNumber(0, 0xffffffff)),
      )
      .addOption(
        new Option(
          '--success-reward <number>',
          'what your mark of success adds to the last reward, which then ends the return (default: it is a mark alone)',
        ).argParser(positiveNumber),
      )
      .addOption(portOption())
      .addOption(hostOption())
      .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr'),
    { cameras, imageSize, ...distractionShape },
  ),
  [
    'rlpd drive --task arm-lift --out data/demos',
    'rlpd drive --task ./tasks/lift.mjs --cameras side,top --image-size 96 --out data/lift',
    'rlpd drive --task remote:127.0.0.1:5555 --action-repeat 1 --control-hz 10 --success-reward 1 --out data/cube',
    'rlpd drive --task walker-walk',
  ],
)
  .addHelpText(
    'after',
    '\nCtrl-C ends it. What was kept is in the dataset; the episode in progress is dropped.',
  )
  .action(async (flags: Flags) => {
    const { task, out, actionRepeat, controlHz, seed, successReward, port, host, json } = flags;
    const images = parseSettings(flags, { cameras, imageSize });
    const distraction = distractionOptions(parseSettings(flags, distractionShape));
    const { EnvironmentWorker } = await import('../envs/worker.js');
    const { DriverSeat, seatFacts } = await import('../src/drive/driverSeat.js');
    const { drive } = await import('../src/drive/recordDriven.js');
    const { servePage } = await import('../src/serve/server.js');
    const { idOf } = await import('../src/serve/shelf.js');
    const { moduleHash, recordingOptions } = await import('../src/training/recording.js');
    const environmentOptions = recordingOptions({
      task,
      behaviours: [],
      environment: {
        ...(images.imageSize !== undefined && { imageSize: parseImageSize(images.imageSize) }),
        ...(actionRepeat !== undefined && { actionRepeat }),
        ...(images.cameras && { cameras: images.cameras.map(parseCamera) }),
        ...(distraction && { distraction }),
      },
    });
    const command = {
      seed,
      successReward: successReward ?? null,
      controlHz: controlHz ?? null,
      environment: JSON.stringify(environmentOptions),
      ...(await moduleHash(task)),
    };
    const environment = await EnvironmentWorker.create(task, environmentOptions);
    const stop = stopOnSignals('the episode in progress is dropped, and what was kept is in the dataset');
    const seat = new DriverSeat(
      seatFacts(environment, out === undefined ? null : idOf(out), controlHz),
      'ready',
    );
    let server: Awaited<ReturnType<typeof servePage>> | undefined;
    try {
      if (out !== undefined) await makeFolder(out);
      server = await servePage({ folders: out === undefined ? [] : [out], host, port, seat });
      const { url } = server;
      const driven = await drive({
        ...{ environment, task, seat, seed, successReward, signal: stop.signal },
        record: out === undefined ? undefined : { folder: out, command },
        onBegin: () => note(`Drive at ${url}#/drive; Ctrl-C ends it.`),
        onEpisode: ({ length, return: earned }, kept) =>
          note(
            `Kept: ${counted(length, 'agent step')}, return ${earned.toFixed(1)}. The dataset has ${counted(kept, 'episode')}.`,
          ),
      });
      printResult(json, { task, out: out ?? null, ...driven }, drivenWords(taskLabel(task), driven, out));
    } finally {
      await server?.close();
      stop.dispose();
      await environment.close();
    }
  });

function drivenWords(task: string, driven: Driven, out: string | undefined): string {
  const { added, steps, succeeded, deadlines, missedDeadlines, episodes } = driven;
  const success = succeeded === null ? '' : `, ${succeeded} succeeded`;
  return [
    ...(out === undefined
      ? []
      : [
          `${task}: ${counted(added, 'episode')} kept, ${counted(steps, 'agent step')}${success}. The dataset in ${out} has ${counted(episodes, 'episode')}.`,
        ]),
    `${missedDeadlines} of ${counted(deadlines, 'deadline')} missed.`,
  ].join('\n');
}
