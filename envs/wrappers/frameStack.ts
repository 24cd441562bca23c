/**
 * The last K frames of each image in one observation, the oldest first along the channel axis: `[H, W, C·K]`. An
 * episode starts with its first frame K times.
 */
import { z } from 'zod';
import type {
  Environment,
  EnvironmentState,
  ImageSpace,
  Observation,
  ObservationSpace,
  ResetResult,
  StepResult,
} from '../environment.js';
import { decodeBytes, encodeBytes } from '../stateEncoding.js';
import { Wrapper } from './wrapper.js';

const savedStateSchema = z.object({
  frames: z.record(z.string(), z.array(z.string())),
  inner: z.record(z.string(), z.unknown()),
});

export class FrameStack extends Wrapper {
  readonly #images: readonly ImageSpace[];
  /** Of each image, oldest first: frames of the inner environment. */
  #frames: Uint8Array[][] = [];

  /**
   * @param inner observes single frames
   * @param counts K of each of its images, at least 1
   */
  constructor(inner: Environment, counts: readonly number[]) {
    super(inner);
    this.#images = inner.observationSpace.images.map((image, i) => ({
      ...image,
      frameStack: counts[i] ?? 1,
    }));
  }

  override get observationSpace(): ObservationSpace {
    return { ...this.inner.observationSpace, images: this.#images };
  }

  override reset(options?: { readonly seed?: number }): ResetResult {
    const result = this.inner.reset(options);
    this.#frames = this.#images.map(() => []);
    return { ...result, observation: this.#stack(result.observation) };
  }

  override step(action: Float32Array): StepResult {
    const result = this.inner.step(action);
    return { ...result, observation: this.#stack(result.observation) };
  }

  override saveState(): EnvironmentState {
    const frames = Object.fromEntries(
      this.#images.map(({ name }, i) => [name, this.#frames[i]?.map(encodeBytes) ?? []]),
    );
    return { frames, inner: this.inner.saveState() };
  }

  override restoreState(state: EnvironmentState): void {
    const saved = savedStateSchema.parse(state);
    this.inner.restoreState(saved.inner);
    this.#frames = this.#images.map(({ name }) => saved.frames[name]?.map(decodeBytes) ?? []);
  }

  #stack(observation: Observation): Observation {
    const images = Object.fromEntries(
      this.#images.map((image, i) => {
        const frame = observation.images[image.name] as Uint8Array;
        const frames = this.#frames[i] as Uint8Array[];
        frames.push(frame);
        while (frames.length < image.frameStack) frames.push(frame);
        if (frames.length > image.frameStack) frames.shift();
        return [image.name, interleave(frames, image.channels)];
      }),
    );
    return { ...observation, images };
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
