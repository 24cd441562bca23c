/** The same update on every backend: same weights, batch and noise, same result to 1e-4 relative. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import type { AgentConfig } from '../../src/agent/config.js';
import type { Learner } from '../../src/agent/learner.js';
import type { BackendName } from '../../src/backend/options.js';
import { tensorflowOrSkip, torchOrSkip, use } from '../backend/engines.js';
import { goldenDrqv2, goldenDrqv2Learner, runGoldenDrqv2 } from './goldenDrqv2.js';
import { goldenIbrl, goldenIbrlLearner, runGoldenIbrl } from './goldenIbrl.js';
import { goldenIql, goldenIqlLearner, runGoldenIql } from './goldenIql.js';
import { goldenLearner, goldenUpdate, readAll, runGolden } from './goldenUpdate.js';
import { BatchSource, type Kind, smallAgent } from './syntheticBatch.js';

const torch = await torchOrSkip('float32');
const tensorflow = await tensorflowOrSkip();

describe('one update agrees with the cpu backend', () => {
  for (const [backend, options] of [
    ['tensorflow', tensorflow],
    ['wasm', {}],
    ['torch', torch],
  ] as const) {
    for (const name of [
      'pixels',
      'state',
      'both',
      'constrained',
      'cameras',
      'iql-pixels',
      'iql-state',
      'drqv2-pixels',
      'drqv2-state',
    ]) {
      it(`${backend}, ${name}`, options, async () => {
        const actual = await updated(backend, name);
        const expected = await updated('cpu', name);
        assertAgree(actual, expected, backend);
      });
    }
    for (const name of ['pixels', 'state']) {
      it(`${backend}, ibrl from ${name}: cloning, acting and an update`, options, async () => {
        assertAgree(await ibrlUpdated(backend, name), await ibrlUpdated('cpu', name), backend);
      });
    }
  }
});

function assertAgree(
  actual: ReadonlyMap<string, Float32Array>,
  expected: ReadonlyMap<string, Float32Array>,
  backend: string,
): void {
  for (const [parameter, values] of expected) {
    const scale = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    values.forEach((value, i) => {
      const found = actual.get(parameter)?.[i] ?? Number.NaN;
      assert.ok(
        Math.abs(found - value) <= 1e-4 * Math.max(Math.abs(value), 0.1 * scale),
        `${parameter}[${i}] is ${found} on ${backend} and ${value} on cpu`,
      );
    });
  }
}

describe('an agent on torch, recorded and gathering natively, agrees with one on cpu', () => {
  for (const [kind, settings] of [
    ['pixels', {}],
    ['state', { targetSubset: 2, entropyBackup: true }],
    ['both', { algorithm: 'bc' }],
    ['both', { actorBcWeight: 0.4 }],
    ['cameras', {}],
    ['cameras', { algorithm: 'iql', targetSubset: 3 }],
    ['cameras', { algorithm: 'ibrl' }],
    ['cameras', { algorithm: 'drqv2', criticLayerNorm: false }],
    ['pixels', { algorithm: 'iql', targetSubset: 3, criticLayerNorm: false }],
    ['state', { algorithm: 'iql', actorBcWeight: 0.4 }],
    ['both', { algorithm: 'ibrl', targetSubset: 2, actorDropout: 0.5, proposalInverseTemperature: 2 }],
    ['pixels', { algorithm: 'drqv2', criticLayerNorm: false }],
    ['state', { algorithm: 'drqv2', ensembleSize: 2 }],
  ] as const) {
    it(`over several updates: ${kind}, ${JSON.stringify(settings)}`, torch, async () => {
      const actual = await trained('torch', kind, settings);
      const expected = await trained('cpu', kind, settings);
      for (const [name, value] of Object.entries(expected)) {
        const found = actual[name] ?? Number.NaN;
        assert.ok(
          Math.abs(found - value) <= 1e-3 * (1 + Math.abs(value)),
          `${name} is ${found} on torch and ${value} on cpu`,
        );
      }
    });
  }
});

/** The metrics of the last of three updates, and the mean action after it. */
async function trained(
  backend: BackendName,
  kind: Kind,
  settings: Partial<AgentConfig>,
): Promise<Record<string, number>> {
  await use(backend);
  const agent = smallAgent(kind, settings);
  const batches = new BatchSource(kind);
  let metrics: Record<string, number> = {};
  for (let i = 0; i < 3; i++) metrics = await agent.update(batches.next(2));
  const action = await agent.act(batches.observation(), 'mean');
  agent.dispose();
  return { ...metrics, ...Object.fromEntries([...action].map((value, i) => [`action ${i}`, value])) };
}

async function updated(backend: BackendName, name: string): Promise<Map<string, Float32Array>> {
  await use(backend);
  const learner = await updatedLearner(name);
  const values = await readAll(learner);
  learner.dispose();
  assert.equal(tf.memory().numTensors, 0);
  return values;
}

async function updatedRlpd(name: string): Promise<Learner> {
  const golden = goldenUpdate(name);
  const learner = goldenLearner(golden);
  await runGolden(golden, learner);
  return learner;
}

async function updatedLearner(name: string): Promise<Learner> {
  if (name.startsWith('iql-')) return updatedIql(name.slice(4));
  return name.startsWith('drqv2-') ? updatedDrqv2(name.slice(6)) : updatedRlpd(name);
}

async function updatedIql(name: string): Promise<Learner> {
  const golden = goldenIql(name);
  const learner = goldenIqlLearner(golden);
  await runGoldenIql(golden, learner);
  return learner;
}

async function ibrlUpdated(backend: BackendName, name: string): Promise<Map<string, Float32Array>> {
  await use(backend);
  const golden = goldenIbrl(name);
  const learner = goldenIbrlLearner(golden);
  const { action } = await runGoldenIbrl(golden, learner);
  const values = (await readAll(learner)).set('action', action);
  learner.dispose();
  assert.equal(tf.memory().numTensors, 0);
  return values;
}

async function updatedDrqv2(name: string): Promise<Learner> {
  const golden = goldenDrqv2(name);
  const learner = goldenDrqv2Learner(golden);
  await runGoldenDrqv2(golden, learner);
  return learner;
}
