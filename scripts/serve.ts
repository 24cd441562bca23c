/** `rlpd serve`: a page on which to watch runs and look through datasets, until it is stopped. */
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { InputError } from '../src/errors.js';
import { note, printResult } from './console.js';
import { examples, wholeNumber } from './settings.js';
import { stopOnSignals } from './signals.js';

export interface ServeFlags {
  readonly port: number;
  readonly host?: string;
  readonly json?: boolean;
}

/** Where runs, datasets and studies lie unless people say otherwise. */
const usualFolders = ['runs', 'data', 'results'];

export function portOption(): Option {
  return new Option('--port <number>', 'port to listen on; 0: any that is free')
    .default(8017)
    .argParser(wholeNumber(0, 65535));
}

export function hostOption(): Option {
  return new Option(
    '--host <address>',
    'address to listen on; any but the loopback address asks for the token that is then printed',
  ).default('127.0.0.1');
}

export const serveCommand = examples(
  new Command('serve')
    .argument(
      '[folders...]',
      `folders of runs and datasets, or one that holds them; default: those of ${usualFolders.join(', ')} that are here`,
    )
    .addOption(portOption())
    .addOption(hostOption())
    .option('--json', 'print the address as one JSON object'),
  ['rlpd serve', 'rlpd serve runs/walker data/walker-expert', 'rlpd serve runs --host 0.0.0.0 --port 8080'],
).action(async (folders: readonly string[], flags: ServeFlags) => {
  await serveUntilStopped(folders.length > 0 ? folders : await foldersHere(), flags, '');
});

/** @param place the fragment of the address: what the page opens with */
export async function serveUntilStopped(
  folders: readonly string[],
  { port, host = '127.0.0.1', json }: ServeFlags,
  place: string,
): Promise<void> {
  const { servePage } = await import('../src/serve/server.js');
  const server = await servePage({ folders, host, port });
  const stop = stopOnSignals('the server ends');
  try {
    const url = `${server.url}${place}`;
    printResult(json, { url }, `The page is at ${url}`);
    note('Ctrl-C ends the server.');
    if (!stop.signal.aborted) await once(stop.signal, 'abort');
  } finally {
    await server.close();
    stop.dispose();
  }
}

async function foldersHere(): Promise<string[]> {
  const found = await Promise.all(
    usualFolders.map(async (folder) => ((await stat(folder).catch(() => null)) === null ? [] : [folder])),
  );
  if (found.flat().length === 0)
    throw new InputError(
      `There is no ${usualFolders.join(', no ')} here: name a folder that holds runs or datasets, such as "rlpd serve experiments".`,
    );
  return found.flat();
}
