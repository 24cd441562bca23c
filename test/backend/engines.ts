/** Engines for the tests: which of them this machine has, and how two of them are compared. */
import assert from 'node:assert/strict';
import type { TestOptions } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { BackendName, Precision } from '../../src/backend/options.js';
import { selectBackend } from '../../src/backend/select.js';
import { Generator } from '../../src/random/generator.js';

const variables = z.object({
  RLPD_TEST_DEVICE: z.enum(['cpu', 'cuda', 'portable']).default('cpu'),
  RLPD_TEST_REPLAY_DEVICE: z.enum(['auto', 'cpu', 'cuda']).default('auto'),
});
const { RLPD_TEST_DEVICE, RLPD_TEST_REPLAY_DEVICE } = variables.parse(process.env);

/** The native engine under test, which two variables of the environment move to another device. */
export const torchOptions = {
  backend: 'torch',
  threads: 2,
  device: RLPD_TEST_DEVICE,
  replayDevice: RLPD_TEST_REPLAY_DEVICE,
} as const;

/** Makes torch available in this process, if it can be; the tests that need it are skipped with the reason else. */
export async function torchOrSkip(precision: Precision): Promise<TestOptions> {
  return skipUnless(selectBackend({ ...torchOptions, precision }));
}

/** The same for tfjs-node, which is here where its download worked, or under test/peers/tfjsNode.mjs. */
export async function tensorflowOrSkip(): Promise<TestOptions> {
  return skipUnless(selectBackend({ backend: 'tensorflow' }));
}

async function skipUnless(selected: Promise<unknown>): Promise<TestOptions> {
  try {
    await selected;
    return {};
  } catch (error) {
    return { skip: error instanceof Error ? error.message : String(error) };
  }
}

export async function use(backend: BackendName, precision: Precision = 'float32'): Promise<void> {
  await selectBackend(
    backend === 'torch' ? { ...torchOptions, precision } : { backend, precision: 'float32' },
  );
}

/** Normal random numbers of a shape, the same for the same seed. */
export function normals(shape: readonly number[], seed: number): Float32Array {
  return new Generator(seed).fillNormal(new Float32Array(tf.util.sizeFromShape([...shape])));
}

export interface Numbers {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: Float32Array | Int32Array | Uint8Array;
}

/** Runs `compute` on a backend and reads all its results. */
export async function compute(
  backend: BackendName,
  body: () => tf.Tensor | readonly tf.Tensor[],
  precision: Precision = 'float32',
): Promise<Numbers[]> {
  await use(backend, precision);
  const outputs = tf.tidy(() => body() as tf.Tensor | tf.Tensor[]);
  const tensors = Array.isArray(outputs) ? outputs : [outputs];
  const numbers = await Promise.all(
    tensors.map(async (tensor) => ({
      shape: tensor.shape,
      dtype: tensor.dtype,
      values: (await tensor.data()) as Float32Array,
    })),
  );
  tf.dispose(tensors);
  return numbers;
}

/** Same shapes, same types, and values within `tolerance`, relative to the greatest value expected. */
export function assertClose(
  actual: readonly Numbers[],
  expected: readonly Numbers[],
  tolerance = 1e-5,
): void {
  assert.equal(actual.length, expected.length, 'number of outputs');
  expected.forEach((wanted, i) => {
    const got = actual[i];
    assert.ok(got !== undefined);
    assert.deepEqual(got.shape, wanted.shape, `shape of output ${i}`);
    assert.equal(got.dtype, wanted.dtype, `type of output ${i}`);
    let scale = 1e-3;
    for (const value of wanted.values) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
    wanted.values.forEach((value, place) => {
      const other = got.values[place] as number;
      const same = Object.is(value, other) || Math.abs(other - value) <= tolerance * scale;
      assert.ok(same, `output ${i}, place ${place}: ${other} instead of ${value}`);
    });
  });
}
