/**
 * `rlpd bench dataset`: size and speed of every codec on images of a task (random actions that last, so that the
 * body moves), and the speed of reading a dataset of them from disk.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { FramesShape } from '../../datasets/codecs/frameCodec.js';
import { type CodecName, codecNames, codecs, DEFAULT_CODEC } from '../../datasets/codecs/registry.js';
import { openDataset } from '../../datasets/reader.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { Generator } from '../../src/random/generator.js';
import { formatBytes } from '../../src/words.js';
import { note, printResult } from '../console.js';
import { examples, wholeNumber } from '../settings.js';

interface CodecFigures {
  readonly codec: CodecName;
  readonly bytesPerFrame: number;
  /** Packed size over that of NumPy's `savez_compressed` (the codec npy-deflate). */
  readonly sizeToNpz: number;
  /** Pixels in, for each second of processor time: what one core does, whatever else the machine is doing. */
  readonly encodeMegabytesPerCoreSecond: number;
  readonly decodeMegabytesPerCoreSecond: number;
  /** Pixels out by the clock, decoding episodes on all cores. */
  readonly decodeGigabytesPerSecond: number;
}

export interface BenchDatasetResult {
  readonly task: string;
  readonly imageSize: number;
  readonly frames: number;
  readonly cores: number;
  readonly codecs: readonly CodecFigures[];
  /** Reading a dataset in the default codec, from a file that the system has cached. */
  readonly read: { readonly framesPerSecond: number; readonly gigabytesPerSecond: number };
}

interface BenchFlags {
  readonly task: string;
  readonly imageSize: number;
  readonly frames: number;
  readonly json?: boolean;
}

/** Timings are medians of so many. */
const REPEATS = 5;

export const benchDatasetCommand = examples(
  new Command('dataset')
    .option('--task <name>', 'task whose images are packed', 'walker-walk')
    .option('--image-size <pixels>', 'side of the images', wholeNumber(1, 4096), 64)
    .option('--frames <n>', 'images of an episode', wholeNumber(2, 100_000), 501)
    .option('--json', 'print the result as one JSON object'),
  ['rlpd bench dataset', 'rlpd bench dataset --task cheetah-run --image-size 84'],
).action(async ({ task, imageSize, frames, json }: BenchFlags) => {
  const result = await benchDataset(task, imageSize, frames);
  const rows = result.codecs.map(
    (figures) =>
      `| ${figures.codec} | ${Math.round(figures.bytesPerFrame)} | ${figures.sizeToNpz.toFixed(2)} | ${speed(figures.encodeMegabytesPerCoreSecond)} | ${speed(figures.decodeMegabytesPerCoreSecond)} | ${figures.codec === 'raw' ? '–' : figures.decodeGigabytesPerSecond.toFixed(2)} |`,
  );
  const text = [
    `${task}, ${imageSize} px, ${frames} frames an episode (${formatBytes(frames * imageSize * imageSize * 3)}), ${result.cores} cores`,
    '| codec | bytes a frame | size to npz | encode, MB/s a core | decode, MB/s a core | decode, GB/s on all cores |',
    '|---|---|---|---|---|---|',
    ...rows,
    `Reading a dataset (${DEFAULT_CODEC}): ${Math.round(result.read.framesPerSecond)} frames/s, ${result.read.gigabytesPerSecond.toFixed(2)} GB/s of pixels.`,
  ];
  printResult(json, result, text.join('\n'));
});

export async function benchDataset(
  task: string,
  imageSize: number,
  frames: number,
): Promise<BenchDatasetResult> {
  const pixels = await recordFrames(task, imageSize, frames);
  const shape = { frames, height: imageSize, width: imageSize, channels: 3 };
  const npzBytes = (await codecs['npy-deflate'].encode(pixels, shape)).length;
  const figures: CodecFigures[] = [];
  for (const codec of codecNames) {
    note(`${codec} …`);
    figures.push(await benchCodec(codec, pixels, shape, npzBytes));
  }
  return {
    task,
    imageSize,
    frames,
    cores: availableParallelism(),
    codecs: figures,
    read: await benchReading(task, pixels, shape),
  };
}

