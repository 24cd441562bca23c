/** Reads the golden updates (test/golden/agent) and runs them on the backend in use. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { type AgentConfig, parseAgentConfig } from '../../src/agent/config.js';
import { type Learner, learnerVariables } from '../../src/agent/learner.js';
import type { AgentShape } from '../../src/agent/observation.js';
import { RlpdLearner } from '../../src/agent/rlpdLearner.js';
import { actorStep, type CriticStepInputs, criticStep, rlpdMetricNames } from '../../src/agent/rlpdUpdate.js';
import { assignValues, readValues } from '../../src/nn/parameters.js';
import { Generator } from '../../src/random/generator.js';
import { registerSmallEncoder } from './smallEncoder.js';

interface Plain {
  readonly shape: number[];
  readonly data: number[];
}

export type Tensors = Readonly<Record<string, Plain>>;

export interface GoldenUpdate {
  readonly config: AgentConfig;
  readonly steps: { readonly critic: readonly [number, number]; readonly actor: number };
  readonly before: Tensors;
  readonly minibatches: readonly [GoldenMinibatch, GoldenMinibatch];
  readonly after: Tensors;
  readonly metrics: readonly Readonly<Record<string, number>>[];
}

/** One array, a list of them, or several by name. */
type GoldenInput = Plain | Plain[] | Readonly<Record<string, Plain>>;

export type GoldenMinibatch = Readonly<Record<string, GoldenInput>>;

export function readGolden<T>(name: string): T {
  // The compiled test runs from dist/test/agent; the data stays in the source tree.
  return JSON.parse(
    readFileSync(new URL(`../../../test/golden/agent/${name}.json`, import.meta.url), 'utf8'),
  );
}

export function goldenUpdate(name: string): GoldenUpdate {
  return parseGolden<GoldenUpdate>(`update-${name}`);
}

/** A golden update of any learner, its settings with their defaults filled in. */
export function parseGolden<T extends GoldenUpdate>(name: string): T {
  registerSmallEncoder();
  const golden = readGolden<T>(name);
  return { ...golden, config: parseAgentConfig(golden.config) };
}

export function assignAll(learner: Learner, values: Tensors): void {
  for (const [name, variable] of learnerVariables(learner)) {
    const value = values[name];
    if (value === undefined) throw new Error(`The golden data lacks ${name}.`);
    assignValues(variable, { shape: value.shape, data: Float32Array.from(value.data) });
  }
}

export async function readAll(learner: Learner): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [name, variable] of learnerVariables(learner))
    values.set(name, (await readValues(variable)).data);
  return values;
}

/** A learner with the golden starting values. */
export function goldenLearner(golden: GoldenUpdate): RlpdLearner {
  const shape = goldenShape(golden.minibatches[0]);
  const learner = new RlpdLearner(golden.config, shape, new Generator(0));
  assignAll(learner, golden.before);
  return learner;
}

export function goldenShape(minibatch: GoldenMinibatch): AgentShape {
  const images = goldenImages(minibatch.image).map(({ name, value }) => {
    const [, height = 0, width = 0, depth = 0] = value.shape;
    return { name, height, width, depth };
  });
  return {
    images,
    stateSize: single(minibatch.state)?.shape[1] ?? 0,
    actionSize: single(minibatch.actions)?.shape[1] ?? 0,
  };
}

/** Runs the critic step and the full step; resolves to the metrics of both. */
export async function runGolden(
  golden: GoldenUpdate,
  learner: RlpdLearner,
): Promise<Record<string, number>[]> {
  const { networks } = learner;
  const results: Record<string, number>[] = [];
  for (const [i, minibatch] of golden.minibatches.entries()) {
    const metrics = tf.tidy(() => {
      const inputs = stepInputs(minibatch, golden.steps.critic[i] ?? 0, golden.config.discount);
      const critic = criticStep(networks, golden.config, inputs);
      if (i === 0) return critic.metrics;
      const actor = actorStep(networks, golden.config, {
        observation: inputs.observation,
        features: critic.features,
        noise: tensor(minibatch.noise),
        actorStep: tf.scalar(golden.steps.actor, 'int32'),
        dropoutMasks: list(minibatch.actorDropout),
        policyDropoutMasks: list(minibatch.policyDropout),
        priorActions: minibatch.prior && { actions: inputs.actions, prior: tensor(minibatch.prior) },
      });
      return [...critic.metrics, ...actor.metrics];
    });
    const { critic, actor } = rlpdMetricNames(networks, golden.config);
    const names = [...critic, ...actor];
    const numbers: Record<string, number> = {};
    for (const [m, metric] of metrics.entries())
      numbers[names[m] ?? ''] = (await metric.data())[0] ?? Number.NaN;
    tf.dispose(metrics);
    results.push(numbers);
  }
  return results;
}

