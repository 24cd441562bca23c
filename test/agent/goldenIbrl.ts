/** Golden data of IBRL's cloning step, acting and update (test/golden/agent/make_golden_ibrl.py). */
import * as tf from '@tensorflow/tfjs-core';
import { parseAgentConfig } from '../../src/agent/config.js';
import { IbrlLearner } from '../../src/agent/ibrlLearner.js';
import { Generator } from '../../src/random/generator.js';
import type { Batch } from '../../src/replay/batch.js';
import { FrameMemory } from '../../src/replay/frameMemory.js';
import {
  assignAll,
  type GoldenUpdate,
  goldenShape,
  readGolden,
  runGolden,
  type Tensors,
  transitions,
} from './goldenUpdate.js';
import { registerSmallEncoder } from './smallEncoder.js';

export interface GoldenIbrl extends GoldenUpdate {
  /** Prior data: actions, and bytes `[B, H, W, K]` of images or state. */
  readonly prior: Tensors;
  /** What is done in the first minibatch's states, and whether the cloned action it is. */
  readonly acted: Tensors;
}

export function goldenIbrl(name: string): GoldenIbrl {
  registerSmallEncoder();
  const golden = readGolden<GoldenIbrl>(`ibrl-${name}`);
  return { ...golden, config: parseAgentConfig(golden.config) };
}

/** A learner with the golden starting values. */
export function goldenIbrlLearner(golden: GoldenIbrl): IbrlLearner {
  const learner = new IbrlLearner(golden.config, goldenShape(golden.minibatches[0]), new Generator(0));
  assignAll(learner, golden.before);
  return learner;
}

/** Clones, acts, and runs the critic step and the full step; the metrics of all three steps, and the actions. */
export async function runGoldenIbrl(
  golden: GoldenIbrl,
  learner: IbrlLearner,
): Promise<{ metrics: Record<string, number>[]; action: Float32Array }> {
  const cloning = await learner.pretrain(priorBatch(golden));
  const action = tf.tidy(() => {
    const [minibatch] = golden.minibatches;
    const [rows] = golden.acted.action?.shape ?? [];
    const noise = tf.zeros<tf.Rank.R2>([rows ?? 0, learner.noiseSize]);
    return learner.action(transitions(minibatch, 0).observation, noise).dataSync() as Float32Array;
  });
  return { metrics: [cloning, ...(await runGolden(golden, learner.rlpd))], action };
}

/** The prior data as a batch in which nothing is shifted. */
function priorBatch({ prior, config }: GoldenIbrl): Batch {
  const { actions, bytes, state } = prior;
  const size = actions?.shape[0] ?? 0;
  const observation = {
    images: bytes
      ? [{ ...framesOf(bytes), shifts: new Int32Array(size * 2).fill(config.randomShiftPad) }]
      : [],
    ...(state && { state: Float32Array.from(state.data) }),
  };
  return {
    size,
    minibatches: 1,
    observation,
    nextObservation: observation,
    actions: Float32Array.from(actions?.data ?? []),
    rewards: new Float32Array(size),
    discounts: new Float32Array(size),
    prior: new Float32Array(size).fill(1),
  };
}

/** Stacks `[B, H, W, K]` as frames in a memory, each with a number of its own. */
function framesOf({ shape, data }: { readonly shape: number[]; readonly data: number[] }) {
  const [rows = 0, height = 0, width = 0, stack = 0] = shape;
  const memory = new FrameMemory(height * width, rows * stack);
  const frames = Int32Array.from({ length: rows * stack }, (_, i) => i);
  for (const number of frames) {
    const first = Math.floor(number / stack) * height * width * stack + (number % stack);
    memory.write(
      number,
      Uint8Array.from({ length: height * width }, (_, i) => data[first + i * stack] ?? 0),
    );
  }
  return { memories: [memory], counts: [rows], frames };
}
