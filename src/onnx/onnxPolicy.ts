/** An exported policy that acts, by onnxruntime-web, in Node and in a browser alike. */
import type * as Runtime from 'onnxruntime-web';
import type { Observation, ObservationSpace } from '../../envs/environment.js';
import { normalizedOutput, stateInput } from './valueNames.js';

export class OnnxPolicy {
  readonly #runtime: Pick<typeof Runtime, 'Tensor'>;
  readonly #session: Runtime.InferenceSession;
  readonly #space: ObservationSpace;

  private constructor(
    runtime: Pick<typeof Runtime, 'Tensor'>,
    session: Runtime.InferenceSession,
    space: ObservationSpace,
  ) {
    this.#runtime = runtime;
    this.#session = session;
    this.#space = space;
  }

  /**
   * @param model the ONNX file's bytes
   * @param space of the environment that it acts in, which may show more than it looks at
   */
  static async create(
    runtime: typeof Runtime,
    model: Uint8Array,
    space: ObservationSpace,
  ): Promise<OnnxPolicy> {
    runtime.env.wasm.numThreads = 1;
    return new OnnxPolicy(runtime, await runtime.InferenceSession.create(model), space);
  }

  /** The policy's mode, `[A]` in [−1, 1]. */
  async act({ images, state }: Observation): Promise<Float32Array> {
    const { Tensor } = this.#runtime;
    const { inputNames } = this.#session;
    const feeds: Record<string, Runtime.Tensor> = {};
    for (const { name, height, width, channels, frameStack } of this.#space.images) {
      const bytes = images[name];
      if (bytes !== undefined && inputNames.includes(name))
        feeds[name] = new Tensor('uint8', bytes, [1, height, width, channels * frameStack]);
    }
    if (state !== undefined && inputNames.includes(stateInput))
      feeds[stateInput] = new Tensor('float32', state, [1, state.length]);
    const found = await this.#session.run(feeds);
    return Float32Array.from(found[normalizedOutput]?.data as Float32Array);
  }

  dispose(): Promise<void> {
    return this.#session.release();
  }
}
