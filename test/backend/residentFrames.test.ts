/**
 * The replay's frames as a GPU keeps them, on this processor: a copy there, brought up to date before each gather. The
 * copy is what is read, in the gather alone and in recorded updates.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { FusedKernel } from '../../src/backend/fusedKernels.js';
import { FrameMemory } from '../../src/replay/frameMemory.js';
import { FrameSpill } from '../../src/replay/frameSpill.js';

process.env.RLPD_TEST_DEVICE = 'portable';
process.env.RLPD_TEST_REPLAY_DEVICE = 'cuda';
const { torchOrSkip, use } = await import('./engines.js');
await import('./gatherFrames.test.js');
await import('./program.test.js');

const torch = await torchOrSkip('float32');

/** The first byte of each frame, 1×1 pixels of one channel, as the gather kernel gives it. */
function gathered(memory: FrameMemory, frames: readonly number[]): number[] {
  const output = tf.tidy(() =>
    tf.mul(
      tf.engine().runKernel(
        FusedKernel.GatherFrames,
        {
          frames: tf.tensor([...frames], [frames.length, 1], 'int32'),
          shifts: tf.zeros([frames.length, 2], 'int32'),
        },
        {
          memories: [memory],
          counts: [1],
          height: 1,
          width: 1,
          channels: 1,
          pad: 0,
        } as unknown as tf.NamedAttrMap,
      ) as tf.Tensor,
      255,
    ),
  );
  const bytes = [...output.dataSync()].map(Math.round);
  output.dispose();
  return bytes;
}

describe('frames kept on the device', torch, () => {
  it('are those written before and after they were first gathered, over blocks and over the ring', async () => {
    await use('torch');
    const memory = new FrameMemory(1, 10, 4);
    for (let i = 0; i < 3; i++) memory.write(i, Uint8Array.of(10 + i));
    assert.deepEqual(gathered(memory, [0, 2]), [10, 12]);
    for (let i = 3; i < 10; i++) memory.write(i, Uint8Array.of(10 + i));
    assert.deepEqual(gathered(memory, [2, 3, 4, 9]), [12, 13, 14, 19]);
    memory.write(0, Uint8Array.of(200));
    memory.write(5, Uint8Array.of(205));
    assert.deepEqual(gathered(memory, [0, 1, 5, 6]), [200, 11, 205, 16]);
  });

  it('are a copy: what nobody says was written is not seen', async () => {
    await use('torch');
    const memory = new FrameMemory(1, 4);
    memory.write(0, Uint8Array.of(1));
    assert.deepEqual(gathered(memory, [0]), [1]);
    memory.view(0)[0] = 2;
    assert.deepEqual(gathered(memory, [0]), [1]);
    memory.changed(0, 1);
    assert.deepEqual(gathered(memory, [0]), [2]);
  });

  it('are the ones that were read from a file for the batch', async (t) => {
    await use('torch');
    const folder = mkdtempSync(join(tmpdir(), 'rlpd-resident-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const spill = new FrameSpill({
      frameBytes: 1,
      resident: 2,
      batchRows: 2,
      framesPerRow: 2,
      path: join(folder, 'frames'),
    });
    for (let i = 0; i < 8; i++) spill.write(i, Uint8Array.of(100 + i));
    for (const wanted of [
      [1, 4],
      [6, 7],
      [2, 3],
    ]) {
      const numbers = wanted.map((number) => Int32Array.of(number));
      for (const [slot, list] of numbers.entries()) await spill.stage(slot, [list]);
      assert.deepEqual(
        gathered(
          spill.memory,
          numbers.map(([place]) => place as number),
        ),
        wanted.map((number) => 100 + number),
      );
    }
    spill.close();
  });
});
