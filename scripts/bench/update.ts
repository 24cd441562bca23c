/**
 * `rlpd bench update`: the time of one update of the agent, from sampled numbers to moved weights, on a replay
 * filled with random images. One update is one critic step; the actor's and the temperature's step are shared out
 * over the critic steps of an agent step (`utdRatio`).
 */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { ObservationSpace } from '../../envs/environment.js';
import { RlpdAgent } from '../../src/agent/agent.js';
import { parseAgentConfig } from '../../src/agent/config.js';
import { type BackendName, backendNames, type Precision } from '../../src/backend/options.js';
import { selectBackend } from '../../src/backend/select.js';
import {
  chromeTrace,
  type KernelCallTime,
  type KernelTotal,
  kernelTotals,
  type ProcessorPeak,
  processorPeak,
  profileKernels,
} from '../../src/backend/torch/profile.js';
import { InputError } from '../../src/errors.js';
import { Generator } from '../../src/random/generator.js';
import type { Batch, BatchObservation, FrameGather } from '../../src/replay/batch.js';
import { FrameMemory } from '../../src/replay/frameMemory.js';
import { note, printResult } from '../console.js';
import { deviceOption, wholeNumber } from '../settings.js';

/** Sizes of walker-walk, which the published figures are about. */
const actionSize = 6;
const stateSize = 24;
const frameStack = 3;
const channels = 3;

export interface BenchUpdateOptions {
  readonly backend: BackendName | 'auto';
  readonly precision: Precision | 'auto';
  readonly device?: 'auto' | 'cpu' | 'cuda' | undefined;
  readonly replayDevice?: 'auto' | 'cpu' | 'cuda' | undefined;
  readonly threads?: number | undefined;
  readonly obs: 'pixels' | 'state';
  readonly batchSize: number;
  readonly ensembleSize: number;
  readonly imageSize: number;
  readonly utdRatio: number;
  /** Images in the replay. */
  readonly replayFrames: number;
  readonly iterations: number;
  readonly record: boolean;
  /** Torch only: takes the time of every kernel; a file's name gets them as a Chrome trace. */
  readonly profile?: boolean | string | undefined;
}

export interface BenchUpdateResult {
  readonly backend: BackendName;
  readonly device: string;
  readonly precision: Precision;
  readonly threads: number;
  readonly recorded: boolean;
  readonly obs: 'pixels' | 'state';
  readonly batchSize: number;
  readonly ensembleSize: number;
  readonly imageSize: number;
  readonly utdRatio: number;
  /** Median over the iterations, after the first two. */
  readonly msPerUpdate: number;
  readonly updatesPerSecond: number;
  /** Greatest resident memory of the process so far. */
  readonly peakMemoryMB: number;
  /**
   * Milliseconds of an update's products and convolutions alone, at the rate that this process measured of independent
   * multiply-adds in registers; null where the engine has no instructions of its own for them.
   */
  readonly limitMs: number | null;
  /** `limitMs` of `msPerUpdate`. */
  readonly shareOfPeak: number | null;
  /** What the limit is worked out with. */
  readonly peak: ProcessorPeak | null;
  /** With `profile`: calls, milliseconds, arithmetic and bytes of one update, by kernel. */
  readonly kernels?: readonly KernelTotal[];
}