async function benchCodec(
  codec: CodecName,
  pixels: Uint8Array,
  shape: FramesShape,
  npzBytes: number,
): Promise<CodecFigures> {
  const packed = await codecs[codec].encode(pixels, shape);
  const encoding = await median(() => codecs[codec].encode(pixels, shape));
  const episodes = 2 * availableParallelism();
  const decoding = await median(() =>
    Promise.all(Array.from({ length: episodes }, () => codecs[codec].decode(packed, shape))),
  );
  return {
    codec,
    bytesPerFrame: packed.length / shape.frames,
    sizeToNpz: packed.length / npzBytes,
    encodeMegabytesPerCoreSecond: pixels.length / encoding.cpuSeconds / 1e6,
    decodeMegabytesPerCoreSecond: (episodes * pixels.length) / decoding.cpuSeconds / 1e6,
    decodeGigabytesPerSecond: (episodes * pixels.length) / decoding.seconds / 1e9,
  };
}

/** A codec that does nothing has no speed. */
function speed(megabytesPerSecond: number): string {
  return megabytesPerSecond > 20_000 ? '–' : String(Math.round(megabytesPerSecond));
}

async function benchReading(task: string, pixels: Uint8Array, shape: FramesShape) {
  const folder = await mkdtemp(join(tmpdir(), 'rlpd-bench-'));
  try {
    const name = 'image';
    const writer = await DatasetWriter.create(folder, {
      task,
      actionRepeat: 1,
      controlTimestep: null,
      images: [{ name, height: shape.height, width: shape.width, channels: shape.channels }],
      renderer: null,
      actionSize: 1,
      provenance: { source: 'bench', writer: 'rlpd bench', writerVersion: '1', lossy: false },
    });
    const steps = shape.frames - 1;
    const rest = {
      actions: new Float32Array(steps),
      rewards: new Float32Array(steps),
      terminated: false,
      truncated: true,
    };
    const episodes = 20;
    for (let i = 0; i < episodes; i++)
      await writer.append({ id: String(i), length: steps, images: { [name]: pixels }, ...rest });
    await writer.close();
    const dataset = await openDataset(folder);
    const { seconds } = await median(async () => {
      for await (const _ of dataset.episodes());
    });
    const framesPerSecond = (episodes * shape.frames) / seconds;
    return { framesPerSecond, gigabytesPerSecond: (episodes * pixels.length) / seconds / 1e9 };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** `[frames, size, size, 3]`; a new episode begins where one ends. */
async function recordFrames(task: string, imageSize: number, frames: number): Promise<Uint8Array> {
  const environment = await makeEnv(task, { imageSize, frameStack: 1, seed: 1 });
  try {
    const generator = new Generator(1).child('actions');
    const action = new Float32Array(environment.spec.actionSize);
    const pixels = new Uint8Array(frames * imageSize * imageSize * 3);
    let { observation } = environment.reset();
    for (let i = 0; i < frames; i++) {
      const [frame] = Object.values(observation.images);
      if (frame === undefined) throw new Error(`${task} gave no pixels.`);
      pixels.set(frame, i * frame.length);
      for (let j = 0; j < action.length; j++)
        action[j] = Math.max(-1, Math.min(1, 0.8 * (action[j] as number) + 0.5 * generator.normal()));
      const step = environment.step(action);
      observation = step.terminated || step.truncated ? environment.reset().observation : step.observation;
    }
    return pixels;
  } finally {
    environment.close();
  }
}

/** By the clock, and processor time of all threads. */
async function median(action: () => Promise<unknown>): Promise<{ seconds: number; cpuSeconds: number }> {
  const seconds: number[] = [];
  const cpuSeconds: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    const cpu = process.cpuUsage();
    await action();
    const { user, system } = process.cpuUsage(cpu);
    seconds.push((performance.now() - start) / 1000);
    cpuSeconds.push((user + system) / 1e6);
  }
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[REPEATS >> 1] as number;
  return { seconds: middle(seconds), cpuSeconds: middle(cpuSeconds) };
}
