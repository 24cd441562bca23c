/**
 * The agent: acts on one observation, learns from one batch, saves and restores everything that the next action
 * and the next update depend on. Which learning algorithm is behind it is for its settings to say.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Observation, ObservationSpace } from '../../envs/environment.js';
import { createProgram, type Program, type ProgramInput } from '../backend/program.js';
import { InputError } from '../errors.js';
import type { NamedTensor } from '../nn/namedTensor.js';
import { assignValues, readValues } from '../nn/parameters.js';
import { Generator, type GeneratorState } from '../random/generator.js';
import type { Batch } from '../replay/batch.js';
import { BcLearner } from './bcLearner.js';
import type { AgentConfig } from './config.js';
import { Drqv2Learner } from './drqv2Learner.js';
import { IbrlLearner } from './ibrlLearner.js';
import { IqlLearner } from './iqlLearner.js';
import { type Learner, learnerVariables } from './learner.js';
import type { LearnerState, UpdateMetrics } from './learnerState.js';
import { type AgentShape, agentShape, type ImageShape, type ObservationTensors } from './observation.js';
import { RlpdLearner } from './rlpdLearner.js';

/** What `state` returns; plain JSON. */
export interface AgentState {
  readonly learner: LearnerState;
  readonly exploration: GeneratorState;
}

/** Which learner an algorithm's name stands for. */
const algorithms: Readonly<
  Record<AgentConfig['algorithm'], new (config: AgentConfig, shape: AgentShape, random: Generator) => Learner>
> = { rlpd: RlpdLearner, bc: BcLearner, iql: IqlLearner, ibrl: IbrlLearner, drqv2: Drqv2Learner };

export class RlpdAgent {
  readonly config: AgentConfig;
  readonly #shape: AgentShape;
  readonly #learner: Learner;
  readonly #exploration: Generator;
  #acting: Program<string> | undefined;
  #warmingUp: Program<string> | undefined;
  /** Where what acts is a policy that was restored without the rest of its agent: what its noise is multiplied by. */
  #policyNoise: number | undefined;

  private constructor(config: AgentConfig, shape: AgentShape, learner: Learner, exploration: Generator) {
    this.config = config;
    this.#shape = shape;
    this.#learner = learner;
    this.#exploration = exploration;
  }

  /**
   * A fresh agent on the tensor backend in use.
   * @throws InputError when the observation space does not fit the settings
   */
  static create(o: {
    config: AgentConfig;
    observationSpace: ObservationSpace;
    actionSize: number;
    seed: number;
  }): RlpdAgent {
    const shape = agentShape(o.observationSpace, o.actionSize);
    const random = new Generator(o.seed).child('agent');
    const Algorithm = algorithms[o.config.algorithm];
    const learner = new Algorithm(o.config, shape, random.child('learner'));
    return new RlpdAgent(o.config, shape, learner, random.child('exploration'));
  }

  /**
   * An action `[A]` in [−1, 1]: drawn from the policy (`sample`, with its own stream of noise) or its mode (`mean`,
   * which draws nothing).
   */
  async act(observation: Observation, mode: 'sample' | 'mean'): Promise<Float32Array> {
    const noise = new Float32Array(this.#learner.noiseSize ?? this.#shape.actionSize);
    const { explorationNoise } = this;
    if (mode === 'sample' && explorationNoise > 0) {
      this.#exploration.fillNormal(noise);
      if (explorationNoise !== 1)
        for (let i = 0; i < noise.length; i++) noise[i] = explorationNoise * (noise[i] as number);
    }
    this.#acting ??= this.#actingProgram(
      'act',
      (tensors, inputs) => this.#learner.action(tensors, inputs.noise as tf.Tensor2D),
      { noise: { shape: [1, noise.length], dtype: 'float32' } },
    );
    return this.#acting.run({ noise, ...this.#observationInputs(observation) });
  }

  /** An action `[A]` for a step before the first update; undefined where such steps are uniformly random. */
  async warmUp(observation: Observation): Promise<Float32Array | undefined> {
    const learner = this.#learner;
    const { warmUpAction } = learner;
    if (warmUpAction === undefined) return undefined;
    this.#warmingUp ??= this.#actingProgram('warm up', (tensors) => warmUpAction.call(learner, tensors));
    return this.#warmingUp.run(this.#observationInputs(observation));
  }

  /** Starts the noise of `act` anew, as a function of the seed alone. */
  seedExploration(seed: number): void {
    this.#exploration.restore(new Generator(seed).child('exploration').state());
  }

  /** Learns from a batch of prior data, before the first environment step. */
  async pretrain(batch: Batch): Promise<UpdateMetrics> {
    return this.#learner.pretrain(batch);
  }

  /** G critic steps on the batch's G minibatches, then one actor and one temperature step on the last of them. */
  async update(batch: Batch): Promise<UpdateMetrics> {
    return this.#learner.update(batch);
  }