export async function benchUpdate(options: BenchUpdateOptions): Promise<BenchUpdateResult> {
  const { backend, device, precision, threads, note: taken } = await selectBackend(options);
  note(taken);
  if (options.profile && backend !== 'torch')
    throw new InputError(
      `Kernel times are taken of the torch engine only, not of ${backend}: leave --profile out.`,
    );
  const state = options.obs === 'state';
  const config = parseAgentConfig({
    batchSize: options.batchSize,
    ensembleSize: options.ensembleSize,
    utdRatio: options.utdRatio,
    ...(state ? { targetSubset: Math.min(2, options.ensembleSize), entropyBackup: true } : {}),
  });
  const agent = RlpdAgent.create({ config, observationSpace: spaceOf(options), actionSize, seed: 0 });
  const source = new BatchSource(options);
  const times: number[] = [];
  const update = async (): Promise<void> => {
    const batch = source.next();
    const start = performance.now();
    await agent.update(batch);
    times.push((performance.now() - start) / options.utdRatio);
  };
  // The first run records and the second is the first replay: both are set-up.
  await update();
  await update();
  times.length = 0;
  for (let i = 0; i < options.iterations; i++) await update();
  const msPerUpdate = median(times);
  const calls = backend === 'torch' ? await profileKernels(update) : undefined;
  agent.dispose();
  const peakMemoryMB = process.resourceUsage().maxRSS / 1024;
  const peak = calls ? processorPeak() : null;
  const flops = (calls ?? []).reduce((sum, call) => sum + call.flops, 0) / options.utdRatio;
  const rate = peak?.[precision] ?? null;
  const limitMs = rate === null ? null : (1000 * flops) / rate;
  return {
    backend,
    device,
    precision,
    threads,
    recorded: backend === 'torch' && options.record,
    obs: options.obs,
    batchSize: options.batchSize,
    ensembleSize: options.ensembleSize,
    imageSize: options.imageSize,
    utdRatio: options.utdRatio,
    msPerUpdate,
    updatesPerSecond: 1000 / msPerUpdate,
    peakMemoryMB,
    limitMs,
    shareOfPeak: limitMs === null ? null : limitMs / msPerUpdate,
    peak,
    ...(options.profile && calls && { kernels: reportProfile(calls, options) }),
  };
}

/** Writes the trace, and gives the totals of one update (one critic step, at a larger ratio). */
function reportProfile(calls: readonly KernelCallTime[], options: BenchUpdateOptions): KernelTotal[] {
  if (typeof options.profile === 'string') writeFileSync(options.profile, JSON.stringify(chromeTrace(calls)));
  return kernelTotals(calls).map(({ kernel, factors, calls, milliseconds, flops, bytes }) => ({
    kernel,
    factors,
    calls: calls / options.utdRatio,
    milliseconds: milliseconds / options.utdRatio,
    flops: flops / options.utdRatio,
    bytes: bytes / options.utdRatio,
  }));
}

function spaceOf({ obs, imageSize }: BenchUpdateOptions): ObservationSpace {
  return obs === 'state'
    ? {
        images: [],
        state: {
          shape: [stateSize],
          low: Number.NEGATIVE_INFINITY,
          high: Number.POSITIVE_INFINITY,
          dtype: 'float32',
        },
      }
    : { images: [{ name: 'image', height: imageSize, width: imageSize, channels, frameStack }] };
}

/** Random batches, half of their images from each of two memories. */
class BatchSource {
  readonly #options: BenchUpdateOptions;
  readonly #random = new Generator(0);
  readonly #memories: readonly FrameMemory[];

  constructor(options: BenchUpdateOptions) {
    this.#options = options;
    this.#memories = options.obs === 'state' ? [] : [0, 1].map(() => this.#filledMemory());
  }

