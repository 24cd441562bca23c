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
import { batchForm, type InputArrays, type InputSpecs, sameForm, TransitionInputs } from './batchInputs.js';
import type { AgentConfig } from './config.js';
import { ClippedGaussianActor, StateValue } from './iqlNetworks.js';
import { type IqlNetworks, iqlMetricNames, iqlStep } from './iqlUpdate.js';
import type { Learner, LearnerState, UpdateMetrics } from './learner.js';
import { actingParameters, Critic } from './networks.js';
import type { AgentShape, ObservationTensors } from './observation.js';
import { isConstrained } from './rlpdUpdate.js';
import { addToMeans, asVector } from './stepMetrics.js';

interface IqlProgram {
  readonly transitions: TransitionInputs;
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
    const value = new StateValue(config, shape, critic.encoders.features, weights);
    const actor = new ClippedGaussianActor(config, shape, critic.encoders.features, weights);
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
    return actingParameters(this.networks.critic, this.networks.actor);
  }

  action(observation: ObservationTensors, noise: tf.Tensor2D): tf.Tensor2D {
    const { critic, actor } = this.networks;
    return clippedSample(actor.distribution(critic.features(observation)), noise);
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
    if (this.#program !== undefined && sameForm(this.#program.transitions.form, batchForm(batch)))
      return this.#program;
    this.forgetPrograms();
    const { randomShiftPad } = this.#config;
    const takesPrior = isConstrained(this.#config);
    const transitions = new TransitionInputs(this.#shape, batch, randomShiftPad, takesPrior);
    const step = createProgram<string>({
      name: 'iql step',
      inputs: { ...transitions.specs, ...this.#specs() },
      body: (inputs) => {
        const metrics = iqlStep(this.networks, this.#config, {
          ...transitions.tensors(inputs),
          subset: inputs.subset as tf.Tensor1D,
          step: inputs.step as tf.Scalar,
        });
        return asVector(metrics);
      },
    });
    this.#program = { transitions, step };
    return this.#program;
  }

  #specs(): InputSpecs {
    return {
      subset: { shape: [this.#config.targetSubset], dtype: 'int32' },
      step: { shape: [], dtype: 'int32' },
    };
  }

  #inputs({ transitions }: IqlProgram, batch: Batch, index: number): InputArrays {
    const { ensembleSize, targetSubset } = this.#config;
    return {
      ...transitions.arrays(batch, index),
      subset: this.#subset.choose(ensembleSize, targetSubset),
      step: Int32Array.of(++this.#steps),
    };
  }
}
