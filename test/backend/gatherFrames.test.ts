/** The gather of frames from the replay's memory, against arithmetic by hand. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { FusedKernel } from '../../src/backend/fusedKernels.js';
import { Generator } from '../../src/random/generator.js';
import { FrameMemory } from '../../src/replay/frameMemory.js';
import { torchOrSkip, use } from './engines.js';

const torch = await torchOrSkip('float32');

const run = (inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap) =>
  tf.engine().runKernel(FusedKernel.GatherFrames, inputs, attrs) as tf.Tensor;

describe('GatherFrames', torch, () => {
  const [height, width, channels, pad, stack] = [6, 5, 3, 2, 2];
  const frameBytes = height * width * channels;

  function memoryOf(frames: number, seed: number): FrameMemory {
    const generator = new Generator(seed);
    const memory = new FrameMemory(frameBytes, 100, 4 * frameBytes);
    for (let i = 0; i < frames; i++)
      memory.write(
        i,
        Uint8Array.from({ length: frameBytes }, () => generator.integer(256)),
      );
    return memory;
  }

  function gather(
    memories: FrameMemory[],
    counts: number[],
    frames: number[][],
    shifts: number[][],
  ): Float32Array {
    const output = tf.tidy(() =>
      run(
        {
          frames: tf.tensor2d(frames, undefined, 'int32'),
          shifts: tf.tensor2d(shifts, undefined, 'int32'),
        },
        { memories, counts, height, width, channels, pad } as unknown as tf.NamedAttrMap,
      ),
    );
    assert.deepEqual(output.shape, [frames.length, height, width, channels * stack]);
    const values = output.dataSync<'float32'>();
    output.dispose();
    return values;
  }

  test('reads shared memory block by block, clamps the shift at the edges, cycles through the memories', async () => {
    await use('torch');
    const memories = [memoryOf(9, 1), memoryOf(5, 2)];
    const counts = [2, 1];
    const frames = [
      [0, 1],
      [7, 8],
      [3, 4],
      [4, 4],
      [5, 6],
      [0, 2],
    ];
    const shifts = [
      [0, 0],
      [2, 2],
      [4, 1],
      [1, 4],
      [3, 3],
      [4, 4],
    ];
    const values = gather(memories, counts, frames, shifts);
    const clamp = (value: number, size: number) => Math.min(Math.max(value, 0), size - 1);
    let place = 0;
    for (const [row, numbers] of frames.entries()) {
      const memory = memories[row % 3 < 2 ? 0 : 1] as FrameMemory;
      const [down, right] = shifts[row] as [number, number];
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (const number of numbers)
            for (let c = 0; c < channels; c++) {
              const source =
                (clamp(y + down - pad, height) * width + clamp(x + right - pad, width)) * channels + c;
              const expected = Math.fround((memory.view(number)[source] as number) / 255);
              assert.ok(Math.abs((values[place++] as number) - expected) < 1e-7);
            }
    }
  });

  test('sees blocks that the memory has grown since the last call', async () => {
    await use('torch');
    const memory = memoryOf(1, 3);
    gather([memory], [1], [[0, 0]], [[2, 2]]);
    memory.write(50, new Uint8Array(frameBytes).fill(51));
    const values = gather([memory], [1], [[50, 50]], [[2, 2]]);
    assert.ok(values.every((value) => Math.abs(value - 0.2) < 1e-7));
  });

  test('refuses frames that were never written and shifts out of range', async () => {
    await use('torch');
    const memory = memoryOf(3, 4);
    assert.throws(
      () => gather([memory], [1], [[0, 99]], [[0, 0]]),
      /RlpdGatherFrames: .*frame 99 was never written/,
    );
    assert.throws(() => gather([memory], [1], [[0, -1]], [[0, 0]]), /frame -1 was never written/);
    assert.throws(() => gather([memory], [1], [[0, 1]], [[0, 5]]), /row 0 has a shift outside/);
  });
});
