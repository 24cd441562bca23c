/** What the demos' commands have in common: their options, one at a time in a folder, and how they end. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { acquireLock } from '../../src/files/lock.js';
import { makeFolder } from '../../src/files/makeFolder.js';
import { note } from '../console.js';
import { reportFailure } from '../failure.js';
import { wholeNumber } from '../settings.js';
import { stopOnSignals } from '../signals.js';
import { beStrict } from '../strictUsage.js';
import { Stopped } from './stages.js';

export interface DemoFlags {
  readonly out: string;
  readonly seed: number;
  readonly backend: 'auto' | 'torch' | 'tensorflow' | 'wasm';
  readonly json?: boolean;
}

export interface DemoOptions {
  readonly name: string;
  readonly description: string;
  /** Default of `--out`. */
  readonly folder: string;
  /** Plays the demo. @throws Stopped soon after the signal */
  readonly play: (flags: DemoFlags, signal: AbortSignal) => Promise<void>;
}

/** Reads the command line, and plays the demo. */
export async function runDemo({ name, description, folder, play }: DemoOptions): Promise<void> {
  const command = new Command(name)
    .description(description)
    .option('--out <folder>', 'where the runs, pictures and the report go', folder)
    .addOption(
      new Option('--seed <number>', 'seed of everything random').default(0).argParser(wholeNumber(0, 1e9)),
    )
    .addOption(
      new Option('--backend <name>', 'tensor engine')
        .choices(['auto', 'torch', 'tensorflow', 'wasm'])
        .default('auto'),
    )
    .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr')
    .action(async (flags: DemoFlags) => {
      await makeFolder(flags.out);
      // What an earlier demo left is cleared away: not while one is at work.
      const lock = await acquireLock(join(flags.out, 'lock.json'), `The demo in ${flags.out}`);
      const stop = stopOnSignals('the demo');
      try {
        await play(flags, stop.signal);
      } catch (error) {
        if (!(error instanceof Stopped)) throw error;
        note(`Stopped. What there is so far is in ${flags.out}.`);
        process.exitCode = 130;
      } finally {
        await lock.release();
        stop.dispose();
      }
    });
  beStrict(command);
  await command.parseAsync().catch((error: unknown) => {
    process.exitCode = reportFailure(error);
  });
}
