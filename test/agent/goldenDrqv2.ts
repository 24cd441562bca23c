/** Reads the golden DrQ-v2 updates (test/golden/agent/make_golden_drqv2.py) and runs them on the backend in use. */
import * as tf from '@tensorflow/tfjs-core';
import { Drqv2Learner } from '../../src/agent/drqv2Learner.js';
import {
  drqv2ActorMetricNames,
  drqv2ActorStep,
  drqv2CriticMetricNames,
  drqv2CriticStep,
} from '../../src/agent/drqv2Update.js';
import { Generator } from '../../src/random/generator.js';
import {
  assignAll,
  type GoldenUpdate,
  goldenShape,
  parseGolden,
  tensor,
  transitions,
} from './goldenUpdate.js';

export interface GoldenDrqv2 extends GoldenUpdate {
  /** σ of each critic step. */
  readonly explorationStds: readonly [number, number];
}

export function goldenDrqv2(name: string): GoldenDrqv2 {
  return parseGolden<GoldenDrqv2>(`drqv2-${name}`);
}

/** A learner with the golden starting values. */
export function goldenDrqv2Learner(golden: GoldenDrqv2): Drqv2Learner {
  const learner = new Drqv2Learner(golden.config, goldenShape(golden.minibatches[0]), new Generator(0));
  assignAll(learner, golden.before);
  return learner;
}

/** Runs the critic step and the full step; resolves to the metrics of both. */
export async function runGoldenDrqv2(
  golden: GoldenDrqv2,
  { networks }: Drqv2Learner,
): Promise<Record<string, number>[]> {
  const { config, steps } = golden;
  const results: Record<string, number>[] = [];
  for (const [i, minibatch] of golden.minibatches.entries()) {
    const metrics = tf.tidy(() => {
      const explorationStd = tf.scalar(golden.explorationStds[i] ?? Number.NaN);
      const critic = drqv2CriticStep(networks, config, {
        ...transitions(minibatch, config.discount),
        nextNoise: tensor(minibatch.nextNoise),
        explorationStd,
        criticStep: tf.scalar(steps.critic[i] ?? 0, 'int32'),
      });
      if (i === 0) return critic.metrics;
      const actor = drqv2ActorStep(networks, config, {
        features: critic.features,
        noise: tensor(minibatch.noise),
        explorationStd,
        actorStep: tf.scalar(steps.actor, 'int32'),
      });
      return [...critic.metrics, ...actor.metrics];
    });
    const names = [...drqv2CriticMetricNames, ...drqv2ActorMetricNames];
    const numbers: Record<string, number> = {};
    for (const [m, metric] of metrics.entries())
      numbers[names[m] ?? ''] = (await metric.data())[0] ?? Number.NaN;
    tf.dispose(metrics);
    results.push(numbers);
  }
  return results;
}
