/** `rlpd dataset serve`: a page that scrubs through a dataset's episodes, until it is stopped. */
import { once } from 'node:events';
import { Command, Option } from 'commander';
import { note, printResult } from './console.js';
import { examples, wholeNumber } from './settings.js';
import { stopOnSignals } from './signals.js';

interface Flags {
  readonly port: number;
  readonly json?: boolean;
}

export const datasetServeCommand = examples(
  new Command('serve')
    .description('serve a page on this machine that scrubs through episodes frame by frame; Ctrl-C ends it')
    .argument('<dir>', "the dataset's folder")
    .addOption(
      new Option('--port <number>', 'port to listen on; 0: any that is free')
        .default(8017)
        .argParser(wholeNumber(0, 65535)),
    )
    .option('--json', 'print the address as one JSON object'),
  ['rlpd dataset serve data/walker-expert'],
).action(async (folder: string, { port, json }: Flags) => {
  const { serveDataset } = await import('./datasetServer.js');
  const server = await serveDataset(folder, port);
  const stop = stopOnSignals('the server ends');
  try {
    printResult(json, { url: server.url }, `The dataset is at ${server.url}`);
    note('Ctrl-C ends the server.');
    if (!stop.signal.aborted) await once(stop.signal, 'abort');
  } finally {
    await server.close();
    stop.dispose();
  }
});
