/**
 * IBRL (Hu et al. 2023, arXiv 2311.02198): RLPD's learner beside a policy that was cloned from the prior data before
 * the first step and is frozen from then on. Where the agent acts, and in the critics' target, both propose an
 * action, and the one that the target critic values more is taken. So the critics learn from the start about what
 * the demonstrations do well, and the actor takes over where it has found better.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Adam } from '../nn/adam.js';
import type { ParameterGroup } from '../nn/parameters.js';
import type { Generator } from '../random/generator.js';
import type { Batch } from '../replay/batch.js';
import { BcLearner } from './bcLearner.js';
import type { AgentConfig } from './config.js';
import type { Learner, LearnerState, UpdateMetrics } from './learner.js';
import type { AgentShape, ObservationTensors } from './observation.js';
import { drawProposal, expectedMinimum, imitationShare } from './proposals.js';
import { RlpdLearner } from './rlpdLearner.js';

export class IbrlLearner implements Learner {
  readonly cloning: BcLearner;
  readonly rlpd: RlpdLearner;
  readonly groups: readonly ParameterGroup[];
  readonly optimisers: Readonly<Record<string, Adam>>;
  readonly explorationNoise = 1;
  readonly noiseSize: number;
  readonly #config: AgentConfig;
  readonly #actionSize: number;

  constructor(config: AgentConfig, shape: AgentShape, random: Generator) {
    this.#config = config;
    this.#actionSize = shape.actionSize;
    // The soft form draws whose action is taken.
    this.noiseSize = shape.actionSize + (config.proposalInverseTemperature === null ? 0 : 1);
    this.cloning = new BcLearner(config, shape, random.child('cloning'), 'clonedPolicy');
    this.rlpd = new RlpdLearner(config, shape, random, (observation) => this.cloning.mode(observation));
    this.groups = [...this.rlpd.groups, ...this.cloning.groups];
    this.optimisers = { ...this.rlpd.optimisers, ...this.cloning.optimisers };
  }

  get policyParameters(): string[] {
    const { name, parameters } = this.rlpd.networks.targetCritic.group;
    return [
      ...this.rlpd.policyParameters,
      ...parameters.map((parameter) => `${name}/${parameter.name}`),
      ...this.cloning.policyParameters,
    ];
  }

  /**
   * The actor's action or the cloned policy's mode, by what the target critic's members say without dropout: the
   * minimum over `targetSubset` of them, averaged over all choices where the reference draws one, so that equal
   * inputs give equal actions.
   */
  action(observation: ObservationTensors, noise: tf.Tensor2D): tf.Tensor2D {
    const { targetCritic } = this.rlpd.networks;
    const { proposalInverseTemperature, targetSubset } = this.#config;
    const own = this.rlpd.action(observation, tf.slice2d(noise, [0, 0], [-1, this.#actionSize]));
    const cloned = this.cloning.mode(observation);
    const representation = targetCritic.representation(targetCritic.features(observation));
    const value = (action: tf.Tensor2D): tf.Tensor1D =>
      expectedMinimum(
        targetCritic.values(representation, action, { differentiate: 'weights' }),
        targetSubset,
      );
    const share = imitationShare(value(own), value(cloned), proposalInverseTemperature);
    const draw =
      proposalInverseTemperature === null
        ? tf.zeros<tf.Rank.R2>([share.shape[0], 1])
        : tf.slice2d(noise, [0, this.#actionSize], [-1, 1]);
    return drawProposal(own, cloned, share, draw);
  }

  /** The cloned policy's mode: critics that have learnt nothing yet are not asked. */
  warmUpAction(observation: ObservationTensors): tf.Tensor2D {
    return this.cloning.mode(observation);
  }

  async pretrain(batch: Batch): Promise<UpdateMetrics> {
    const { actorLoss = Number.NaN } = await this.cloning.pretrain(batch);
    return { cloningLoss: actorLoss };
  }

  update(batch: Batch): Promise<UpdateMetrics> {
    return this.rlpd.update(batch);
  }

  state(): LearnerState {
    return { ...this.rlpd.state(), parts: { cloning: this.cloning.state() } };
  }

  restore(state: LearnerState): void {
    const cloning = state.parts?.cloning;
    if (cloning === undefined) throw new Error("The agent's state lacks that of the cloning.");
    this.rlpd.restore(state);
    this.cloning.restore(cloning);
  }

  forgetPrograms(): void {
    this.rlpd.forgetPrograms();
    this.cloning.forgetPrograms();
  }

  dispose(): void {
    this.rlpd.dispose();
    this.cloning.dispose();
  }
}
