/**
 * `rlpd bench replay`: how fast batches come out of a replay: rows drawn, and their frame stacks (of an observation
 * and of its successor) gathered, shifted and scaled into tensors.
 */
import * as tf from '@tensorflow/tfjs-core';
import { Command, Option } from 'commander';
import { type InputArrays, ObservationInputs } from '../../src/agent/batchInputs.js';
import { type BackendName, backendNames } from '../../src/backend/options.js';
import { createProgram } from '../../src/backend/program.js';
import { selectBackend } from '../../src/backend/select.js';
import { Generator } from '../../src/random/generator.js';
import { ReplayBuffer, type ReplayLayout } from '../../src/replay/replayBuffer.js';
import { SymmetricSampler } from '../../src/replay/symmetricSampler.js';
import { note, printResult } from '../console.js';
import { wholeNumber } from '../settings.js';

export interface BenchReplayOptions {
  readonly backend: BackendName | 'auto';
  readonly threads?: number | undefined;
  readonly batchSize: number;
  readonly imageSize: number;
  /** Observations in the replay. */
  readonly rows: number;
  readonly iterations: number;
}

export interface BenchReplayResult {
  readonly backend: BackendName;
  readonly batchSize: number;
  readonly imageSize: number;
  readonly rows: number;
  /** Medians over the iterations, after the first two. */
  readonly msPerBatch: number;
  readonly batchesPerSecond: number;
  /** Bytes of uint8 frames read from the replay. */
  readonly gigabytesPerSecond: number;
  readonly bytesPerTransition: number;
}

const EPISODE_LENGTH = 500;
const PAD = 4;
const ACTION_SIZE = 6;
const frameStack = 3;

export async function benchReplay(options: BenchReplayOptions): Promise<BenchReplayResult> {
  const { backend, note: taken } = await selectBackend(options);
  note(taken);
  const { batchSize, imageSize, rows } = options;
  const layout: ReplayLayout = {
    images: [{ name: 'image', height: imageSize, width: imageSize, channels: 3, frameStack }],
    stateSize: 0,
    actionSize: ACTION_SIZE,
  };
  const replay = filled(layout, rows);
  const sampler = new SymmetricSampler({
    online: replay,
    offlineShare: 0,
    batchSize,
    minibatches: 1,
    discount: 0.99,
    randomShiftPad: PAD,
    generator: new Generator(0),
  });
  const depth = 3 * frameStack;
  const image = { name: 'image', height: imageSize, width: imageSize, depth };
  const shape = { images: [image], stateSize: 0, actionSize: ACTION_SIZE };
  const first = await sampler.sample();
  const [now, next] = [
    new ObservationInputs('now', shape, batchSize, first.observation, PAD),
    new ObservationInputs('next', shape, batchSize, first.nextObservation, PAD),
  ];
  const gather = createProgram<string>({
    name: 'gather',
    inputs: { ...now.specs, ...next.specs },
    // A program gives back numbers: one of each tensor is enough to have it made.
    body: (inputs) =>
      tf.concat(
        [now, next].map((observation) => {
          const [image] = observation.tensors(inputs).images;
          return tf.slice(tf.reshape(image as tf.Tensor, [-1]), [0], [1]) as tf.Tensor1D;
        }),
      ),
  });
  const times: number[] = [];
  for (let i = 0; i < options.iterations + 2; i++) {
    const start = performance.now();
    const batch = await sampler.sample();
    const arrays: InputArrays = {};
    now.fill(arrays, batch.observation, 0);
    next.fill(arrays, batch.nextObservation, 0);
    await gather.run(arrays);
    if (i >= 2) times.push(performance.now() - start);
  }
  gather.dispose();
  const msPerBatch = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] as number;
  const bytes = 2 * batchSize * imageSize * imageSize * depth;
  return {
    backend,
    batchSize,
    imageSize,
    rows,
    msPerBatch,
    batchesPerSecond: 1000 / msPerBatch,
    gigabytesPerSecond: bytes / msPerBatch / 1e6,
    bytesPerTransition: replay.bytes / replay.transitions,
  };
}

/** Episodes of frames that are all different, for caches to have their real work. */
function filled(layout: ReplayLayout, rows: number): ReplayBuffer {
  const replay = new ReplayBuffer(layout, rows);
  const generator = new Generator(1);
  const frame = new Uint8Array(replay.frames[0]?.frameBytes ?? 0);
  const action = new Float32Array(layout.actionSize);
  for (let row = 0; row < rows; row++) {
    frame.fill(generator.integer(256));
    if (row % (EPISODE_LENGTH + 1) === 0) replay.begin({ frames: { image: frame } });
    else replay.add({ action, reward: 0, terminated: false, next: { frames: { image: frame } } });
  }
  return replay;
}

interface Flags {
  readonly backend: BackendName | 'auto';
  readonly threads?: number;
  readonly batchSize: number;
  readonly imageSize: number;
  readonly rows: number;
  readonly iterations: number;
  readonly json?: boolean;
}

export const benchReplayCommand = new Command('replay')
  .addOption(
    new Option('--backend <name>', 'the tensor engine').choices(['auto', ...backendNames]).default('auto'),
  )
  .addOption(new Option('--threads <count>', 'its threads (default: all cores)').argParser(wholeNumber(1)))
  .addOption(
    new Option('--batch-size <count>', 'transitions in a batch').default(256).argParser(wholeNumber(1)),
  )
  .addOption(
    new Option('--image-size <pixels>', 'side of an image').default(64).argParser(wholeNumber(1, 1024)),
  )
  .addOption(
    new Option('--rows <count>', 'observations in the replay').default(50_000).argParser(wholeNumber(3)),
  )
  .addOption(new Option('--iterations <count>', 'batches').default(50).argParser(wholeNumber(1)))
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExample:\n  rlpd bench replay --batch-size 256 --image-size 84')
  .action(async (flags: Flags) => {
    const result = await benchReplay(flags);
    printResult(
      flags.json,
      result,
      `${result.batchSize} transitions of ${result.imageSize} px: ${result.msPerBatch.toFixed(2)} ms a batch, ${result.gigabytesPerSecond.toFixed(2)} GB/s, ${Math.round(result.bytesPerTransition)} bytes a transition.`,
    );
  });
