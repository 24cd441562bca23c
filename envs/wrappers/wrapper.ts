/** An environment around another; what a wrapper does not override passes through. */
import type {
  BoxSpace,
  Environment,
  EnvironmentSpec,
  EnvironmentState,
  Frame,
  ObservationSpace,
  RenderOptions,
  ResetResult,
  StepResult,
} from '../environment.js';

export abstract class Wrapper implements Environment {
  protected readonly inner: Environment;
  readonly demonstrate?: NonNullable<Environment['demonstrate']>;

  constructor(inner: Environment) {
    this.inner = inner;
    if (inner.demonstrate !== undefined)
      this.demonstrate = (random) => (inner as Required<Environment>).demonstrate(random);
  }

  get observationSpace(): ObservationSpace {
    return this.inner.observationSpace;
  }

  get actionSpace(): BoxSpace {
    return this.inner.actionSpace;
  }

  get spec(): EnvironmentSpec {
    return this.inner.spec;
  }

  reset(options?: { readonly seed?: number }): ResetResult {
    return this.inner.reset(options);
  }

  step(action: Float32Array): StepResult {
    return this.inner.step(action);
  }

  render(options?: RenderOptions): Frame {
    return this.inner.render(options);
  }

  saveState(): EnvironmentState {
    return this.inner.saveState();
  }

  restoreState(state: EnvironmentState): void {
    this.inner.restoreState(state);
  }

  close(): void {
    this.inner.close();
  }
}
