/** Adds a picture of the state just reached to the observation, or puts it in the state's place. */
import type {
  Environment,
  EnvironmentSpec,
  Frame,
  Observation,
  ObservationSpace,
  RenderOptions,
  ResetResult,
  StepResult,
} from '../environment.js';
import { Wrapper } from './wrapper.js';

export class PixelObservation extends Wrapper {
  readonly #size: number;
  readonly #camera: string | number;
  readonly #keepState: boolean;
  readonly #spec: EnvironmentSpec;

  /** @param options.size side of the square picture in pixels. */
  constructor(
    inner: Environment,
    options: { readonly size: number; readonly camera: string; readonly keepState: boolean },
  ) {
    super(inner);
    this.#size = options.size;
    this.#camera = options.camera;
    this.#keepState = options.keepState;
    this.#spec = {
      ...inner.spec,
      imageHeight: options.size,
      imageWidth: options.size,
      camera: options.camera,
    };
  }

  override get spec(): EnvironmentSpec {
    return this.#spec;
  }

  override get observationSpace(): ObservationSpace {
    const pixels = { shape: [this.#size, this.#size, 3], low: 0, high: 255, dtype: 'uint8' } as const;
    const { state } = this.inner.observationSpace;
    return this.#keepState && state !== undefined ? { pixels, state } : { pixels };
  }

  override reset(options?: { readonly seed?: number }): ResetResult {
    const result = this.inner.reset(options);
    return { ...result, observation: this.#look(result.observation) };
  }

  override step(action: Float32Array): StepResult {
    const result = this.inner.step(action);
    return { ...result, observation: this.#look(result.observation) };
  }

  /** Whoever asks for a picture sees through the policy's camera. */
  override render(options?: RenderOptions): Frame {
    return this.inner.render({ camera: this.#camera, ...options });
  }

  #look({ state }: Observation): Observation {
    const pixels = this.inner.render({ width: this.#size, height: this.#size, camera: this.#camera }).data;
    return this.#keepState && state !== undefined ? { pixels, state } : { pixels };
  }
}
