/**
 * `rlpd bench scaling`: how the time of an update grows with batch, ensemble, image and update-to-data ratio, beside
 * the arithmetic it does and the share of what the processor could do at most.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { BackendName, Precision } from '../../src/backend/options.js';
import type { ProcessorPeak } from '../../src/backend/torch/profile.js';
import { makeFolder } from '../../src/files/makeFolder.js';
import { chartPng, curveChartSvg } from '../../src/media/chart.js';
import { note, printResult } from '../console.js';
import { deviceOption, wholeNumber } from '../settings.js';
import { type BenchUpdateOptions, type BenchUpdateResult, benchUpdate } from './update.js';

type Obs = BenchUpdateOptions['obs'];
type Size = Pick<BenchUpdateOptions, 'batchSize' | 'ensembleSize' | 'imageSize' | 'utdRatio'>;

const usual: Size = { batchSize: 256, ensembleSize: 10, imageSize: 64, utdRatio: 1 };

/** One is varied while the others are as usual. */
const sweeps: Record<Obs, Partial<Record<keyof Size, readonly number[]>>> = {
  pixels: {
    batchSize: [64, 128, 256, 512, 1024],
    ensembleSize: [2, 5, 10, 20],
    imageSize: [64, 84, 128],
    utdRatio: [1, 2, 5, 10, 20],
  },
  state: { batchSize: [64, 256, 1024], ensembleSize: [2, 5, 10, 20], utdRatio: [1, 5, 20] },
};

const nameOf: Record<keyof Size, string> = {
  batchSize: 'batch',
  ensembleSize: 'critics',
  imageSize: 'image side',
  utdRatio: 'UTD ratio',
};

/** One update (critic step) of one size. */
export interface ScalingRow extends Size {
  readonly obs: Obs;
  readonly varied: keyof Size;
  readonly msPerUpdate: number;
  /** Of matrix products and convolutions, in billions. */
  readonly gigaflops: number;
  /** Inputs and outputs of all kernels, in GB. */
  readonly gigabytes: number;
  /** Share of the processor's peak at the precision of the products. */
  readonly shareOfPeak: number | null;
}

export interface BenchScalingResult {
  readonly backend: BackendName;
  readonly device: string;
  readonly precision: Precision;
  readonly threads: number;
  readonly peak: ProcessorPeak;
  readonly rows: readonly ScalingRow[];
}

interface Flags {
  readonly out: string;
  readonly precision: Precision | 'auto';
  readonly device?: 'auto' | 'cpu' | 'cuda';
  readonly threads?: number;
  readonly iterations: number;
  readonly json?: boolean;
}

export async function benchScaling(options: Omit<Flags, 'out' | 'json'>): Promise<BenchScalingResult> {
  const rows: ScalingRow[] = [];
  const measured = new Map<string, BenchUpdateResult>();
  let last: BenchUpdateResult | undefined;
  for (const [obs, sweep] of Object.entries(sweeps) as [Obs, (typeof sweeps)[Obs]][]) {
    for (const [varied, values] of Object.entries(sweep) as [keyof Size, readonly number[]][]) {
      for (const value of values) {
        const size = { ...usual, [varied]: value };
        const key = JSON.stringify([obs, size]);
        const result = measured.get(key) ?? (await measure(obs, size, options));
        measured.set(key, result);
        last = result;
        rows.push(rowOf(result, varied));
        note(`${obs}, ${nameOf[varied]} ${value}: ${result.msPerUpdate.toFixed(1)} ms`);
      }
    }
  }
  if (last === undefined || last.peak === null) throw new Error('Nothing was measured.');
  const { backend, device, precision, threads, peak } = last;
  return { backend, device, precision, threads, peak, rows };
}

function measure(
  obs: Obs,
  size: Size,
  { precision, device, threads, iterations }: Omit<Flags, 'out' | 'json'>,
): Promise<BenchUpdateResult> {
  return benchUpdate({
    ...size,
    obs,
    backend: 'torch',
    precision,
    device,
    threads,
    replayFrames: 4000,
    iterations,
    record: true,
    profile: true,
  });
}

