/** `rlpd learner`: trains an agent on episodes that actors play, here or on other machines. */
import { Command, Option } from 'commander';
import { addServerFlags, optionalAddress, type ServerFlags } from './fleetFlags.js';
import { examples, positiveNumber, wholeNumber } from './settings.js';
import { addTrainingFlags, runTraining, type TrainingFlags } from './training.js';

interface Flags extends TrainingFlags, ServerFlags {
  readonly run?: string;
  readonly mode?: 'ordered' | 'free';
  readonly inFlight?: number;
  readonly lanes?: string;
  readonly planTimeout?: number;
  readonly replace?: boolean;
  readonly actors?: number;
  readonly driven?: boolean;
}

export const learnerCommand = examples(
  addTrainingFlags(
    addServerFlags(new Command('learner'))
      .option('--run <name>', "the run's name for actors; default: the folder's")
      .addOption(
        new Option('--actors <number>', 'start so many actors on this machine').argParser(
          wholeNumber(1, 256),
        ),
      )
      .addOption(
        new Option(
          '--mode <mode>',
          'how episodes are learnt from: by their numbers, so that the result does not depend on who plays them (ordered, the default), or as they arrive (free)',
        ).choices(['ordered', 'free']),
      )
      .addOption(
        new Option(
          '--in-flight <number>',
          'episodes that may be open at a time, and so how many a policy may lag behind (default: 4)',
        ).argParser(wholeNumber(1, 10_000)),
      )
      .option(
        '--lanes <names>',
        'actors by name, with commas between, that are asked in turn (rlpd actor --lane)',
      )
      .addOption(
        new Option(
          '--plan-timeout <seconds>',
          "after so long without a sign of life an actor's episode goes to another (default: 30)",
        ).argParser(positiveNumber),
      )
      .option(
        '--driven',
        'people may take over at actors (rlpd actor --drive): keep room in the prior data for what they do, in a simulation too',
      )
      .option('--replace', 'let the server forget another run of this name'),
  ),
  [
    'rlpd learner --task walker-walk --preset online-only --actors 4 --out runs/a',
    'rlpd learner --out runs/a --resume --actors 4',
    'rlpd learner --task walker-walk --preset online-only --nats nats://127.0.0.1:4222 --out runs/b',
    'rlpd learner --task walker-walk --dataset data/walker --mode free --nats tls://nats.lab:4222 --credentials learner.creds --out runs/c',
  ],
).action((options: Flags & Record<string, unknown>) =>
  runTraining(
    options,
    async () => {
      const { learn } = await import('../src/fleet/learner.js');
      const { run, mode, inFlight, lanes, planTimeout, replace, actors, driven } = options;
      const address = optionalAddress(options);
      return (training) =>
        learn({
          ...training,
          address,
          name: run,
          mode,
          inFlight,
          lanes: lanes?.split(','),
          planSeconds: planTimeout,
          replaces: replace,
          isDriven: driven,
          actors,
        });
    },
    `rlpd learner ${options.nats === undefined ? `--actors ${options.actors}` : '--nats …'}`,
  ),
);
