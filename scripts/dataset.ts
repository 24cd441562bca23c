/** `rlpd dataset info|verify DIR`: what a dataset holds, and whether it is sound. */
import { Command } from 'commander';
import { describeDataset } from '../datasets/describe.js';
import { verifyDataset } from '../datasets/verify.js';
import { formatBytes, printResult, progress } from './console.js';

interface JsonFlag {
  readonly json?: boolean;
}

export const datasetCommand = new Command('dataset').description('Look at and check datasets');

datasetCommand
  .command('info')
  .description('Print what a dataset holds, without reading its episodes')
  .argument('<dir>', "the dataset's folder")
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  rlpd dataset info data/walker-expert')
  .action(async (folder: string, { json }: JsonFlag) => {
    const info = await describeDataset(folder);
    const images =
      info.imageHeight > 0 ? `${info.imageHeight}×${info.imageWidth}×${info.imageChannels}` : 'none';
    const lines = [
      `task          ${info.task ?? 'unknown'}`,
      `source        ${info.source}${info.lossy ? ' (lossy)' : ''}`,
      `episodes      ${info.episodes}${info.complete ? '' : ' (incomplete: its writer is at work or was interrupted)'}`,
      `steps         ${info.steps} (action repeat ${info.actionRepeat})`,
      `images        ${images}${info.camera === null ? '' : `, camera ${info.camera}`}`,
      `state         ${info.stateSize}`,
      `action        ${info.actionSize}`,
      `return        ${info.returnMean === null ? '–' : `mean ${format(info.returnMean)}, std ${format(info.returnStd)}, min ${format(info.returnMin)}, median ${format(info.returnMedian)}, max ${format(info.returnMax)}`}`,
      `size          ${formatBytes(info.bytes)} in ${info.shards} shard${info.shards === 1 ? '' : 's'}, ${Math.round(info.bytesPerStep)} bytes a step (${info.codec})`,
    ];
    printResult(json, info, lines.join('\n'));
  });

datasetCommand
  .command('verify')
  .description('Read a whole dataset and list all problems; exit code 1 where there are faults')
  .argument('<dir>', "the dataset's folder")
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  rlpd dataset verify data/walker-expert')
  .action(async (folder: string, { json }: JsonFlag) => {
    const bar = progress('verifying');
    const { ok, problems } = await verifyDataset(folder, { onProgress: bar.update }).finally(bar.stop);
    const lines = problems.map(
      ({ shard, episode, severity, message }) =>
        `${[severity, shard, episode].filter((part) => part !== null).join(' · ')}: ${message}`,
    );
    printResult(
      json,
      { ok, problems },
      [...lines, ok ? 'The dataset is sound.' : 'The dataset has faults.'].join('\n'),
    );
    if (!ok) process.exitCode = 1;
  });

function format(value: number | null): string {
  return value === null ? '–' : value.toFixed(1);
}
