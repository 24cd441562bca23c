/** Reads the golden IQL updates (test/golden/agent/make_golden_iql.py) and runs them on the backend in use. */
import * as tf from '@tensorflow/tfjs-core';
import { type AgentConfig, parseAgentConfig } from '../../src/agent/config.js';
import { IqlLearner } from '../../src/agent/iqlLearner.js';
import { iqlMetricNames, iqlStep } from '../../src/agent/iqlUpdate.js';
import { Generator } from '../../src/random/generator.js';
import {
  assignAll,
  type GoldenMinibatch,
  goldenShape,
  readGolden,
  type Tensors,
  tensor,
  transitions,
} from './goldenUpdate.js';
import { registerSmallEncoder } from './smallEncoder.js';

export interface GoldenIql {
  readonly config: AgentConfig;
  readonly steps: readonly [number, number];
  readonly before: Tensors;
  readonly minibatches: readonly [GoldenMinibatch, GoldenMinibatch];
  readonly after: Tensors;
  readonly metrics: readonly Readonly<Record<string, number>>[];
}

export function goldenIql(name: string): GoldenIql {
  registerSmallEncoder();
  const golden = readGolden<GoldenIql>(`iql-${name}`);
  return { ...golden, config: parseAgentConfig(golden.config) };
}

/** A learner with the golden starting values. */
export function goldenIqlLearner(golden: GoldenIql): IqlLearner {
  const learner = new IqlLearner(golden.config, goldenShape(golden.minibatches[0]), new Generator(0));
  assignAll(learner, golden.before);
  return learner;
}

/** Runs both steps; resolves to the metrics of each. */
export async function runGoldenIql(
  golden: GoldenIql,
  learner: IqlLearner,
): Promise<Record<string, number>[]> {
  const results: Record<string, number>[] = [];
  for (const [i, minibatch] of golden.minibatches.entries()) {
    const metrics = tf.tidy(() => {
      const inputs = transitions(minibatch, golden.config.discount);
      return iqlStep(learner.networks, golden.config, {
        ...inputs,
        step: tf.scalar(golden.steps[i] ?? 0, 'int32'),
        priorActions: minibatch.prior && { actions: inputs.actions, prior: tensor(minibatch.prior) },
      });
    });
    const names = iqlMetricNames(golden.config);
    const numbers: Record<string, number> = {};
    for (const [m, metric] of metrics.entries())
      numbers[names[m] ?? ''] = (await metric.data())[0] ?? Number.NaN;
    tf.dispose(metrics);
    results.push(numbers);
  }
  return results;
}
