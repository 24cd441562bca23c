/** `rlpd actor`: plays episodes for a learner. */
import { Command, Option } from 'commander';
import { counted } from '../src/words.js';
import { note, printResult } from './console.js';
import { DriverPage, driveOption } from './driverPage.js';
import { addServerFlags, requireServer, type ServerFlags, serverAddress } from './fleetFlags.js';
import { controlRate, examples } from './settings.js';
import { stopOnSignals } from './signals.js';

interface Flags extends ServerFlags {
  readonly nats: string;
  readonly run: string;
  readonly lane?: string;
  readonly task?: string;
  readonly swap?: 'episode' | 'step';
  readonly controlHz?: number;
  readonly rewardClassifier?: string;
  readonly backend?: 'auto' | 'torch' | 'tensorflow' | 'wasm' | 'cpu';
  readonly drive?: number;
  readonly json?: boolean;
}

/** A person wants to see that something happens, and not each time. */
const EPISODES_PER_NOTE = 10;

const command = requireServer(addServerFlags(new Command('actor')))
  .requiredOption('--run <name>', "the run's name, as its learner says it")
  .option('--lane <name>', 'play what is asked of this actor by name (--lanes of rlpd learner)')
  .option(
    '--task <name>',
    "where the environment is on this machine, such as remote:HOST:PORT; default: the run's task",
  )
  .option(
    '--reward-classifier <file>',
    "where the classifier is on this machine that is the run's reward; default: where the run's settings say",
  )
  .addOption(
    new Option(
      '--swap <when>',
      'when a newer policy takes over: with the next episode (the default) or, where the learner is --mode free, step',
    ).choices(['episode', 'step']),
  )
  .addOption(
    new Option(
      '--control-hz <number>',
      "control steps a second, of which an action lasts as many as the run's action repeat, with those counted that are answered too late; default: as fast as they come",
    ).argParser(controlRate),
  )
  .addOption(
    new Option('--backend <name>', "tensor engine that acts; default: the one of the run's settings").choices(
      ['auto', 'torch', 'tensorflow', 'wasm', 'cpu'],
    ),
  )
  .addOption(driveOption())
  .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr');

export const actorCommand = examples(command, [
  'rlpd actor --nats nats://127.0.0.1:4222 --run walker',
  'rlpd actor --nats tls://nats.lab:4222 --credentials robot.creds --run cube --task remote:127.0.0.1:5555 --control-hz 10',
  'rlpd actor --nats nats://127.0.0.1:4222 --run lift --drive',
]).action(async (flags: Flags) => {
  const { nats, run, lane, task, swap, controlHz, rewardClassifier, backend, drive, json } = flags;
  const { act } = await import('../src/fleet/actor.js');
  const page = drive === undefined ? undefined : new DriverPage(drive, [], controlHz);
  const stop = stopOnSignals('the episode in progress is left to another actor');
  try {
    const result = await act({
      address: serverAddress(nats, flags),
      run,
      lane,
      task,
      swap,
      controlHz,
      rewardClassifier,
      backend,
      takeOver: page?.takeOver,
      signal: stop.signal,
      onNote: note,
      onEpisode: (done) => {
        if (done === 1 || done % EPISODES_PER_NOTE === 0) note(`${counted(done, 'episode')} played.`);
      },
    });
    const { episodes, steps, finished } = result;
    const played = `${counted(episodes, 'episode')}, ${counted(steps, 'agent step')}`;
    printResult(
      json,
      result,
      finished
        ? `The run ${run} is finished. Played ${played}.`
        : `Stopped after ${played}; the same command goes on.`,
    );
  } finally {
    await page?.close();
    stop.dispose();
  }
});