  next(): Batch {
    const { batchSize, utdRatio } = this.#options;
    const rows = batchSize * utdRatio;
    return {
      size: batchSize,
      minibatches: utdRatio,
      observation: this.#observation(rows),
      nextObservation: this.#observation(rows),
      actions: Float32Array.from({ length: rows * actionSize }, () => this.#random.uniform(-1, 1)),
      rewards: Float32Array.from({ length: rows }, () => this.#random.uniform(0, 1)),
      discounts: new Float32Array(rows).fill(0.99),
      prior: new Float32Array(rows),
    };
  }

  #observation(rows: number): BatchObservation {
    if (this.#options.obs === 'state')
      return { images: [], state: this.#random.fillNormal(new Float32Array(rows * stateSize)) };
    const integers = (length: number, below: number) =>
      Int32Array.from({ length }, () => this.#random.integer(below));
    const half = Math.floor(this.#options.batchSize / 2);
    const image: FrameGather = {
      memories: this.#memories,
      counts: [this.#options.batchSize - half, half],
      frames: integers(rows * frameStack, this.#framesEach()),
      shifts: integers(rows * 2, 9),
    };
    return { images: [image] };
  }

  #framesEach(): number {
    return Math.max(1, Math.floor(this.#options.replayFrames / 2));
  }

  /** One random image over and over, each time begun elsewhere: what is in the images costs nothing. */
  #filledMemory(): FrameMemory {
    const bytes = this.#options.imageSize ** 2 * channels;
    const noise = Uint8Array.from({ length: 2 * bytes }, () => this.#random.integer(256));
    const memory = new FrameMemory(bytes, this.#framesEach());
    for (let i = 0; i < this.#framesEach(); i++) {
      const start = this.#random.integer(bytes);
      memory.write(i, noise.subarray(start, start + bytes));
    }
    return memory;
  }
}

/** Billions a second. */
function perSecond(amount: number, milliseconds: number): string {
  return (amount / milliseconds / 1e6).toFixed(1).padStart(6);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

export const benchUpdateCommand = new Command('update')
  .addOption(
    new Option('--backend <name>', 'tensor engine').choices(['auto', ...backendNames]).default('auto'),
  )
  .addOption(
    new Option('--precision <type>', 'what products compute in')
      .choices(['auto', 'float32', 'bfloat16'])
      .default('auto'),
  )
  .addOption(deviceOption())
  .addOption(
    new Option('--replay-device <name>', "where a GPU finds the replay's images")
      .choices(['auto', 'cpu', 'cuda'])
      .default('auto'),
  )
  .option('--threads <n>', 'threads of the torch engine (default: all cores)', wholeNumber(1))
  .addOption(new Option('--obs <kind>', 'what the agent sees').choices(['pixels', 'state']).default('pixels'))
  .option('--batch-size <n>', 'transitions of one critic step', wholeNumber(1), 256)
  .option('--ensemble-size <n>', 'critics', wholeNumber(1), 10)
  .option('--image-size <n>', 'side of the images in pixels', wholeNumber(1), 64)
  .option('--utd-ratio <n>', 'critic steps for each actor step', wholeNumber(1), 1)
  .option('--replay-frames <n>', 'images in the replay', wholeNumber(1), 20_000)
  .option('--iterations <n>', 'updates that are timed', wholeNumber(1), 20)
  .option('--no-record', 'run eagerly, without recording and replaying the update')
  .option('--profile [file]', 'time of every kernel (torch), as a table; FILE gets a Chrome trace')
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  rlpd bench update --precision float32 --batch-size 128')
  .action(async (options: BenchUpdateOptions & { json?: boolean }) => {
    const result = await benchUpdate(options);
    printResult(options.json, result, [...profileLines(result), summaryLine(result)].join('\n'));
  });

/** The kernels, costliest first; those below a thousandth of the update together. */
function profileLines({ kernels = [], peak, precision, msPerUpdate }: BenchUpdateResult): string[] {
  const most = peak?.[precision] ?? null;
  const least = msPerUpdate / 1000;
  const large = kernels.filter(({ milliseconds }) => milliseconds >= least);
  const small = kernels.filter(({ milliseconds }) => milliseconds < least);
  const total = (of: 'milliseconds' | 'calls'): number => small.reduce((sum, kernel) => sum + kernel[of], 0);
  const line = (milliseconds: number, calls: number, name: string, rates: string) =>
    `${milliseconds.toFixed(2).padStart(8)} ms ${calls.toFixed(1).padStart(6)} × ${name.padEnd(60)}${rates}`.trimEnd();
  return [
    ...large.map(({ kernel, factors, calls, milliseconds, flops, bytes }) => {
      const share =
        most === null ? '' : ` ${((100 * flops * 1000) / milliseconds / most).toFixed(0)}% of peak`;
      const rates =
        flops > 0
          ? `${perSecond(flops, milliseconds)} GFLOP/s${share}`
          : `${perSecond(bytes, milliseconds)} GB/s`;
      return line(milliseconds, calls, `${kernel} ${factors}`, rates);
    }),
    ...(small.length > 0 ? [line(total('milliseconds'), total('calls'), 'others', '')] : []),
  ];
}

function summaryLine(result: BenchUpdateResult): string {
  const { msPerUpdate, updatesPerSecond, peakMemoryMB, limitMs, shareOfPeak } = result;
  const limit =
    limitMs === null || shareOfPeak === null
      ? ''
      : `; its arithmetic alone takes ${limitMs.toFixed(1)} ms at the measured peak (${(100 * shareOfPeak).toFixed(0)}%)`;
  return `${msPerUpdate.toFixed(1)} ms an update, ${updatesPerSecond.toFixed(1)} updates a second${limit}; ${Math.round(peakMemoryMB)} MB at most`;
}
