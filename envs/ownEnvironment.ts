/**
 * An environment that a module of one's own made, held to the interface: what does not keep to it is said in a sentence
 * that names the module, where it would else be learnt from or fail far away. Of what it observes, what was asked for
 * passes.
 */
import { z } from 'zod';
import { InputError } from '../src/errors.js';
import type {
  BoxSpace,
  Environment,
  EnvironmentOptions,
  EnvironmentState,
  Frame,
  ImageSpace,
  Observation,
  ObservationSpace,
  RenderOptions,
  ResetResult,
  StepResult,
} from './environment.js';
import { notFinite } from './finite.js';
import { callingOwn, ownFailure } from './ownCode.js';
import { finiteTerms } from './rewardTerms.js';
import type { EnvironmentFactory } from './taskModule.js';
import { Wrapper } from './wrappers/wrapper.js';

const size = z.int().min(0);
const box = z.object({ shape: z.array(z.int().min(1)).min(1) });
const image = z.object({
  name: z.string().min(1),
  height: z.int().min(1),
  width: z.int().min(1),
  channels: z.int().min(1).max(4),
  frameStack: z.literal(1, 'expected 1: frames are stacked around it'),
});
const method = z.custom((value) => typeof value === 'function', 'expected a method');

const environmentSchema = z.object({
  observationSpace: z.object({ images: z.array(image), state: box.optional() }),
  actionSpace: box,
  spec: z.object({
    task: z.string().min(1),
    actionRepeat: z.literal(1, 'expected 1: actions are repeated around it'),
    controlTimestep: z.number().positive(),
    maxEnvFrames: z.int().min(1),
    actionSize: z.int().min(1),
    actionBox: z.object({ low: z.array(z.number()), high: z.array(z.number()) }).nullable(),
    actionNames: z.array(z.string()).nullish(),
    stateSize: size,
    camera: z.string(),
    renderer: z.string(),
  }),
  reset: method,
  step: method,
  render: method,
  saveState: method,
  restoreState: method,
  demonstrate: method.optional(),
  close: method,
});

export class OwnEnvironment extends Wrapper {
  readonly #module: string;
  readonly #space: ObservationSpace;

  private constructor(
    inner: Environment,
    module: string,
    { observations, cameras }: Pick<EnvironmentOptions, 'observations' | 'cameras'>,
  ) {
    super(inner);
    this.#module = module;
    const { images, state } = inner.observationSpace;
    const names = images.map(({ name }) => name);
    const wanted = images.length === 0 || cameras === undefined ? names : cameras.map(String);
    const unknown = wanted.find((name) => !names.includes(name));
    if (unknown !== undefined)
      throw new InputError(
        `The environment of ${module} has no camera "${unknown}": expected one of ${names.join(', ')}.`,
      );
    if (observations === 'state' && state === undefined)
      throw new InputError(
        `The environment of ${module} observes no state: learn from its pixels (--obs pixels).`,
      );
    this.#space = {
      images:
        observations === 'state'
          ? []
          : wanted.map((name) => images.find((one) => one.name === name) as ImageSpace),
      // Where pictures are still to be taken, whoever takes them drops the state.
      ...((observations !== 'pixels' || images.length === 0) && state && { state }),
    };
    const { actionSize, actionBox, actionNames, stateSize } = inner.spec;
    this.#require(
      count(inner.actionSpace) === actionSize,
      'spec.actionSize is not the size of its actionSpace',
    );
    this.#require(stateSize === (state ? count(state) : 0), 'spec.stateSize is not the size of its state');
    this.#require(
      actionBox === null || [actionBox.low, actionBox.high].every(({ length }) => length === actionSize),
      'spec.actionBox has another number of bounds than actions',
    );
    this.#require(
      actionNames == null || actionNames.length === actionSize,
      'spec.actionNames has another number of names than actions',
    );
  }

  /** @throws InputError where what is made is no environment, or making it fails */
  static async create(
    make: EnvironmentFactory,
    module: string,
    options: EnvironmentOptions,
  ): Promise<OwnEnvironment> {
    let made: Environment;
    try {
      made = await make(options);
    } catch (error) {
      throw ownFailure(`The environment of ${module} cannot be made`, error);
    }
    const parsed = environmentSchema.safeParse(made);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const what = issue?.path.length ? `"${issue.path.join('.')}" of it` : 'it';
      throw new InputError(
        `What the function of ${module} makes is no environment: ${what} is not usable: ${issue?.message}.`,
      );
    }
    return new OwnEnvironment(made, module, options);
  }

  override get observationSpace(): ObservationSpace {
    return this.#space;
  }

  override reset(options?: { readonly seed?: number }): ResetResult {
    const { observation: observed, info = {} } = this.#call('reset', () => this.inner.reset(options));
    const observation = this.#observe(observed);
    const bad = notFinite(observation.state);
    this.#require(bad === null, `its reset() begins an episode in which ${bad}`);
    return { observation, info };
  }

  override step(action: Float32Array): StepResult {
    const { reward, terminated, truncated, ...seen } = this.#call('step', () => this.inner.step(action));
    const { info = {} } = seen;
    this.#require(typeof reward === 'number', `its reward is ${reward} and not a number`);
    const observation = this.#observe(seen.observation);
    const invalid = notFinite(observation.state, reward);
    const { executedAction, rewardTerms } = info;
    this.#require(
      executedAction == null || isAction(executedAction, this.inner.spec.actionSize),
      `its info.executedAction is not the ${this.inner.spec.actionSize} numbers from −1 to 1 (Float32Array) of an action`,
    );
    return {
      observation,
      reward: invalid === null ? reward : 0,
      terminated: invalid === null && terminated === true,
      truncated: invalid !== null || truncated === true,
      info: {
        ...info,
        ...(rewardTerms !== undefined && { rewardTerms: finiteTerms(rewardTerms) }),
        ...(invalid !== null && { invalid }),
      },
    };
  }

  override render(options?: RenderOptions): Frame {
    return this.#call('render', () => this.inner.render(options));
  }

  override saveState(): EnvironmentState {
    return this.#call('saveState', () => this.inner.saveState());
  }

  override restoreState(state: EnvironmentState): void {
    this.#call('restoreState', () => this.inner.restoreState(state));
  }

  #call<Result>(method: string, act: () => Result): Result {
    return callingOwn(`The environment of ${this.#module} fails in its ${method}()`, act);
  }

  #observe(observed: Observation | undefined): Observation {
    const { images, state } = this.#space;
    const seen = Object.fromEntries(
      images.map(({ name, height, width, channels }) => {
        const bytes = height * width * channels;
        const pixels = observed?.images?.[name];
        this.#require(
          pixels instanceof Uint8Array && pixels.length === bytes,
          `its image "${name}" is not the ${bytes} bytes (Uint8Array) of its observationSpace`,
        );
        return [name, pixels as Uint8Array];
      }),
    );
    if (state === undefined) return { images: seen };
    const features = observed?.state;
    this.#require(
      features instanceof Float32Array && features.length === count(state),
      `its state is not the ${count(state)} numbers (Float32Array) of its observationSpace`,
    );
    return { images: seen, state: features as Float32Array };
  }

  #require(isKept: boolean, otherwise: string): void {
    if (!isKept)
      throw new InputError(`The environment of ${this.#module} does not keep to its own word: ${otherwise}.`);
  }
}

function isAction(value: unknown, size: number): boolean {
  return value instanceof Float32Array && value.length === size && value.every((one) => Math.abs(one) <= 1);
}

function count({ shape }: BoxSpace): number {
  return shape.reduce((a, b) => a * b, 1);
}
