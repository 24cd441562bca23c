/**
 * The last K frames in one observation, the oldest first along the channel axis: `[H, W, C·K]`. An episode starts
 * with its first frame K times.
 */
import { z } from 'zod';
import type {
  Environment,
  EnvironmentSpec,
  EnvironmentState,
  Observation,
  ObservationSpace,
  ResetResult,
  StepResult,
} from '../environment.js';
import { decodeBytes, encodeBytes } from '../stateEncoding.js';
import { Wrapper } from './wrapper.js';

const savedStateSchema = z.object({
  frames: z.array(z.string()),
  inner: z.record(z.string(), z.unknown()),
});

export class FrameStack extends Wrapper {
  /** Oldest first; each is one frame of the inner environment. */
  #frames: Uint8Array[] = [];
  readonly #count: number;
  readonly #spec: EnvironmentSpec;

  /** @param inner observes pixels. @param count K, at least 1. */
  constructor(inner: Environment, count: number) {
    super(inner);
    this.#count = count;
    this.#spec = { ...inner.spec, frameStack: count };
  }

  override get spec(): EnvironmentSpec {
    return this.#spec;
  }

  override get observationSpace(): ObservationSpace {
    const { pixels, ...rest } = this.inner.observationSpace;
    if (pixels === undefined) return rest;
    const [height, width, channels] = pixels.shape as [number, number, number];
    return { ...rest, pixels: { ...pixels, shape: [height, width, channels * this.#count] } };
  }

  override reset(options?: { readonly seed?: number }): ResetResult {
    const result = this.inner.reset(options);
    this.#frames = [];
    return { ...result, observation: this.#stack(result.observation) };
  }

  override step(action: Float32Array): StepResult {
    const result = this.inner.step(action);
    return { ...result, observation: this.#stack(result.observation) };
  }

  override saveState(): EnvironmentState {
    return { frames: this.#frames.map(encodeBytes), inner: this.inner.saveState() };
  }

  override restoreState(state: EnvironmentState): void {
    const saved = savedStateSchema.parse(state);
    this.inner.restoreState(saved.inner);
    this.#frames = saved.frames.map(decodeBytes);
  }

  #stack(observation: Observation): Observation {
    const frame = observation.pixels;
    if (frame === undefined) return observation;
    this.#frames.push(frame);
    while (this.#frames.length < this.#count) this.#frames.push(frame);
    if (this.#frames.length > this.#count) this.#frames.shift();
    return { ...observation, pixels: interleave(this.#frames, this.#spec.imageChannels) };
  }
}

function interleave(frames: readonly Uint8Array[], channels: number): Uint8Array {
  const count = frames.length;
  const pixels = (frames[0] as Uint8Array).length / channels;
  const stacked = new Uint8Array(pixels * channels * count);
  frames.forEach((frame, k) => {
    for (let pixel = 0, from = 0, to = k * channels; pixel < pixels; pixel++, to += channels * count) {
      for (let c = 0; c < channels; c++) stacked[to + c] = frame[from++] as number;
    }
  });
  return stacked;
}