  /**
   * Everything to be saved, by name: weights and their moving average as `group/parameter`, Adam's moments as
   * `adam/group/parameter/first` and `…/second`.
   */
  async tensors(): Promise<Map<string, NamedTensor>> {
    const saved = new Map<string, NamedTensor>();
    for (const [name, variable] of learnerVariables(this.#learner))
      saved.set(name, await readValues(variable));
    return saved;
  }

  /** The part of `tensors` that acting needs: enough for `restorePolicy`. */
  async policyTensors(): Promise<Map<string, NamedTensor>> {
    const saved = new Map<string, NamedTensor>();
    const variables = learnerVariables(this.#learner);
    for (const name of this.#learner.policyParameters) {
      const variable = variables.get(name);
      if (variable !== undefined) saved.set(name, await readValues(variable));
    }
    return saved;
  }

  /** Counters and random streams. */
  state(): AgentState {
    return { learner: this.#learner.state(), exploration: this.#exploration.state() };
  }

  /**
   * Continues from what `tensors` and `state` gave: the next update is the same, bit for bit.
   * @throws InputError when a tensor is missing or has another shape
   */
  restore(tensors: ReadonlyMap<string, NamedTensor>, state: AgentState): void {
    this.#assign(tensors, learnerVariables(this.#learner).keys());
    this.#learner.restore(state.learner);
    this.#policyNoise = undefined;
    this.#exploration.restore(state.exploration);
  }

  /** What the noise of `act` is multiplied by now. */
  get explorationNoise(): number {
    return this.#policyNoise ?? this.#learner.explorationNoise;
  }

  /**
   * Takes over the weights that acting needs, from a whole checkpoint or from `policyTensors`.
   * @param explorationNoise of the agent that they are of; default: that of a policy at the end of its training
   * @throws InputError when a tensor is missing or has another shape
   */
  restorePolicy(tensors: ReadonlyMap<string, NamedTensor>, explorationNoise?: number): void {
    this.#assign(tensors, this.#learner.policyParameters);
    const { policyNoise } = this.#learner;
    this.#policyNoise = explorationNoise ?? policyNoise;
  }

  dispose(): void {
    this.#forgetActing();
    this.#learner.dispose();
  }

  #forgetActing(): void {
    this.#acting?.dispose();
    this.#warmingUp?.dispose();
    this.#acting = undefined;
    this.#warmingUp = undefined;
  }

  #observationInputs(observation: Observation): Record<string, Float32Array> {
    const { images, stateSize } = this.#shape;
    const inputs: Record<string, Float32Array> = {};
    for (const [i, image] of images.entries())
      inputs[`image${i}`] = scaledPixels(observation.images[image.name], image);
    if (stateSize > 0) inputs.state = checkedState(observation.state, stateSize);
    return inputs;
  }

  #actingProgram(
    name: string,
    action: (observation: ObservationTensors, inputs: Readonly<Record<string, tf.Tensor>>) => tf.Tensor2D,
    further: Readonly<Record<string, ProgramInput>> = {},
  ): Program<string> {
    const { images, stateSize, actionSize } = this.#shape;
    const inputs: Record<string, ProgramInput> = { ...further };
    for (const [i, { height, width, depth }] of images.entries())
      inputs[`image${i}`] = { shape: [1, height, width, depth], dtype: 'float32' };
    if (stateSize > 0) inputs.state = { shape: [1, stateSize], dtype: 'float32' };
    return createProgram<string>({
      name,
      inputs,
      // A few small kernels take less time than handing a recording to another thread.
      record: false,
      body: (tensors) => {
        const observation = {
          images: images.map((_, i) => tensors[`image${i}`] as tf.Tensor4D),
          state: tensors.state as tf.Tensor2D | undefined,
        };
        return tf.reshape(action(observation, tensors), [actionSize]);
      },
    });
  }

  #assign(tensors: ReadonlyMap<string, NamedTensor>, names: Iterable<string>): void {
    // A program may have recorded where the old values live.
    this.#forgetActing();
    this.#learner.forgetPrograms();
    const variables = learnerVariables(this.#learner);
    for (const name of names) {
      const variable = variables.get(name);
      const values = tensors.get(name);
      if (variable === undefined) continue;
      if (values === undefined) {
        throw new InputError(
          `The checkpoint lacks the tensor "${name}"; it was made by other agent settings.`,
        );
      }
      if (!tf.util.arraysEqual([...values.shape], variable.shape)) {
        throw new InputError(
          `The checkpoint's tensor "${name}" has shape [${values.shape}] and this agent needs [${variable.shape}]; give the settings and the task it was trained with.`,
        );
      }
      assignValues(variable, values);
    }
  }
}

/** uint8 to [0, 1]. */
function scaledPixels(
  pixels: Uint8Array | undefined,
  { name, height, width, depth }: ImageShape,
): Float32Array {
  const size = height * width * depth;
  if (pixels?.length !== size) {
    throw new Error(
      `The observation's image "${name}" has ${pixels?.length ?? 0} bytes; the agent expects ${height}×${width}×${depth}.`,
    );
  }
  const scaled = new Float32Array(size);
  for (let i = 0; i < size; i++) scaled[i] = (pixels[i] ?? 0) / 255;
  return scaled;
}

function checkedState(state: Float32Array | undefined, size: number): Float32Array {
  if (state?.length !== size) {
    throw new Error(`The observation has ${state?.length ?? 0} state numbers; the agent expects ${size}.`);
  }
  return state;
}
