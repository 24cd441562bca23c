/** Adds pictures of the state just reached to the observation, one a camera, or puts them in the state's place. */
import type {
  Environment,
  EnvironmentSpec,
  Frame,
  ImageSpace,
  Observation,
  ObservationSpace,
  RenderOptions,
  ResetResult,
  StepResult,
} from '../environment.js';
import { Wrapper } from './wrapper.js';

export class PixelObservation extends Wrapper {
  readonly #images: readonly ImageSpace[];
  readonly #keepState: boolean;
  readonly #spec: EnvironmentSpec;

  /** @param options.images at least one, each named after its camera; single frames, whatever their stack */
  constructor(
    inner: Environment,
    options: { readonly images: readonly ImageSpace[]; readonly keepState: boolean },
  ) {
    super(inner);
    this.#images = options.images.map((image) => ({ ...image, frameStack: 1 }));
    this.#keepState = options.keepState;
    this.#spec = { ...inner.spec, camera: this.#images[0]?.name ?? inner.spec.camera };
  }

  override get spec(): EnvironmentSpec {
    return this.#spec;
  }

  override get observationSpace(): ObservationSpace {
    const images = this.#images;
    const { state } = this.inner.observationSpace;
    return this.#keepState && state !== undefined ? { images, state } : { images };
  }

  override reset(options?: { readonly seed?: number }): ResetResult {
    const result = this.inner.reset(options);
    return { ...result, observation: this.#look(result.observation) };
  }

  override step(action: Float32Array): StepResult {
    const result = this.inner.step(action);
    return { ...result, observation: this.#look(result.observation) };
  }

  /** Whoever asks for a picture sees through the policy's first camera. */
  override render(options?: RenderOptions): Frame {
    return this.inner.render({ camera: this.#spec.camera, ...options });
  }

  #look({ state }: Observation): Observation {
    const images = Object.fromEntries(
      this.#images.map(({ name, width, height }) => [
        name,
        this.inner.render({ width, height, camera: name }).data,
      ]),
    );
    return this.#keepState && state !== undefined ? { images, state } : { images };
  }
}
