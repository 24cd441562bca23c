/** Nothing piles up: tensors, their bytes and the native engine's handles stay where they were over many updates. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { tensorflowOrSkip, torchOrSkip, use } from '../backend/engines.js';
import { BatchSource, smallAgent } from './syntheticBatch.js';

const torch = await torchOrSkip('float32');
const tensorflow = await tensorflowOrSkip();

/** What piles up is counted to the byte: more updates than these would show nothing more. */
for (const [backend, algorithm, updates, options] of [
  ['torch', 'rlpd', 250, torch],
  ['torch', 'iql', 250, torch],
  ['torch', 'ibrl', 250, torch],
  ['torch', 'drqv2', 250, torch],
  ['tensorflow', 'rlpd', 250, tensorflow],
  ['wasm', 'rlpd', 100, {}],
  ['wasm', 'ibrl', 100, {}],
] as const) {
  test(`memory is flat over ${updates} updates and actions: ${backend}, ${algorithm}`, options, async () => {
    await use(backend);
    const start = tf.memory();
    // Images only where an update of them is quick.
    const kind = backend === 'torch' ? 'both' : 'state';
    const batches = new BatchSource(kind, 2);
    const agent = smallAgent(kind, { algorithm, ensembleSize: 2, hiddenLayers: 1 });
    const batch = batches.next(2);
    const observation = batches.observation();
    const step = async () => {
      // RLPD's are its updates and chance.
      if (algorithm === 'ibrl') {
        await agent.pretrain(batch);
        await agent.warmUp(observation);
      }
      await agent.update(batch);
      await agent.act(observation, 'sample');
    };
    await step();
    await step();
    // On torch this counts native handles and their bytes too.
    const before = tf.memory();
    for (let i = 2; i < updates; i++) await step();
    assert.deepEqual(tf.memory(), before);
    agent.dispose();
    assert.deepEqual(tf.memory(), start);
  });
}
