/** `rlpd dataset info|verify|doctor|preview|serve|edit|export`: what a dataset holds, whether it is sound, what it looks like; parts of it; and out. */

import { join } from 'node:path';
import { Argument, Command } from 'commander';
import type { Exporter } from '../datasets/exporters/exportDataset.js';
import { formatBytes } from '../src/words.js';
import { note, printResult, progress } from './console.js';
import { datasetDoctorCommand } from './datasetDoctor.js';
import { datasetEditCommand } from './datasetEdit.js';
import { datasetServeCommand } from './datasetServe.js';
import { examples, wholeNumber } from './settings.js';

interface JsonFlag {
  readonly json?: boolean;
}

/** What a command works with is loaded when it acts: none needs what the others do, and help needs nothing. */
export const datasetCommand = new Command('dataset');

examples(
  datasetCommand
    .command('info')
    .description('print what a dataset holds, without reading its episodes')
    .argument('<dir>', "the dataset's folder")
    .option('--json', 'print the result as one JSON object'),
  ['rlpd dataset info data/walker-expert'],
).action(async (folder: string, { json }: JsonFlag) => {
  const { describeDataset } = await import('../datasets/describe.js');
  const info = await describeDataset(folder);
  const images = info.images.map(
    ({ name, height, width, channels }) => `${name} ${height}×${width}×${channels}`,
  );
  const why =
    info.episodes === 0
      ? 'nothing has been written yet, or all was left out'
      : 'its writer is at work or was interrupted';
  const lines = [
    `task          ${info.task ?? 'unknown'}`,
    `source        ${info.source}${info.lossy ? ' (lossy)' : ''}`,
    `episodes      ${info.episodes}${info.complete ? '' : ` (incomplete: ${why})`}`,
    `steps         ${info.steps} (action repeat ${info.actionRepeat})`,
    `images        ${images.join(', ') || 'none'}`,
    `state         ${info.stateSize}`,
    `action        ${info.actionSize}${info.actionBox === null ? '' : `, in ${boxText(info.actionBox)}`}`,
    `level         ${info.level ?? 'unknown'}`,
    `return        ${info.returnMean === null ? '–' : info.episodes === 1 ? format(info.returnMean) : `mean ${format(info.returnMean)}, std ${format(info.returnStd)}, min ${format(info.returnMin)}, median ${format(info.returnMedian)}, max ${format(info.returnMax)}`}`,
    `size          ${formatBytes(info.bytes)} in ${info.shards} shard${info.shards === 1 ? '' : 's'}, ${Math.round(info.bytesPerStep)} bytes a step (${info.codec})`,
  ];
  if (info.vd4rlClonedReturn !== null)
    lines.push(
      `V-D4RL        a policy cloned from its data returns ${Object.entries(info.vd4rlClonedReturn)
        .map(([level, value]) => `${value} (${level})`)
        .join(', ')}`,
    );
  printResult(json, info, lines.join('\n'));
});

/** `[−1, 1]`, or the ends dimension by dimension. */
function boxText({
  low,
  high,
}: {
  readonly low: readonly number[];
  readonly high: readonly number[];
}): string {
  const ranges = low.map((end, i) => `[${end}, ${high[i]}]`);
  return new Set(ranges).size === 1 ? `${ranges[0]}` : ranges.join(' × ');
}

examples(
  datasetCommand
    .command('upgrade')
    .description('write a dataset of an older format version anew in the present one')
    .argument('<dir>', "the dataset's folder")
    .requiredOption('--out <folder>', 'where the new one goes')
    .option('--json', 'print the result as one JSON object'),
  ['rlpd dataset upgrade data/old --out data/new'],
).action(async (folder: string, { out, json }: JsonFlag & { readonly out: string }) => {
  const { upgradeDataset } = await import('../datasets/upgrade.js');
  const result = await upgradeDataset(folder, out);
  printResult(
    json,
    result,
    `${result.episodes} episodes of format version ${result.from} are in ${out} as version ${result.to}.`,
  );
});

