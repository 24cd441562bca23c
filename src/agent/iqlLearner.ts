/**
 * IQL's learner (Kostrikov, Nair, Levine 2021): the same update on the dataset before the first step and on the
 * seeded replay afterwards, as the authors fine-tune; while it acts, it draws from its policy. All losses move once
 * a minibatch. Where it departs from the authors' code: the actor's learning rate stays what it is (theirs falls to
 * 0 over a million updates), weights are initialised as everywhere here, and from pixels one encoder serves all.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { createProgram, type Program } from '../backend/program.js';
import { Adam } from '../nn/adam.js';
import { clippedSample } from '../nn/clippedGaussian.js';
import type { ParameterGroup } from '../nn/parameters.js';
import type { Generator } from '../random/generator.js';
import type { Batch } from '../replay/batch.js';
import {
  type BatchForm,
  batchForm,
  type InputArrays,
  type InputSpecs,
  minibatchOf,
  ObservationInputs,
  sameForm,
} from './batchInputs.js';
import type { AgentConfig } from './config.js';
import { ClippedGaussianActor, StateValue } from './iqlNetworks.js';
import { type IqlNetworks, iqlMetricNames, iqlStep } from './iqlUpdate.js';
import type { Learner, LearnerState, UpdateMetrics } from './learner.js';
import { type AgentShape, Critic, type ObservationTensors } from './networks.js';
import { isConstrained } from './rlpdUpdate.js';
import { addToMeans, asVector } from './stepMetrics.js';

interface IqlProgram {
  readonly form: BatchForm;
  readonly observation: ObservationInputs;
  readonly nextObservation: ObservationInputs;
  readonly step: Program<string>;
}

export class IqlLearner implements Learner {
  readonly networks: IqlNetworks;
  readonly groups: readonly ParameterGroup[];
  readonly explorationNoise = 1;
  readonly #config: AgentConfig;
  readonly #shape: AgentShape;
  readonly #subset: Generator;
  #steps = 0;
  #program: IqlProgram | undefined;

  constructor(config: AgentConfig, shape: AgentShape, random: Generator) {
    this.#config = config;
    this.#shape = shape;
    this.#subset = random.child('subset');
    const weights = random.child('weights');
    const critic = new Critic('critic', config, shape, weights);
    const targetCritic = new Critic('targetCritic', config, shape, weights);
    targetCritic.group.copyFrom(critic.group);
    const value = new StateValue(config, shape, critic.encoder?.features, weights);
    const actor = new ClippedGaussianActor(config, shape, critic.encoder?.features, weights);
    this.groups = [critic.group, targetCritic.group, value.group, actor.group];
    const { criticLearningRate, criticWeightDecay, actorLearningRate } = config;
    const optimisers = {
      critic: new Adam(critic.group.parameters, {
        learningRate: criticLearningRate,
        weightDecay: criticWeightDecay,
      }),
      value: new Adam(value.group.parameters, { learningRate: criticLearningRate }),
      actor: new Adam(actor.group.parameters, { learningRate: actorLearningRate }),
    };
    this.networks = { critic, targetCritic, value, actor, optimisers };
  }

  get optimisers(): IqlNetworks['optimisers'] {
    return this.networks.optimisers;
  }

  get policyParameters(): string[] {
    const { critic, actor } = this.networks;
    const encoder = critic.group.parameters.filter(({ name }) => name.startsWith('encoder/'));
    return [
      ...encoder.map(({ name }) => `critic/${name}`),
      ...actor.group.parameters.map(({ name }) => `actor/${name}`),
    ];
  }

  action({ image, state }: ObservationTensors, noise: tf.Tensor2D): tf.Tensor2D {
    const { critic, actor } = this.networks;
    return clippedSample(actor.distribution({ image: critic.features(image), state }), noise);
  }

  pretrain(batch: Batch): Promise<UpdateMetrics> {
    return this.update(batch);
  }

  async update(batch: Batch): Promise<UpdateMetrics> {
    const program = this.#programFor(batch);
    const metrics: UpdateMetrics = {};
    const names = iqlMetricNames(this.#config);
    for (let index = 0; index < batch.minibatches; index++) {
      const values = await program.step.run(this.#inputs(program, batch, index));
      addToMeans(metrics, names, values, batch.minibatches);
    }
    return metrics;
  }

  state(): LearnerState {
    return {
      criticSteps: this.#steps,
      actorSteps: this.#steps,
      generators: { subset: this.#subset.state() },
    };
  }

  restore(state: LearnerState): void {
    const { subset } = state.generators;
    if (subset === undefined) throw new Error('The agent\'s state lacks the generator "subset".');
    this.#steps = state.criticSteps;
    this.#subset.restore(subset);
  }

  forgetPrograms(): void {
    this.#program?.step.dispose();
    this.#program = undefined;
  }

  dispose(): void {
    this.forgetPrograms();
    for (const group of this.groups) group.dispose();
    for (const optimiser of Object.values(this.optimisers)) optimiser.dispose();
  }

  #programFor(batch: Batch): IqlProgram {
    const form = batchForm(batch);
    if (this.#program !== undefined && sameForm(this.#program.form, form)) return this.#program;
    this.forgetPrograms();
    const observationInputs = (name: 'observation' | 'nextObservation') =>
      new ObservationInputs(name, this.#shape, batch.size, batch[name], this.#config.randomShiftPad);
    const observation = observationInputs('observation');
    const nextObservation = observationInputs('nextObservation');
    const step = createProgram<string>({
      name: 'iql step',
      inputs: { ...observation.specs, ...nextObservation.specs, ...this.#specs(batch.size) },
      body: (inputs) => {
        const actions = inputs.actions as tf.Tensor2D;
        const metrics = iqlStep(this.networks, this.#config, {
          observation: observation.tensors(inputs),
          nextObservation: nextObservation.tensors(inputs),
          actions,
          rewards: inputs.rewards as tf.Tensor1D,
          discounts: inputs.discounts as tf.Tensor1D,
          subset: inputs.subset as tf.Tensor1D,
          step: inputs.step as tf.Scalar,
          priorActions: isConstrained(this.#config)
            ? { actions, prior: inputs.prior as tf.Tensor1D }
            : undefined,
        });
        return asVector(metrics);
      },
    });
    this.#program = { form, observation, nextObservation, step };
    return this.#program;
  }

  #specs(rows: number): InputSpecs {
    return {
      actions: { shape: [rows, this.#shape.actionSize], dtype: 'float32' },
      rewards: { shape: [rows], dtype: 'float32' },
      discounts: { shape: [rows], dtype: 'float32' },
      subset: { shape: [this.#config.targetSubset], dtype: 'int32' },
      step: { shape: [], dtype: 'int32' },
      ...(isConstrained(this.#config) && { prior: { shape: [rows], dtype: 'float32' as const } }),
    };
  }

  #inputs({ observation, nextObservation }: IqlProgram, batch: Batch, index: number): InputArrays {
    const { size } = batch;
    const { ensembleSize, targetSubset } = this.#config;
    const inputs: InputArrays = {
      actions: minibatchOf(batch.actions, index, size * this.#shape.actionSize),
      rewards: minibatchOf(batch.rewards, index, size),
      discounts: minibatchOf(batch.discounts, index, size),
      subset: this.#subset.choose(ensembleSize, targetSubset),
      step: Int32Array.of(++this.#steps),
    };
    if (isConstrained(this.#config)) inputs.prior = minibatchOf(batch.prior, index, size);
    observation.fill(inputs, batch.observation, index);
    nextObservation.fill(inputs, batch.nextObservation, index);
    return inputs;
  }
}
