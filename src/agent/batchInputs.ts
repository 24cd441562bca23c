/**
 * From a batch in host memory to the inputs of an update's program. Images go one of two ways: where the backend
 * has the gather kernel a program takes frame numbers and shifts and the kernel reads the replay; elsewhere the
 * stacks are gathered here, in plain JavaScript, and a program takes them as floats.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type ImageSize, writeShiftedStack } from '../../encoders/randomShift.js';
import { FusedKernel } from '../backend/fusedKernels.js';
import type { ProgramInput } from '../backend/program.js';
import { isFused, runFused } from '../nn/fusedLayer.js';
import type { Batch, BatchObservation, FrameGather } from '../replay/batch.js';
import type { FrameMemory } from '../replay/frameMemory.js';
import type { PriorActions } from './losses.js';
import type { AgentShape, ObservationTensors } from './observation.js';

export type Inputs = Record<string, tf.Tensor>;
export type InputArrays = Record<string, Float32Array | Int32Array>;
export type InputSpecs = Record<string, ProgramInput>;

/** How one image of an observation is laid out, and what its program inputs are called. */
interface GatheredImage {
  readonly name: string;
  /** B. */
  readonly rows: number;
  /** K. */
  readonly stack: number;
  readonly image: ImageSize;
  readonly pad: number;
  readonly memories: readonly FrameMemory[];
  readonly counts: readonly number[];
}

/** The program inputs that one observation takes; `prefix` tells s from s'. */
export class ObservationInputs {
  readonly specs: InputSpecs;
  readonly #prefix: string;
  readonly #images: readonly GatheredImage[];
  readonly #fused: boolean;

  /**
   * @param rows B
   * @param observation shows the form: frames of each stack, memories and counts
   */
  constructor(prefix: string, shape: AgentShape, rows: number, observation: BatchObservation, pad: number) {
    this.#prefix = prefix;
    this.#fused = isFused(FusedKernel.GatherFrames);
    this.specs = {};
    this.#images = shape.images.map(({ name, height, width, depth }, i) => {
      const gather = observation.images[i];
      if (gather === undefined) throw new Error(`The agent sees the image "${name}" and the batch has none.`);
      const stack = (gather.frames.length * 2) / gather.shifts.length;
      const image = { height, width, channels: depth / stack };
      const { memories, counts } = gather;
      return { name: `${prefix}${i}`, rows, stack, image, pad, memories, counts };
    });
    for (const { name, stack, image } of this.#images) {
      if (this.#fused) {
        this.specs[`${name}Frames`] = { shape: [rows, stack], dtype: 'int32' };
        this.specs[`${name}Shifts`] = { shape: [rows, 2], dtype: 'int32' };
      } else {
        const { height, width, channels } = image;
        this.specs[`${name}Pixels`] = { shape: [rows, height, width, channels * stack], dtype: 'float32' };
      }
    }
    if (shape.stateSize > 0) {
      if (observation.state === undefined) throw new Error('The agent sees state and the batch has none.');
      this.specs[`${prefix}State`] = { shape: [rows, shape.stateSize], dtype: 'float32' };
    }
  }

  /** Writes minibatch `index` of the observation into `arrays`. */
  fill(arrays: InputArrays, observation: BatchObservation, index: number): void {
    for (const [i, layout] of this.#images.entries()) {
      const { name, rows, stack } = layout;
      const gather = observation.images[i] as FrameGather;
      const frames = minibatchOf(gather.frames, index, rows * stack);
      const shifts = minibatchOf(gather.shifts, index, rows * 2);
      if (this.#fused) {
        arrays[`${name}Frames`] = frames;
        arrays[`${name}Shifts`] = shifts;
      } else {
        arrays[`${name}Pixels`] = gatherPixels(layout, frames, shifts);
      }
    }
    const state = this.specs[`${this.#prefix}State`];
    if (state !== undefined && observation.state !== undefined) {
      arrays[`${this.#prefix}State`] = minibatchOf(
        observation.state,
        index,
        tf.util.sizeFromShape([...state.shape]),
      );
    }
  }

  /** The observation's tensors among a program's inputs. */
  tensors(inputs: Inputs): ObservationTensors {
    return {
      images: this.#images.map((layout) => this.#image(layout, inputs)),
      state: inputs[`${this.#prefix}State`] as tf.Tensor2D | undefined,
    };
  }

  #image({ name, image, pad, memories, counts }: GatheredImage, inputs: Inputs): tf.Tensor4D {
    if (!this.#fused) return inputs[`${name}Pixels`] as tf.Tensor4D;
    const frames = inputs[`${name}Frames`] as tf.Tensor;
    const shifts = inputs[`${name}Shifts`] as tf.Tensor;
    // tfjs types attributes as plain values; the gather kernel takes the memories themselves.
    const attributes = { memories, counts, ...image, pad } as unknown as tf.NamedAttrMap;
    return runFused(FusedKernel.GatherFrames, { frames, shifts }, attributes)[0] as tf.Tensor4D;
  }
}

