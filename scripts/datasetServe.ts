/** `rlpd dataset serve`: the page of `rlpd serve`, opened at one dataset. */
import { Command } from 'commander';
import { portOption, type ServeFlags, serveUntilStopped } from './serve.js';
import { examples } from './settings.js';

export const datasetServeCommand = examples(
  new Command('serve')
    .description('serve the page of "rlpd serve" on this machine, opened at this dataset; Ctrl-C ends it')
    .argument('<dir>', "the dataset's folder")
    .addOption(portOption())
    .option('--json', 'print the address as one JSON object'),
  ['rlpd dataset serve data/walker-expert'],
).action(async (folder: string, flags: ServeFlags) => {
  const { openDataset } = await import('../datasets/reader.js');
  const { idOf } = await import('../src/serve/shelf.js');
  const { addressOf, datasetAddress } = await import('../src/page/address.js');
  const { folder: found } = await openDataset(folder);
  const place = addressOf(datasetAddress(idOf(found)));
  await serveUntilStopped([folder], flags, place);
});
