/**
 * RLPD's learner: owns networks, optimisers and random streams, and runs the update as two programs: a critic
 * step, and the full step, which adds the actor's and the temperature's. A batch of G minibatches takes G − 1 of
 * the first and one of the second.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createProgram, type Program } from '../backend/program.js';
import { Adam } from '../nn/adam.js';
import { drawDropoutMask } from '../nn/dropout.js';
import { ParameterGroup } from '../nn/parameters.js';
import { sampleAction } from '../nn/tanhGaussian.js';
import type { Generator } from '../random/generator.js';
import type { Batch } from '../replay/batch.js';
import {
  type BatchForm,
  batchForm,
  type InputArrays,
  type InputSpecs,
  type Inputs,
  minibatchOf,
  ObservationInputs,
  sameForm,
} from './batchInputs.js';
import type { AgentConfig } from './config.js';
import type { Learner, LearnerState, UpdateMetrics } from './learner.js';
import { Actor, type AgentShape, Critic, type ObservationTensors } from './networks.js';
import {
  actorStep,
  type CriticStepInputs,
  criticStep,
  isConstrained,
  type RlpdNetworks,
  rlpdMetricNames,
} from './rlpdUpdate.js';
import { addToMeans, asVector } from './stepMetrics.js';

/** The two programs for batches of one form. */
interface Programs {
  readonly form: BatchForm;
  readonly observation: ObservationInputs;
  readonly nextObservation: ObservationInputs;
  readonly critic: Program<string>;
  readonly full: Program<string>;
}

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
  readonly #streams: Readonly<Record<'noise' | 'subset' | 'dropout', Generator>>;
  #criticSteps = 0;
  #actorSteps = 0;
  #programs: Programs | undefined;

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
    const actor = new Actor(config, shape, critic.encoder?.features, weights);
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
  }

  get optimisers(): RlpdNetworks['optimisers'] {
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
    // With no noise the sample is the mode, tanh(mean).
    return sampleAction(actor.distribution({ image: critic.features(image), state }), noise).action;
  }

  pretrain(batch: Batch): Promise<UpdateMetrics> {
    return this.update(batch);
  }

  async update(batch: Batch): Promise<UpdateMetrics> {
    const programs = this.#programsFor(batch);
    const metrics: UpdateMetrics = {};
    const last = batch.minibatches - 1;
    const names = rlpdMetricNames(this.networks, this.#config);
    const prepare = (index: number): InputArrays => {
      const inputs = this.#criticInputs(programs, batch, index);
      if (index === last) this.#addActorInputs(inputs, batch, index);
      return inputs;
    };
    const start = (index: number): Promise<Float32Array> =>
      (index === last ? programs.full : programs.critic).run(prepare(index));
    let running = start(0);
    let next: Promise<Float32Array> | undefined;
    try {
      for (let index = 0; index <= last; index++) {
        // Drawn and handed over while this step is computed, so that the engine need not wait between the two.
        next = index < last ? start(index + 1) : undefined;
        const values = await running;
        addToMeans(metrics, names.critic, values, batch.minibatches);
        if (next !== undefined) running = next;
        if (index < last) continue;
        addToMeans(metrics, names.actor, values.subarray(names.critic.length), 1);
      }
    } finally {
      // After a failure the one behind it is pending still.
      await next?.catch(() => {});
    }
    return metrics;
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
    this.#programs?.critic.dispose();
    this.#programs?.full.dispose();
    this.#programs = undefined;
  }

  dispose(): void {
    this.forgetPrograms();
    for (const group of this.groups) group.dispose();
    for (const optimiser of Object.values(this.optimisers)) optimiser.dispose();
  }

  #programsFor(batch: Batch): Programs {
    const form = batchForm(batch);
    if (this.#programs !== undefined && sameForm(this.#programs.form, form)) return this.#programs;
    this.forgetPrograms();
    const config = this.#config;
    const { networks } = this;
    const observationInputs = (name: 'observation' | 'nextObservation') =>
      new ObservationInputs(name, this.#shape, batch.size, batch[name], config.randomShiftPad);
    const observation = observationInputs('observation');
    const nextObservation = observationInputs('nextObservation');
    const criticSpecs: InputSpecs = {
      ...observation.specs,
      ...nextObservation.specs,
      ...this.#criticSpecs(batch.size),
    };
    const criticInputs = (inputs: Inputs): CriticStepInputs => ({
      observation: observation.tensors(inputs),
      nextObservation: nextObservation.tensors(inputs),
      actions: inputs.actions as tf.Tensor2D,
      rewards: inputs.rewards as tf.Tensor1D,
      discounts: inputs.discounts as tf.Tensor1D,
      nextNoise: inputs.nextNoise as tf.Tensor2D,
      subset: inputs.subset as tf.Tensor1D,
      criticStep: inputs.criticStep as tf.Scalar,
      dropoutMasks: this.#masks(inputs, 'dropout'),
      targetDropoutMasks: this.#masks(inputs, 'targetDropout'),
      nextPolicyDropoutMasks: this.#masks(inputs, 'nextPolicyDropout'),
    });
    const critic = createProgram<string>({
      name: 'rlpd critic step',
      inputs: criticSpecs,
      body: (inputs) => asVector(criticStep(networks, config, criticInputs(inputs)).metrics),
    });
    const full = createProgram<string>({
      name: 'rlpd full step',
      inputs: { ...criticSpecs, ...this.#actorSpecs(batch.size) },
      body: (inputs) => {
        const tensors = criticInputs(inputs);
        const { metrics, features } = criticStep(networks, config, tensors);
        const step = actorStep(networks, config, {
          observation: tensors.observation,
          features,
          noise: inputs.noise as tf.Tensor2D,
          actorStep: inputs.actorStep as tf.Scalar,
          dropoutMasks: this.#masks(inputs, 'actorDropout'),
          policyDropoutMasks: this.#masks(inputs, 'policyDropout'),
          priorActions: isConstrained(this.#config)
            ? { actions: tensors.actions, prior: inputs.prior as tf.Tensor1D }
            : undefined,
        });
        return asVector([...metrics, ...step.metrics]);
      },
    });
    this.#programs = { form, observation, nextObservation, critic, full };
    return this.#programs;
  }

  #criticSpecs(rows: number): InputSpecs {
    return {
      actions: { shape: [rows, this.#shape.actionSize], dtype: 'float32' },
      rewards: { shape: [rows], dtype: 'float32' },
      discounts: { shape: [rows], dtype: 'float32' },
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
      ...(isConstrained(this.#config) && { prior: { shape: [rows], dtype: 'float32' as const } }),
      ...this.#maskSpecs('actorDropout', rows),
      ...this.#maskSpecs('policyDropout', rows),
    };
  }

  #criticInputs({ observation, nextObservation }: Programs, batch: Batch, index: number): InputArrays {
    const { size } = batch;
    const { actionSize } = this.#shape;
    const { ensembleSize, targetSubset } = this.#config;
    const inputs: InputArrays = {
      actions: minibatchOf(batch.actions, index, size * actionSize),
      rewards: minibatchOf(batch.rewards, index, size),
      discounts: minibatchOf(batch.discounts, index, size),
      nextNoise: this.#streams.noise.fillNormal(new Float32Array(size * actionSize)),
      subset: this.#streams.subset.choose(ensembleSize, targetSubset),
      criticStep: Int32Array.of(++this.#criticSteps),
    };
    observation.fill(inputs, batch.observation, index);
    nextObservation.fill(inputs, batch.nextObservation, index);
    this.#drawMasks(inputs, 'dropout', size);
    this.#drawMasks(inputs, 'targetDropout', size);
    this.#drawMasks(inputs, 'nextPolicyDropout', size);
    return inputs;
  }

  #addActorInputs(inputs: InputArrays, { size, prior }: Batch, index: number): void {
    inputs.noise = this.#streams.noise.fillNormal(new Float32Array(size * this.#shape.actionSize));
    inputs.actorStep = Int32Array.of(++this.#actorSteps);
    this.#drawMasks(inputs, 'actorDropout', size);
    this.#drawMasks(inputs, 'policyDropout', size);
    if (isConstrained(this.#config)) inputs.prior = minibatchOf(prior, index, size);
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