/** What the gather kernel does, in plain JavaScript: `[B, H, W, C·K]` in [0, 1]. */
function gatherPixels(layout: GatheredImage, frames: Int32Array, shifts: Int32Array): Float32Array {
  const { rows, stack, image, pad, memories, counts } = layout;
  const size = image.height * image.width * image.channels * stack;
  const pixels = new Float32Array(rows * size);
  let row = 0;
  memories.forEach((memory, m) => {
    const end = row + (counts[m] ?? 0);
    for (; row < end; row++) {
      const numbers = frames.subarray(row * stack, (row + 1) * stack);
      const views = Array.from(numbers, (number) => memory.view(number));
      const shift = [shifts[row * 2] ?? 0, shifts[row * 2 + 1] ?? 0] as const;
      writeShiftedStack(views, image, shift, pad, pixels.subarray(row * size, (row + 1) * size));
    }
  });
  return pixels;
}

/** A minibatch of transitions as tensors. */
export interface TransitionTensors {
  readonly observation: ObservationTensors;
  readonly nextObservation: ObservationTensors;
  /** `[B, A]`. */
  readonly actions: tf.Tensor2D;
  /** `[B]`. */
  readonly rewards: tf.Tensor1D;
  /** `[B]`: what the value of s' counts for. */
  readonly discounts: tf.Tensor1D;
  /** The actions again and which of them are prior data; undefined where that was not asked for. */
  readonly priorActions?: PriorActions | undefined;
}

/** The program inputs that a minibatch of transitions takes. */
export class TransitionInputs {
  readonly form: BatchForm;
  readonly specs: InputSpecs;
  readonly #actionSize: number;
  readonly #takesPrior: boolean;
  readonly #observation: ObservationInputs;
  readonly #nextObservation: ObservationInputs;

  /**
   * @param batch shows the form, which all batches it is used for share
   * @param takesPrior whether the tensors are to say which rows are prior data
   */
  constructor(shape: AgentShape, batch: Batch, pad: number, takesPrior: boolean) {
    this.form = batchForm(batch);
    const { size } = batch;
    this.#actionSize = shape.actionSize;
    this.#takesPrior = takesPrior;
    this.#observation = new ObservationInputs('observation', shape, size, batch.observation, pad);
    this.#nextObservation = new ObservationInputs('nextObservation', shape, size, batch.nextObservation, pad);
    this.specs = {
      ...this.#observation.specs,
      ...this.#nextObservation.specs,
      actions: { shape: [size, shape.actionSize], dtype: 'float32' },
      rewards: { shape: [size], dtype: 'float32' },
      discounts: { shape: [size], dtype: 'float32' },
      ...(takesPrior && { prior: { shape: [size], dtype: 'float32' as const } }),
    };
  }

  /** Minibatch `index` of the batch. */
  arrays(batch: Batch, index: number): InputArrays {
    const { size } = batch;
    const arrays: InputArrays = {
      actions: minibatchOf(batch.actions, index, size * this.#actionSize),
      rewards: minibatchOf(batch.rewards, index, size),
      discounts: minibatchOf(batch.discounts, index, size),
      ...(this.#takesPrior && { prior: minibatchOf(batch.prior, index, size) }),
    };
    this.#observation.fill(arrays, batch.observation, index);
    this.#nextObservation.fill(arrays, batch.nextObservation, index);
    return arrays;
  }

  /** The transitions' tensors among a program's inputs. */
  tensors(inputs: Inputs): TransitionTensors {
    const actions = inputs.actions as tf.Tensor2D;
    return {
      observation: this.#observation.tensors(inputs),
      nextObservation: this.#nextObservation.tensors(inputs),
      actions,
      rewards: inputs.rewards as tf.Tensor1D,
      discounts: inputs.discounts as tf.Tensor1D,
      priorActions: this.#takesPrior ? { actions, prior: inputs.prior as tf.Tensor1D } : undefined,
    };
  }
}

/** The part of `values` that belongs to minibatch `index`, `length` numbers each. */
export function minibatchOf<T extends Float32Array | Int32Array>(
  values: T,
  index: number,
  length: number,
): T {
  return values.subarray(index * length, (index + 1) * length) as T;
}

/** What a program is made for: minibatches of one size, from the same memories, image by image, in the same split. */
export interface BatchForm {
  readonly size: number;
  readonly memories: readonly FrameMemory[];
  readonly counts: readonly number[];
}

export function batchForm({ size, observation }: Batch): BatchForm {
  const { images } = observation;
  return {
    size,
    memories: images.flatMap(({ memories }) => memories),
    counts: images.flatMap(({ counts }) => counts),
  };
}

export function sameForm(a: BatchForm, b: BatchForm): boolean {
  return (
    a.size === b.size &&
    a.memories.length === b.memories.length &&
    a.memories.every((memory, i) => memory === b.memories[i] && a.counts[i] === b.counts[i])
  );
}
