/**
 * A suite task as an environment: one step is one control step, the observation is the state, an episode ends where the
 * task itself says so or the simulation went bad. Time limit, action repeat and pixels are wrappers on top.
 */
import { z } from 'zod';
import { InputError } from '../src/errors.js';
import { Generator } from '../src/random/generator.js';
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
} from './environment.js';
import { notFinite } from './finite.js';
import { Simulation } from './mujoco.js';
import { ownFailure } from './ownCode.js';
import { Renderer, rendererVersion } from './renderer/renderer.js';
import type { View } from './renderer/view.js';
import { decodeBytes, encodeBytes } from './stateEncoding.js';
import type { BoundTask, SuiteTask } from './suite/task.js';

/** Saved states come back from files, so they are checked. */
const savedStateSchema = z.object({
  physics: z.string(),
  model: z.record(z.string(), z.string()),
  random: z.object({
    seed: z.number(),
    bits: z.array(z.number()).readonly(),
    spareNormal: z.number().nullable(),
  }),
  envFrames: z.number().int().min(0),
});

export class SuiteEnvironment implements Environment {
  readonly actionSpace: BoxSpace;
  readonly observationSpace: ObservationSpace;
  readonly spec: EnvironmentSpec;
  readonly demonstrate?: NonNullable<Environment['demonstrate']>;
  /** Names of the cameras that observations are taken through by default. */
  readonly cameras: readonly string[];
  readonly #task: SuiteTask;
  readonly #bound: BoundTask;
  readonly #simulation: Simulation;
  readonly #stepsPerFrame: number;
  #renderer: Renderer | null = null;
  #random: Generator;
  /** Env frames since the reset; null when an episode has to be started first. */
  #envFrames: number | null = null;

