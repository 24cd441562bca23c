/** Choosing an engine: what is taken is said, and what cannot be had is refused with a sentence. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { fastBfloat16 } from '../../src/backend/processor.js';
import { selectBackend } from '../../src/backend/select.js';
import { InputError } from '../../src/errors.js';
import { torchOptions, torchOrSkip } from './engines.js';

const torch = await torchOrSkip('float32');

test('an engine writes nothing to the console of its own accord', async (context) => {
  const warn = context.mock.method(console, 'warn', () => {});
  for (const backend of ['cpu', 'wasm'] as const) {
    await selectBackend({ backend });
    tf.tidy(() => tf.neg(tf.tensor1d([1, 2])).dataSync());
  }
  assert.deepEqual(
    warn.mock.calls.map((call) => call.arguments),
    [],
  );
});

test('each engine that is always there can be taken by its name, and says so in one line', async () => {
  for (const backend of ['wasm', 'cpu'] as const) {
    const selected = await selectBackend({ backend });
    assert.equal(selected.backend, backend);
    assert.equal(tf.getBackend(), backend);
    assert.equal(selected.precision, 'float32');
    assert.match(selected.note, new RegExp(`^Engine: ${backend}.*\\.$`));
    assert.doesNotMatch(selected.note, /\n/);
  }
});

test('an engine that takes no number of threads says so where one is asked for', async () => {
  for (const backend of ['wasm', 'cpu'] as const) {
    const { note, threads } = await selectBackend({ backend, threads: 3 });
    assert.equal(threads, 1);
    assert.match(note, /takes no number of threads: 3 is for torch alone\.$/);
    assert.doesNotMatch((await selectBackend({ backend, threads: 1 })).note, /takes no number/);
  }
});

test('auto takes torch where it is built', torch, async () => {
  const selected = await selectBackend({ ...torchOptions, backend: 'auto', precision: 'float32' });
  assert.equal(selected.backend, 'torch');
  assert.match(selected.note, /^Engine: torch, .*f32 products.*2 threads\.$/);
});

test('bf16 is refused by the engines that have none', async () => {
  for (const backend of ['wasm', 'cpu'] as const) {
    await assert.rejects(selectBackend({ backend, precision: 'bfloat16' }), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, new RegExp(`${backend} backend computes in float32 only`));
      return true;
    });
  }
});

test('torch keeps the settings it was loaded with', torch, async () => {
  await assert.rejects(
    selectBackend({ ...torchOptions, precision: 'bfloat16' }),
    /already runs in float32 on 2 threads/,
  );
  await assert.rejects(
    selectBackend({ ...torchOptions, precision: 'float32', threads: 1 }),
    /one process has one setting/,
  );
});

test('auto does not fall back to a slower engine because torch runs with other settings', torch, async () => {
  await assert.rejects(
    selectBackend({ ...torchOptions, backend: 'auto', precision: 'float32', threads: 1 }),
    /already runs in float32 on 2 threads/,
  );
  await assert.rejects(
    selectBackend({ ...torchOptions, backend: 'auto', precision: 'bfloat16' }),
    /one process has one setting/,
  );
});

test('a GPU that is not there is an answer, not a CPU in its stead', torch, async () => {
  // Another process of the same engine: this one's settings are taken.
  const ask = (options: object) =>
    spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { selectBackend } = await import(${JSON.stringify(new URL('../../src/backend/select.js', import.meta.url).href)});
         console.log((await selectBackend(${JSON.stringify(options)})).device);`,
      ],
      // Hides a GPU where there is one.
      { encoding: 'utf8', env: { ...process.env, CUDA_VISIBLE_DEVICES: '' } },
    );
  assert.match(
    ask({ device: 'cuda' }).stderr,
    /InputError: The torch engine cannot compute on a GPU: .*--device cuda/,
  );
  assert.match(
    ask({ device: 'auto', replayDevice: 'cuda' }).stderr,
    /InputError: The replay cannot be on the GPU/,
  );
  assert.equal(ask({ device: 'auto' }).stdout, 'cpu\n');
});

test('bf16 is taken for faster where it is: by AMX, and by AVX512-BF16 on AMD alone', () => {
  const none = { amd: false, avx512: true, avx512Bfloat16: false, amxBfloat16: false };
  assert.equal(fastBfloat16(none), undefined);
  assert.equal(fastBfloat16({ ...none, avx512Bfloat16: true }), undefined);
  assert.equal(fastBfloat16({ ...none, avx512Bfloat16: true, amd: true }), 'AVX512-BF16');
  assert.equal(fastBfloat16({ ...none, avx512Bfloat16: true, amxBfloat16: true }), 'AMX');
});
