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
import type { Batch, BatchObservation } from '../replay/batch.js';
import type { FrameMemory } from '../replay/frameMemory.js';
import type { PriorActions } from './losses.js';
import type { AgentShape, ObservationTensors } from './networks.js';

export type Inputs = Record<string, tf.Tensor>;
export type InputArrays = Record<string, Float32Array | Int32Array>;
export type InputSpecs = Record<string, ProgramInput>;

/** How images of one observation are laid out. */
interface PixelLayout {
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
  readonly #pixels: PixelLayout | undefined;
  readonly #fused: boolean;

  /**
   * @param rows B
   * @param observation shows the form: frames of each stack, memories and counts
   */
  constructor(prefix: string, shape: AgentShape, rows: number, observation: BatchObservation, pad: number) {
    this.#prefix = prefix;
    this.#fused = isFused(FusedKernel.GatherFrames);
    this.specs = {};
    const { pixels } = observation;
    if (shape.pixels !== undefined) {
      if (pixels === undefined) throw new Error('The agent sees pixels and the batch has none.');
      const [height, width, depth] = shape.pixels;
      const stack = (pixels.frames.length * 2) / pixels.shifts.length;
      const image = { height, width, channels: depth / stack };
      this.#pixels = { rows, stack, image, pad, memories: pixels.memories, counts: pixels.counts };
      if (this.#fused) {
        this.specs[`${prefix}Frames`] = { shape: [rows, stack], dtype: 'int32' };
        this.specs[`${prefix}Shifts`] = { shape: [rows, 2], dtype: 'int32' };
      } else {
        this.specs[`${prefix}Pixels`] = { shape: [rows, height, width, depth], dtype: 'float32' };
      }
    }
    if (shape.stateSize > 0) {
      if (observation.state === undefined) throw new Error('The agent sees state and the batch has none.');
      this.specs[`${prefix}State`] = { shape: [rows, shape.stateSize], dtype: 'float32' };
    }
  }

  /** Writes minibatch `index` of the observation into `arrays`. */
  fill(arrays: InputArrays, observation: BatchObservation, index: number): void {
    const prefix = this.#prefix;
    if (this.#pixels !== undefined && observation.pixels !== undefined) {
      const { rows, stack } = this.#pixels;
      const frames = minibatchOf(observation.pixels.frames, index, rows * stack);
      const shifts = minibatchOf(observation.pixels.shifts, index, rows * 2);
      if (this.#fused) {
        arrays[`${prefix}Frames`] = frames;
        arrays[`${prefix}Shifts`] = shifts;
      } else {
        arrays[`${prefix}Pixels`] = gatherPixels(this.#pixels, frames, shifts);
      }
    }
    const state = this.specs[`${prefix}State`];
    if (state !== undefined && observation.state !== undefined) {
      arrays[`${prefix}State`] = minibatchOf(
        observation.state,
        index,
        tf.util.sizeFromShape([...state.shape]),
      );
    }
  }

  /** The observation's tensors among a program's inputs. */
  tensors(inputs: Inputs): ObservationTensors {
    return {
      image: this.#image(inputs),
      state: inputs[`${this.#prefix}State`] as tf.Tensor2D | undefined,
    };
  }

  #image(inputs: Inputs): tf.Tensor4D | undefined {
    if (this.#pixels === undefined) return undefined;
    if (!this.#fused) return inputs[`${this.#prefix}Pixels`] as tf.Tensor4D;
    const { image, pad, memories, counts } = this.#pixels;
    const frames = inputs[`${this.#prefix}Frames`] as tf.Tensor;
    const shifts = inputs[`${this.#prefix}Shifts`] as tf.Tensor;
    // tfjs types attributes as plain values; the gather kernel takes the memories themselves.
    const attributes = { memories, counts, ...image, pad } as unknown as tf.NamedAttrMap;
    return runFused(FusedKernel.GatherFrames, { frames, shifts }, attributes)[0] as tf.Tensor4D;
  }
}

/** What the gather kernel does, in plain JavaScript: `[B, H, W, C·K]` in [0, 1]. */
function gatherPixels(layout: PixelLayout, frames: Int32Array, shifts: Int32Array): Float32Array {
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

/** What a program is made for: minibatches of one size, from the same memories in the same split. */
export interface BatchForm {
  readonly size: number;
  readonly memories: readonly FrameMemory[];
  readonly counts: readonly number[];
}

export function batchForm({ size, observation }: Batch): BatchForm {
  return { size, memories: observation.pixels?.memories ?? [], counts: observation.pixels?.counts ?? [] };
}

export function sameForm(a: BatchForm, b: BatchForm): boolean {
  return (
    a.size === b.size &&
    a.memories.length === b.memories.length &&
    a.memories.every((memory, i) => memory === b.memories[i] && a.counts[i] === b.counts[i])
  );
}