function stepInputs(minibatch: GoldenMinibatch, step: number, discount: number): CriticStepInputs {
  return {
    ...transitions(minibatch, discount),
    nextNoise: tensor(minibatch.nextNoise),
    criticStep: tf.scalar(step, 'int32'),
    dropoutMasks: list(minibatch.dropout),
    targetDropoutMasks: list(minibatch.targetDropout),
    nextPolicyDropoutMasks: list(minibatch.nextPolicyDropout),
  };
}

/** The images of an observation, several by their names. */
export function goldenImages(
  images: GoldenInput | undefined,
): { readonly name: string; readonly value: Plain }[] {
  if (images === undefined || Array.isArray(images)) return [];
  const named = isPlain(images) ? { image: images } : images;
  return Object.entries(named).map(([name, value]) => ({ name, value }));
}

function isPlain(value: Plain | Readonly<Record<string, Plain>>): value is Plain {
  return Array.isArray(value.shape);
}

/** What any learner's step takes of a minibatch. */
export function transitions(minibatch: GoldenMinibatch, discount: number) {
  const optional = <T extends tf.Tensor>(value: GoldenInput | undefined): T | undefined =>
    value === undefined ? undefined : tensor<T>(value);
  return {
    observation: {
      images: goldenImages(minibatch.image).map(({ value }) => tensor<tf.Tensor4D>(value)),
      state: optional<tf.Tensor2D>(minibatch.state),
    },
    nextObservation: {
      images: goldenImages(minibatch.nextImage).map(({ value }) => tensor<tf.Tensor4D>(value)),
      state: optional<tf.Tensor2D>(minibatch.nextState),
    },
    actions: tensor<tf.Tensor2D>(minibatch.actions),
    rewards: tensor<tf.Tensor1D>(minibatch.rewards),
    discounts: tf.mul(tensor<tf.Tensor1D>(minibatch.masks), discount) as tf.Tensor1D,
    subset: tensor<tf.Tensor1D>(minibatch.subset, 'int32'),
  };
}

function single(value: GoldenInput | undefined): Plain | undefined {
  if (value === undefined || Array.isArray(value)) return value?.[0];
  return isPlain(value) ? value : undefined;
}

export function tensor<T extends tf.Tensor>(
  value: GoldenInput | undefined,
  dtype: 'float32' | 'int32' = 'float32',
): T {
  const plain = single(value);
  if (plain === undefined) throw new Error('The golden data lacks an input.');
  return tf.tensor(plain.data, plain.shape, dtype) as T;
}

function list(value: GoldenInput | undefined): tf.Tensor3D[] {
  return Array.isArray(value) ? value.map((plain) => tensor<tf.Tensor3D>(plain)) : [];
}

/** |actual − expected| ≤ tolerance·(|expected| + scale), scale the tensor's own root mean square. */
export function assertClose(
  name: string,
  actual: ArrayLike<number>,
  expected: readonly number[],
  tolerance: number,
): void {
  assert.equal(actual.length, expected.length, name);
  const scale = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0) / expected.length);
  expected.forEach((value, i) => {
    const difference = Math.abs((actual[i] ?? Number.NaN) - value);
    assert.ok(
      difference <= tolerance * (Math.abs(value) + scale),
      `${name}[${i}] is ${actual[i]}, expected ${value}`,
    );
  });
}

export function assertAllClose(
  actual: ReadonlyMap<string, Float32Array>,
  expected: Tensors,
  tolerance: number,
): void {
  assert.deepEqual([...actual.keys()].sort(), Object.keys(expected).sort());
  for (const [name, values] of actual) assertClose(name, values, expected[name]?.data ?? [], tolerance);
}
