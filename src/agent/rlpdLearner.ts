/**
 * RLPD's learner: owns networks, optimisers and random streams. Its full step adds the actor's and the
 * temperature's to the critic step.
 */
import * as tf from '@tensorflow/tfjs-core';
import { Adam } from '../nn/adam.js';
import { drawDropoutMask } from '../nn/dropout.js';
import { ParameterGroup } from '../nn/parameters.js';
import { sampleAction } from '../nn/tanhGaussian.js';
import type { Generator } from '../random/generator.js';
import type { Batch } from '../replay/batch.js';
import type { InputArrays, InputSpecs, Inputs } from './batchInputs.js';
import type { AgentConfig } from './config.js';
import type { Learner, LearnerState, UpdateMetrics } from './learner.js';
import { Actor, actingParameters, Critic } from './networks.js';
import type { AgentShape, ObservationTensors } from './observation.js';
import { actorStep, criticStep, isConstrained, type RlpdNetworks, rlpdMetricNames } from './rlpdUpdate.js';
import { UpdatePrograms, type UpdateSteps } from './updatePrograms.js';

/**
 * Prefixes of the dropout masks' names: critic(s, a), target(s', a'), critic(s, π(s)) in the actor's loss, and the
 * actor itself there and at s'.
 */
type MaskUse = 'dropout' | 'targetDropout' | 'actorDropout' | 'policyDropout' | 'nextPolicyDropout';

export class RlpdLearner implements Learner {
  readonly networks: RlpdNetworks;
  readonly groups: readonly ParameterGroup[];
  readonly explorationNoise = 1;
  readonly #config: AgentConfig;
  readonly #shape: AgentShape;
  readonly #updates: UpdatePrograms;
  readonly #streams: Readonly<Record<'noise' | 'subset' | 'dropout', Generator>>;
  #criticSteps = 0;
  #actorSteps = 0;

