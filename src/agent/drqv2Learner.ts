/**
 * DrQ-v2's learner (Yarats et al. 2021): a deterministic actor that explores by scheduled noise, the least of the
 * critics in target and actor loss, one encoder that the critics' loss alone moves. With `drqv2` as the preset it is
 * the authors' agent. What it does not share with them:
 * - Weights start Xavier-uniform as everywhere here (the encoder's orthogonal, as theirs), where theirs are all
 *   orthogonal; layer norm's ε is 1e-6, theirs 1e-5; actions are clipped to ±1, theirs to ±(1 − 1e-6).
 * - Their random shift samples bilinearly, but by whole pixels: on images of 64 and 84 pixels with a pad of 4 it
 *   differs from the crop (encoders/randomShift.ts) by rounding alone, at most 0.004 of 255 grey levels.
 * - Their σ falls with agent steps, random ones included, and is 1 − 0.9·step/T; here it falls with updates. Without
 *   pre-training update u comes at agent step randomSteps + u/utdRatio·updateInterval, so that with their 2,000
 *   random steps, an update each second step and T = 100,000 it is explorationStart 0.982, explorationUpdates 49,000.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { Adam } from '../nn/adam.js';
import type { ParameterGroup } from '../nn/parameters.js';
import type { Generator } from '../random/generator.js';
import type { Batch } from '../replay/batch.js';
import type { InputArrays } from './batchInputs.js';
import type { AgentConfig } from './config.js';
import { DeterministicActor } from './deterministicActor.js';
import {
  type Drqv2Networks,
  drqv2ActorMetricNames,
  drqv2ActorStep,
  drqv2CriticMetricNames,
  drqv2CriticStep,
  explorationStd,
  exploredAction,
} from './drqv2Update.js';
import type { Learner, LearnerState, UpdateMetrics } from './learner.js';
import { actingParameters, Critic } from './networks.js';
import type { AgentShape, ObservationTensors } from './observation.js';
import { UpdatePrograms, type UpdateSteps } from './updatePrograms.js';

export class Drqv2Learner implements Learner {
  readonly networks: Drqv2Networks;
  readonly groups: readonly ParameterGroup[];
  readonly #config: AgentConfig;
  readonly #actionSize: number;
  readonly #noise: Generator;
  readonly #updates: UpdatePrograms;
  #criticSteps = 0;
  #actorSteps = 0;

  constructor(config: AgentConfig, shape: AgentShape, random: Generator) {
    this.#config = config;
    this.#actionSize = shape.actionSize;
    this.#noise = random.child('noise');
    const weights = random.child('weights');
    const critic = new Critic('critic', config, shape, weights);
    const targetCritic = new Critic('targetCritic', config, shape, weights, critic.encoders);
    targetCritic.group.copyFrom(critic.group);
    const actor = new DeterministicActor(config, shape, critic.encoders.features, weights);
    this.groups = [critic.group, targetCritic.group, actor.group];
    const { criticLearningRate, criticWeightDecay, actorLearningRate } = config;
    const optimisers = {
      critic: new Adam(critic.group.parameters, {
        learningRate: criticLearningRate,
        weightDecay: criticWeightDecay,
      }),
      actor: new Adam(actor.group.parameters, { learningRate: actorLearningRate }),
    };
    this.networks = { critic, targetCritic, actor, optimisers };
    this.#updates = new UpdatePrograms(this.#updateSteps(), shape, config.randomShiftPad);
  }

  get optimisers(): Drqv2Networks['optimisers'] {
    return this.networks.optimisers;
  }

  get policyParameters(): string[] {
    return actingParameters(this.networks.critic, this.networks.actor);
  }

  get explorationNoise(): number {
    return explorationStd(this.#config, this.#criticSteps);
  }

  /** σ of a policy that has learnt. */
  get policyNoise(): number {
    return this.#config.explorationEnd;
  }

  action(observation: ObservationTensors, noise: tf.Tensor2D): tf.Tensor2D {
    const { critic, actor } = this.networks;
    return exploredAction(actor.action(critic.features(observation)), noise);
  }

  pretrain(batch: Batch): Promise<UpdateMetrics> {
    return this.update(batch);
  }

  update(batch: Batch): Promise<UpdateMetrics> {
    return this.#updates.run(batch);
  }

  state(): LearnerState {
    return {
      criticSteps: this.#criticSteps,
      actorSteps: this.#actorSteps,
      generators: { noise: this.#noise.state() },
    };
  }

  restore(state: LearnerState): void {
    const { noise } = state.generators;
    if (noise === undefined) throw new Error('The agent\'s state lacks the generator "noise".');
    this.#criticSteps = state.criticSteps;
    this.#actorSteps = state.actorSteps;
    this.#noise.restore(noise);
  }

  forgetPrograms(): void {
    this.#updates.forget();
  }

  dispose(): void {
    this.forgetPrograms();
    for (const group of this.groups) group.dispose();
    for (const optimiser of Object.values(this.optimisers)) optimiser.dispose();
  }

  #updateSteps(): UpdateSteps {
    const { networks } = this;
    const config = this.#config;
    const perAction = (rows: number) => ({ shape: [rows, this.#actionSize], dtype: 'float32' }) as const;
    return {
      name: 'drqv2',
      criticMetricNames: drqv2CriticMetricNames,
      actorMetricNames: drqv2ActorMetricNames,
      takesPrior: false,
      criticSpecs: (rows) => ({
        nextNoise: perAction(rows),
        explorationStd: { shape: [], dtype: 'float32' },
        criticStep: { shape: [], dtype: 'int32' },
      }),
      actorSpecs: (rows) => ({ noise: perAction(rows), actorStep: { shape: [], dtype: 'int32' } }),
      criticInputs: (rows) => this.#criticInputs(rows),
      actorInputs: (rows) => ({
        noise: this.#normal(rows),
        actorStep: Int32Array.of(++this.#actorSteps),
      }),
      criticStep: (transitions, inputs) =>
        drqv2CriticStep(networks, config, {
          ...transitions,
          nextNoise: inputs.nextNoise as tf.Tensor2D,
          explorationStd: inputs.explorationStd as tf.Scalar,
          criticStep: inputs.criticStep as tf.Scalar,
        }),
      actorStep: (_transitions, features, inputs) =>
        drqv2ActorStep(networks, config, {
          features,
          noise: inputs.noise as tf.Tensor2D,
          explorationStd: inputs.explorationStd as tf.Scalar,
          actorStep: inputs.actorStep as tf.Scalar,
        }),
    };
  }

  /** The actor's step goes by the σ of its critic step. */
  #criticInputs(rows: number): InputArrays {
    return {
      nextNoise: this.#normal(rows),
      explorationStd: Float32Array.of(this.explorationNoise),
      criticStep: Int32Array.of(++this.#criticSteps),
    };
  }

  #normal(rows: number): Float32Array {
    return this.#noise.fillNormal(new Float32Array(rows * this.#actionSize));
  }
}
