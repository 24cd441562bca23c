/** `rlpd worker`: plays runs of studies. */
import { Command } from 'commander';
import { counted } from '../src/words.js';
import { note, printResult } from './console.js';
import { addServerFlags, requireServer, type ServerFlags, serverAddress } from './fleetFlags.js';
import { examples } from './settings.js';
import { stopOnSignals } from './signals.js';

interface Flags extends ServerFlags {
  readonly nats: string;
  readonly exitWhenEmpty?: boolean;
  readonly work: string;
  readonly json?: boolean;
}

export const workerCommand = examples(
  requireServer(
    addServerFlags(new Command('worker'))
      .option('--exit-when-empty', 'end where no run waits and no other worker may have left one behind')
      .option('--work <folder>', 'where runs in progress and data lie', 'runs/worker')
      .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr'),
  ),
  [
    'rlpd worker --nats nats://127.0.0.1:4222',
    'rlpd worker --nats tls://nats.lab:4222 --credentials worker.creds --exit-when-empty',
  ],
).action(async (flags: Flags) => {
  const { nats, exitWhenEmpty, work: folder, json } = flags;
  const { work } = await import('../src/fleet/worker.js');
  const stop = stopOnSignals('the run in hand goes to another worker, from a checkpoint that is sent first');
  try {
    const result = await work({
      address: serverAddress(nats, flags),
      folder,
      exitWhenEmpty,
      signal: stop.signal,
      onNote: note,
    });
    const { played, failed, finished } = result;
    printResult(
      json,
      result,
      `${finished ? 'No run waits any more.' : 'Stopped.'} ${counted(played, 'run')} played, ${failed} failed.`,
    );
  } finally {
    stop.dispose();
  }
});