examples(
  datasetCommand
    .command('verify')
    .description('read a whole dataset and list all problems; exit code 1 where there are faults')
    .argument('<dir>', "the dataset's folder")
    .option('--json', 'print the result as one JSON object'),
  ['rlpd dataset verify data/walker-expert'],
).action(async (folder: string, { json }: JsonFlag) => {
  const { verifyDataset } = await import('../datasets/verify.js');
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

examples(
  datasetCommand
    .command('preview')
    .description('write a contact sheet, histograms of returns and actions, and a video of episodes')
    .argument('<dir>', "the dataset's folder")
    .option('--out <dir>', "folder for the pictures; default: preview in the dataset's folder")
    .option('--episodes <n>', 'episodes to show, from the worst to the best', wholeNumber(1), 4)
    .option('--json', 'print the result as one JSON object'),
  ['rlpd dataset preview data/walker-expert --episodes 6'],
).action(async (folder: string, flags: JsonFlag & { out?: string; episodes: number }) => {
  const { previewDataset } = await import('./datasetPreview.js');
  const preview = await previewDataset(folder, flags.out ?? join(folder, 'preview'), flags.episodes);
  printResult(flags.json, preview, preview.files.join('\n'));
});

datasetCommand.addCommand(datasetDoctorCommand);
datasetCommand.addCommand(datasetServeCommand);
datasetCommand.addCommand(datasetEditCommand);

const exporters = {
  vd4rl: async () => (await import('../datasets/exporters/vd4rl.js')).exportVd4rl,
  minari: async () => (await import('../datasets/exporters/minari.js')).exportMinari,
  lerobot: async () => (await import('../datasets/exporters/lerobot.js')).exportLerobot,
  frames: async () => (await import('../datasets/exporters/frames.js')).exportFrames,
} satisfies Record<string, () => Promise<Exporter>>;

examples(
  datasetCommand
    .command('export')
    .description('write a dataset in a format that other programs read')
    .addArgument(
      new Argument(
        '<format>',
        'vd4rl: .npz files; minari: its HDF5 layout; lerobot: v3, PNG in parquet; frames: PNG files and CSV',
      ).choices(Object.keys(exporters)),
    )
    .argument('<dir>', "the dataset's folder")
    .requiredOption('--out <dir>', 'folder to write, new or empty')
    .option('--json', 'print the result as one JSON object'),
  [
    'rlpd dataset export vd4rl data/walker-expert --out walker-npz',
    'rlpd dataset export lerobot data/walker-expert --out walker-lerobot',
  ],
).action(
  async (format: keyof typeof exporters, folder: string, { out, json }: JsonFlag & { out: string }) => {
    const { exportDataset } = await import('../datasets/exporters/exportDataset.js');
    const open = await exporters[format]();
    const bar = progress('exporting');
    const report = await exportDataset(folder, out, open, bar.update).finally(bar.stop);
    const box = format === 'minari' ? null : await ownBox(folder);
    if (box !== null)
      note(
        `Actions are written in [−1, 1], as they are here; in the environment's units that is ${box}, by number of the action.`,
      );
    printResult(json, report, `Wrote ${report.episodes} episodes (${report.steps} steps) to ${out}.`);
  },
);

/** What −1 and 1 are in the environment's units, where that is known and something else: LOW:HIGH,… */
async function ownBox(folder: string): Promise<string | null> {
  const { readManifest } = await import('../datasets/manifest.js');
  const { actionBox } = await readManifest(folder);
  if (actionBox === null) return null;
  const ranges = actionBox.low.map((low, i) => `${low}:${actionBox.high[i]}`);
  return ranges.every((range) => range === '-1:1') ? null : ranges.join(',');
}

function format(value: number | null): string {
  return value === null ? '–' : value.toFixed(1);
}