function rowOf(result: BenchUpdateResult, varied: keyof Size): ScalingRow {
  const {
    obs,
    batchSize,
    ensembleSize,
    imageSize,
    utdRatio,
    msPerUpdate,
    shareOfPeak,
    kernels = [],
  } = result;
  const total = (of: 'flops' | 'bytes') => kernels.reduce((sum, kernel) => sum + kernel[of], 0) / 1e9;
  return {
    obs,
    varied,
    batchSize,
    ensembleSize,
    imageSize,
    utdRatio,
    msPerUpdate,
    gigaflops: total('flops'),
    gigabytes: total('bytes'),
    shareOfPeak,
  };
}

/** Markdown, a table for pixels and one for state. */
export function scalingTable({ rows, peak, device, precision, threads }: BenchScalingResult): string {
  const rate = (flops: number | null) =>
    flops === null ? 'not measured' : `${(flops / 1e9).toFixed(0)} GFLOP/s`;
  const lines = [
    `${device}, ${threads} threads, products in ${precision}. Peak measured in ${device === 'cuda' ? 'products of large matrices' : 'registers'}: float32 ${rate(peak.float32)}, bfloat16 ${rate(peak.bfloat16)}; memory read at ${(peak.bandwidth / 1e9).toFixed(1)} GB/s.`,
  ];
  for (const obs of Object.keys(sweeps) as Obs[]) {
    lines.push(
      '',
      `| ${obs}: batch | critics | image | UTD | ms a critic step | GFLOP | GB touched | GFLOP/s | of peak |`,
      '|---|---|---|---|---|---|---|---|---|',
    );
    for (const row of rows.filter((one) => one.obs === obs)) {
      const { batchSize, ensembleSize, imageSize, utdRatio, msPerUpdate, gigaflops, gigabytes } = row;
      const share = row.shareOfPeak === null ? '–' : `${(100 * row.shareOfPeak).toFixed(0)}%`;
      lines.push(
        `| ${batchSize} | ${ensembleSize} | ${obs === 'state' ? '–' : imageSize} | ${utdRatio} | ${msPerUpdate.toFixed(2)} | ${gigaflops.toFixed(2)} | ${gigabytes.toFixed(2)} | ${(gigaflops / (msPerUpdate / 1000)).toFixed(0)} | ${share} |`,
      );
    }
  }
  return lines.join('\n');
}

/** Time against size, both relative to the usual one, size in doublings; that of an image is its number of pixels. */
function scalingChart({ rows, device, precision }: BenchScalingResult): string {
  const amount = (row: ScalingRow) =>
    row.varied === 'imageSize' ? (row.imageSize / usual.imageSize) ** 2 : row[row.varied] / usual[row.varied];
  const curves = (Object.keys(sweeps.pixels) as (keyof Size)[]).map((varied) => {
    const chosen = rows.filter((row) => row.obs === 'pixels' && row.varied === varied);
    const base = chosen.find((row) => amount(row) === 1)?.msPerUpdate ?? Number.NaN;
    return {
      name: varied === 'imageSize' ? 'pixels of an image' : nameOf[varied],
      x: chosen.map((row) => Math.log2(amount(row))),
      mean: chosen.map((row) => row.msPerUpdate / base),
    };
  });
  return curveChartSvg({
    title: 'How the time of a critic step grows',
    subtitle: `From pixels, relative to batch 256, 10 critics, 64 px and UTD ratio 1. ${device}, ${precision}`,
    xLabel: 'doublings of the size',
    yLabel: 'time, relative',
    curves,
  });
}

export const benchScalingCommand = new Command('scaling')
  .requiredOption('--out <folder>', 'where scaling.json, scaling.md and scaling.png are written')
  .addOption(
    new Option('--precision <type>', 'what products compute in')
      .choices(['auto', 'float32', 'bfloat16'])
      .default('auto'),
  )
  .addOption(deviceOption())
  .option('--threads <n>', 'threads of the engine (default: all cores)', wholeNumber(1))
  .option('--iterations <n>', 'updates that are timed for each size', wholeNumber(1), 5)
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  rlpd bench scaling --precision float32 --out scaling')
  .action(async (flags: Flags) => {
    await makeFolder(flags.out);
    const result = await benchScaling(flags);
    const table = scalingTable(result);
    writeFileSync(join(flags.out, 'scaling.json'), `${JSON.stringify(result, null, 2)}\n`);
    writeFileSync(join(flags.out, 'scaling.md'), `${table}\n`);
    writeFileSync(join(flags.out, 'scaling.png'), await chartPng(scalingChart(result)));
    printResult(flags.json, result, table);
  });