  /** @param clonedAction proposes a second action for the target, which chooses between the two (IBRL) */
  constructor(
    config: AgentConfig,
    shape: AgentShape,
    random: Generator,
    clonedAction?: RlpdNetworks['clonedAction'],
  ) {
    this.#config = config;
    this.#shape = shape;
    this.#streams = {
      noise: random.child('noise'),
      subset: random.child('subset'),
      dropout: random.child('dropout'),
    };
    const weights = random.child('weights');
    const critic = new Critic('critic', config, shape, weights);
    const targetCritic = new Critic('targetCritic', config, shape, weights);
    targetCritic.group.copyFrom(critic.group);
    const actor = new Actor(config, shape, critic.encoders.features, weights);
    const temperature = new ParameterGroup('temperature', weights);
    const logTemperature = temperature.constant<tf.Rank.R0>('log', [], Math.log(config.initialTemperature));
    this.groups = [critic.group, targetCritic.group, actor.group, temperature];
    const { criticLearningRate, criticWeightDecay, actorLearningRate, temperatureLearningRate } = config;
    const optimisers = {
      critic: new Adam(critic.group.parameters, {
        learningRate: criticLearningRate,
        weightDecay: criticWeightDecay,
      }),
      actor: new Adam(actor.group.parameters, { learningRate: actorLearningRate }),
      temperature: new Adam(temperature.parameters, { learningRate: temperatureLearningRate }),
    };
    this.networks = { critic, targetCritic, actor, logTemperature, clonedAction, optimisers };
    this.#updates = new UpdatePrograms(this.#updateSteps(), shape, config.randomShiftPad);
  }

  get optimisers(): RlpdNetworks['optimisers'] {
    return this.networks.optimisers;
  }

  get policyParameters(): string[] {
    return actingParameters(this.networks.critic, this.networks.actor);
  }

  action(observation: ObservationTensors, noise: tf.Tensor2D): tf.Tensor2D {
    const { critic, actor } = this.networks;
    // With no noise the sample is the mode, tanh(mean).
    return sampleAction(actor.distribution(critic.features(observation)), noise).action;
  }

  pretrain(batch: Batch): Promise<UpdateMetrics> {
    return this.update(batch);
  }

  update(batch: Batch): Promise<UpdateMetrics> {
    return this.#updates.run(batch);
  }

  state(): LearnerState {
    const generators = Object.fromEntries(
      Object.entries(this.#streams).map(([name, stream]) => [name, stream.state()]),
    );
    return { criticSteps: this.#criticSteps, actorSteps: this.#actorSteps, generators };
  }

  restore(state: LearnerState): void {
    this.#criticSteps = state.criticSteps;
    this.#actorSteps = state.actorSteps;
    for (const [name, stream] of Object.entries(this.#streams)) {
      const saved = state.generators[name];
      if (saved === undefined) throw new Error(`The agent's state lacks the generator "${name}".`);
      stream.restore(saved);
    }
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
    const names = rlpdMetricNames(networks, config);
    return {
      name: 'rlpd',
      criticMetricNames: names.critic,
      actorMetricNames: names.actor,
      takesPrior: isConstrained(config),
      criticSpecs: (rows) => this.#criticSpecs(rows),
      actorSpecs: (rows) => this.#actorSpecs(rows),
      criticInputs: (rows) => this.#criticInputs(rows),
      actorInputs: (rows) => this.#actorInputs(rows),
      criticStep: (transitions, inputs) =>
        criticStep(networks, config, {
          ...transitions,
          nextNoise: inputs.nextNoise as tf.Tensor2D,
          subset: inputs.subset as tf.Tensor1D,
          criticStep: inputs.criticStep as tf.Scalar,
          dropoutMasks: this.#masks(inputs, 'dropout'),
          targetDropoutMasks: this.#masks(inputs, 'targetDropout'),
          nextPolicyDropoutMasks: this.#masks(inputs, 'nextPolicyDropout'),
        }),
      actorStep: ({ observation, priorActions }, features, inputs) =>
        actorStep(networks, config, {
          observation,
          features,
          noise: inputs.noise as tf.Tensor2D,
          actorStep: inputs.actorStep as tf.Scalar,
          dropoutMasks: this.#masks(inputs, 'actorDropout'),
          policyDropoutMasks: this.#masks(inputs, 'policyDropout'),
          priorActions,
        }),
    };
  }

  #criticSpecs(rows: number): InputSpecs {
    return {
      nextNoise: { shape: [rows, this.#shape.actionSize], dtype: 'float32' },
      subset: { shape: [this.#config.targetSubset], dtype: 'int32' },
      criticStep: { shape: [], dtype: 'int32' },
      ...this.#maskSpecs('dropout', rows),
      ...this.#maskSpecs('targetDropout', rows),
      ...this.#maskSpecs('nextPolicyDropout', rows),
    };
  }

  #actorSpecs(rows: number): InputSpecs {
    return {
      noise: { shape: [rows, this.#shape.actionSize], dtype: 'float32' },
      actorStep: { shape: [], dtype: 'int32' },
      ...this.#maskSpecs('actorDropout', rows),
      ...this.#maskSpecs('policyDropout', rows),
    };
  }

  #criticInputs(rows: number): InputArrays {
    const { ensembleSize, targetSubset } = this.#config;
    const inputs: InputArrays = {
      nextNoise: this.#streams.noise.fillNormal(new Float32Array(rows * this.#shape.actionSize)),
      subset: this.#streams.subset.choose(ensembleSize, targetSubset),
      criticStep: Int32Array.of(++this.#criticSteps),
    };
    this.#drawMasks(inputs, 'dropout', rows);
    this.#drawMasks(inputs, 'targetDropout', rows);
    this.#drawMasks(inputs, 'nextPolicyDropout', rows);
    return inputs;
  }

  #actorInputs(rows: number): InputArrays {
    const inputs: InputArrays = {
      noise: this.#streams.noise.fillNormal(new Float32Array(rows * this.#shape.actionSize)),
      actorStep: Int32Array.of(++this.#actorSteps),
    };
    this.#drawMasks(inputs, 'actorDropout', rows);
    this.#drawMasks(inputs, 'policyDropout', rows);
    return inputs;
  }

  /** One mask a hidden layer; none without dropout. */
  #maskSpecs(use: MaskUse, rows: number): InputSpecs {
    const { hiddenLayers, hiddenWidth } = this.#config;
    const { rate, members } = this.#dropout(use);
    if (rate === 0) return {};
    return Object.fromEntries(
      Array.from({ length: hiddenLayers }, (_, i) => [
        `${use}${i}`,
        { shape: [members, rows, hiddenWidth], dtype: 'float32' as const },
      ]),
    );
  }

  #drawMasks(inputs: InputArrays, use: MaskUse, rows: number): void {
    for (const [name, { shape }] of Object.entries(this.#maskSpecs(use, rows))) {
      const mask = new Float32Array(tf.util.sizeFromShape([...shape]));
      inputs[name] = drawDropoutMask(this.#streams.dropout, mask, this.#dropout(use).rate);
    }
  }

  #masks(inputs: Inputs, use: MaskUse): tf.Tensor3D[] {
    if (this.#dropout(use).rate === 0) return [];
    const { hiddenLayers } = this.#config;
    return Array.from({ length: hiddenLayers }, (_, i) => inputs[`${use}${i}`] as tf.Tensor3D);
  }

  /** Probability that a unit is dropped, and the networks that have masks of their own. */
  #dropout(use: MaskUse): { rate: number; members: number } {
    const { criticDropout, actorDropout, ensembleSize, targetSubset } = this.#config;
    switch (use) {
      case 'policyDropout':
      case 'nextPolicyDropout':
        return { rate: actorDropout, members: 1 };
      case 'targetDropout':
        return { rate: criticDropout, members: targetSubset };
      default:
        return { rate: criticDropout, members: ensembleSize };
    }
  }
}