  private constructor(task: SuiteTask, simulation: Simulation, seed: number) {
    this.#task = task;
    this.#simulation = simulation;
    this.#stepsPerFrame = Math.round(task.controlTimestep / simulation.timestep);
    checkModel(task, simulation, this.#stepsPerFrame);
    const bound = bind(task, simulation);
    this.#bound = bound;
    if (bound.demonstrate !== undefined)
      this.demonstrate = (random) => (bound as Required<BoundTask>).demonstrate(random);
    this.cameras = (task.cameras ?? [task.camera]).map((camera) => this.cameraName(camera));
    this.#random = episodeStream(seed);
    simulation.reset(() => undefined);
    const stateSize = settingUp(task, () => this.#observe().length);
    const actionSize = simulation.actuatorCount;
    const ranges = simulation.model('actuator_ctrlrange');
    this.actionSpace = { shape: [actionSize], low: -1, high: 1, dtype: 'float32' };
    this.observationSpace = {
      images: [],
      state: { shape: [stateSize], low: -Infinity, high: Infinity, dtype: 'float32' },
    };
    this.spec = {
      task: task.name,
      actionRepeat: 1,
      controlTimestep: task.controlTimestep,
      maxEnvFrames: task.maxEnvFrames,
      actionSize,
      actionBox: {
        low: [...ranges].filter((_, i) => i % 2 === 0),
        high: [...ranges].filter((_, i) => i % 2 === 1),
      },
      stateSize,
      camera: simulation.name('camera', task.camera),
      renderer: rendererVersion,
    };
  }

  /** @throws InputError where the model cannot be loaded, or the task does not fit it */
  static async create(task: SuiteTask, seed: number): Promise<SuiteEnvironment> {
    return new SuiteEnvironment(task, await Simulation.load(task.model), seed);
  }

  reset(options: { readonly seed?: number } = {}): ResetResult {
    if (options.seed !== undefined) this.#random = episodeStream(options.seed);
    this.#simulation.reset(() => this.#bound.initialise(this.#random));
    const state = this.#observe();
    const bad = this.#simulation.newWarning() ?? this.#simulation.badNumber() ?? notFinite(state);
    if (bad !== null)
      throw new InputError(
        `An episode of ${this.#task.name} cannot begin: ${bad}; its initialise() has to write a state of finite numbers, of which observe() gives finite ones.`,
      );
    this.#envFrames = 0;
    return { observation: { images: {}, state }, info: { envFrames: 0 } };
  }

  /**
   * Puts the model at rest into a configuration `qpos` `[nq]`, to look at it or to start from it.
   * @throws InputError when it has another number of positions, or one of them is no number
   */
  setPositions(qpos: readonly number[]): void {
    const expected = this.#simulation.data('qpos').length;
    if (qpos.length !== expected) {
      throw new InputError(
        `${this.#task.name} has ${expected} positions (qpos), and ${qpos.length} were given.`,
      );
    }
    this.#simulation.reset(() => this.#simulation.data('qpos').set(qpos));
    const bad = this.#simulation.badNumber();
    if (bad !== null) throw new InputError(`${this.#task.name} cannot be put into that position: ${bad}.`);
    this.#envFrames = 0;
  }

  /** @param action `[A]`; values outside [−1, 1] are clipped, and ±1 are the ends of what an actuator takes. */
  step(action: Float32Array): StepResult {
    if (this.#envFrames === null) throw new Error('step was called without an episode: call reset first.');
    this.#writeControl(action);
    this.#simulation.step(this.#stepsPerFrame);
    this.#envFrames++;
    const info = { envFrames: this.#envFrames };
    const state = this.#observe();
    const reward = this.#bound.reward();
    const invalid = this.#simulation.newWarning() ?? notFinite(state, reward);
    if (invalid !== null) {
      this.#envFrames = null;
      return {
        observation: { images: {}, state },
        reward: 0,
        terminated: false,
        truncated: true,
        info: { ...info, invalid },
      };
    }
    const terminated = this.#bound.terminated?.() === true;
    const success = this.#bound.success?.();
    if (terminated) this.#envFrames = null;
    return {
      observation: { images: {}, state },
      reward,
      terminated,
      truncated: false,
      info: success === undefined ? info : { ...info, success },
    };
  }

  /** Width and height default to 64 pixels (or to each other), the camera to the task's own. */
  render(options: RenderOptions = {}): Frame {
    const width = options.width ?? options.height ?? 64;
    const height = options.height ?? width;
    const camera = this.#cameraId(options.camera);
    // Made on first use: an environment that is never looked at needs no pictures' memory.
    this.#renderer ??= new Renderer(this.#simulation);
    return {
      width,
      height,
      channels: 3,
      data: this.#renderer.render(camera, width, height, options.appearance),
    };
  }

  /** Where `render` with the same options looks from. */
  view({ camera, appearance }: Pick<RenderOptions, 'camera' | 'appearance'> = {}): View {
    this.#renderer ??= new Renderer(this.#simulation);
    return this.#renderer.view(this.#cameraId(camera), appearance);
  }

  /** What is simulated: to be looked into, and pushed. */
  get simulation(): Simulation {
    return this.#simulation;
  }

  /** @throws InputError that lists the cameras when the model has no such one. */
  cameraName(camera: string | number | undefined): string {
    return this.#simulation.name('camera', this.#cameraId(camera));
  }

  saveState(): EnvironmentState {
    if (this.#envFrames === null) throw new Error('There is no episode to save: call reset first.');
    const model: Record<string, string> = {};
    for (const field of this.#task.editedFields ?? [])
      model[field] = encodeBytes(this.#simulation.model(field));
    const state: z.infer<typeof savedStateSchema> = {
      physics: encodeBytes(this.#simulation.saveState()),
      model,
      random: this.#random.state(),
      envFrames: this.#envFrames,
    };
    return { ...state };
  }

  restoreState(state: EnvironmentState): void {
    const parsed = savedStateSchema.safeParse(state);
    if (!parsed.success) {
      throw new InputError(
        `This is not a saved state of ${this.#task.name}: ${z.prettifyError(parsed.error)}`,
      );
    }
    const saved = parsed.data;
    for (const field of this.#task.editedFields ?? []) {
      const values = this.#simulation.model(field);
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength).set(
        decodeBytes(saved.model[field] ?? ''),
      );
    }
    this.#simulation.restoreState(new Float64Array(decodeBytes(saved.physics).buffer));
    this.#random.restore(saved.random);
    this.#envFrames = saved.envFrames;
  }

  close(): void {
    this.#simulation.dispose();
  }

  #cameraId(camera: string | number = this.#task.camera): number {
    const names = Array.from({ length: this.#simulation.count('camera') }, (_, i) =>
      this.#simulation.name('camera', i),
    );
    const id = typeof camera === 'number' ? camera : names.indexOf(camera);
    if (names[id] === undefined) {
      throw new InputError(
        `${this.#task.name} has no camera ${JSON.stringify(camera)}: expected one of ${names.join(', ')}.`,
      );
    }
    return id;
  }

  /** Spreads [−1, 1] over the range of each actuator's control. */
  #writeControl(action: Float32Array): void {
    const ctrl = this.#simulation.data('ctrl');
    const ranges = this.#simulation.model('actuator_ctrlrange');
    if (action.length !== ctrl.length) {
      throw new Error(`${this.#task.name} takes actions of ${ctrl.length} numbers, not ${action.length}.`);
    }
    for (let i = 0; i < ctrl.length; i++) {
      const value = action[i] as number;
      if (Number.isNaN(value)) throw new Error(`Number ${i} of the action is NaN.`);
      const low = ranges[2 * i] as number;
      const high = ranges[2 * i + 1] as number;
      ctrl[i] = (low + high) / 2 + (Math.min(1, Math.max(-1, value)) * (high - low)) / 2;
    }
  }

  #observe(): Float32Array {
    const values: number[] = [];
    for (const feature of Object.values(this.#bound.observe())) values.push(...feature);
    return Float32Array.from(values);
  }
}

function episodeStream(seed: number): Generator {
  return new Generator(seed).child('episodes');
}

/** @throws InputError where the model lacks what an environment takes from it */
function checkModel(task: SuiteTask, simulation: Simulation, stepsPerFrame: number): void {
  const { name, controlTimestep, camera } = task;
  const { timestep } = simulation;
  const complain = (problem: string): never => {
    throw new InputError(`The task ${name} does not fit its model: ${problem}.`);
  };
  if (stepsPerFrame < 1 || Math.abs(controlTimestep / timestep - stepsPerFrame) > 1e-6)
    complain(
      `controlTimestep is ${controlTimestep} s, and no whole multiple of the model's timestep of ${timestep} s`,
    );
  if (camera >= simulation.count('camera'))
    complain(`camera is ${camera}, and the model has ${simulation.count('camera')} of them, counted from 0`);
  if (simulation.actuatorCount === 0) complain('the model has no actuators, and an action moves nothing');
  const ranges = simulation.model('actuator_ctrlrange');
  for (let i = 0; i < simulation.actuatorCount; i++)
    if (ranges[2 * i] === ranges[2 * i + 1])
      complain(
        `actuator ${simulation.name('actuator', i) || i} has no ctrlrange, over which actions of −1 to 1 are spread`,
      );
}

function bind(task: SuiteTask, simulation: Simulation): BoundTask {
  const bound = settingUp(task, () => task.bind(simulation));
  for (const method of ['initialise', 'observe', 'reward'] as const)
    if (typeof bound?.[method] !== 'function')
      throw new InputError(
        `The task ${task.name} cannot be set up: what its bind returns has no ${method}().`,
      );
  return bound;
}

/** @throws InputError in place of what the task throws */
function settingUp<Result>(task: SuiteTask, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw ownFailure(`The task ${task.name} cannot be set up`, error);
  }
}
