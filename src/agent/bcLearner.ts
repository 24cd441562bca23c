/**
 * Behaviour cloning: the actor imitates the batch's actions, and the encoder is its own. Either its mode regresses
 * them (mean of (tanh(mean) − a)²) or their log-likelihood under the tanh-Gaussian is maximised.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createProgram, type Program } from '../backend/program.js';
import { Adam } from '../nn/adam.js';
import { differentiate } from '../nn/gradients.js';
import type { ParameterGroup } from '../nn/parameters.js';
import { actionLogProbability, modeAction, sampleAction } from '../nn/tanhGaussian.js';
import type { Generator } from '../random/generator.js';
import type { Batch } from '../replay/batch.js';
import {
  type BatchForm,
  batchForm,
  type InputArrays,
  type Inputs,
  minibatchOf,
  ObservationInputs,
  sameForm,
} from './batchInputs.js';
import type { AgentConfig } from './config.js';
import type { Learner, LearnerState, UpdateMetrics } from './learner.js';
import { Actor } from './networks.js';
import type { AgentShape, ObservationTensors } from './observation.js';
import { addToMeans, asVector } from './stepMetrics.js';

/** The numbers a step reports. */
const bcMetricNames = ['actorLoss'] as const;

interface CloningProgram {
  readonly form: BatchForm;
  readonly observation: ObservationInputs;
  readonly step: Program<string>;
}

export class BcLearner implements Learner {
  readonly actor: Actor;
  readonly groups: readonly ParameterGroup[];
  readonly optimisers: Readonly<Record<string, Adam>>;
  readonly explorationNoise: number;
  readonly #config: AgentConfig;
  readonly #shape: AgentShape;
  readonly #optimiser: Adam;
  #actorSteps = 0;
  #program: CloningProgram | undefined;

  /** @param name of the actor's weights */
  constructor(config: AgentConfig, shape: AgentShape, random: Generator, name = 'actor') {
    this.#config = config;
    this.#shape = shape;
    // A regressed mode says nothing of the spread around it.
    this.explorationNoise = config.bcLoss === 'logLikelihood' ? 1 : 0;
    this.actor = new Actor(config, shape, undefined, random.child('weights'), name);
    this.groups = [this.actor.group];
    this.#optimiser = new Adam(this.actor.group.parameters, { learningRate: config.actorLearningRate });
    this.optimisers = { [name]: this.#optimiser };
  }

  get policyParameters(): string[] {
    const { name: group, parameters } = this.actor.group;
    return parameters.map(({ name }) => `${group}/${name}`);
  }

  action(observation: ObservationTensors, noise: tf.Tensor2D): tf.Tensor2D {
    return sampleAction(this.actor.distribution(this.actor.features(observation)), noise).action;
  }

  /** The policy's mode, tanh(mean), `[B, A]`. */
  mode(observation: ObservationTensors): tf.Tensor2D {
    return modeAction(this.actor.distribution(this.actor.features(observation)));
  }

  pretrain(batch: Batch): Promise<UpdateMetrics> {
    return this.update(batch);
  }

  async update(batch: Batch): Promise<UpdateMetrics> {
    const { observation, step } = this.#programFor(batch);
    const metrics: UpdateMetrics = {};
    for (let index = 0; index < batch.minibatches; index++) {
      const inputs: InputArrays = {
        actions: minibatchOf(batch.actions, index, batch.size * this.#shape.actionSize),
        actorStep: Int32Array.of(++this.#actorSteps),
      };
      observation.fill(inputs, batch.observation, index);
      addToMeans(metrics, bcMetricNames, await step.run(inputs), batch.minibatches);
    }
    return metrics;
  }

  state(): LearnerState {
    return { criticSteps: 0, actorSteps: this.#actorSteps, generators: {} };
  }

  restore(state: LearnerState): void {
    this.#actorSteps = state.actorSteps;
  }

  forgetPrograms(): void {
    this.#program?.step.dispose();
    this.#program = undefined;
  }

  dispose(): void {
    this.forgetPrograms();
    this.actor.group.dispose();
    this.#optimiser.dispose();
  }

  #programFor(batch: Batch): CloningProgram {
    const form = batchForm(batch);
    if (this.#program !== undefined && sameForm(this.#program.form, form)) return this.#program;
    this.forgetPrograms();
    const { randomShiftPad } = this.#config;
    const observation = new ObservationInputs(
      'observation',
      this.#shape,
      batch.size,
      batch.observation,
      randomShiftPad,
    );
    const step = createProgram<string>({
      name: 'behaviour cloning step',
      inputs: {
        ...observation.specs,
        actions: { shape: [batch.size, this.#shape.actionSize], dtype: 'float32' },
        actorStep: { shape: [], dtype: 'int32' },
      },
      body: (inputs) => this.#step(inputs, observation),
    });
    this.#program = { form, observation, step };
    return this.#program;
  }

  #step(inputs: Inputs, observation: ObservationInputs): tf.Tensor1D {
    const tensors = observation.tensors(inputs);
    const actions = inputs.actions as tf.Tensor2D;
    const { loss, gradients } = differentiate(this.actor.group.variables, () => {
      const distribution = this.actor.distribution(this.actor.features(tensors));
      const loss: tf.Scalar =
        this.#config.bcLoss === 'mode'
          ? tf.mean(tf.square(tf.sub(modeAction(distribution), actions)))
          : tf.neg(tf.mean(actionLogProbability(distribution, actions)));
      return { loss, byProducts: [] };
    });
    this.#optimiser.apply(gradients, inputs.actorStep as tf.Scalar);
    return asVector([loss]);
  }
}
