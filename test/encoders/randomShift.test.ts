import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawShifts, writeShiftedStack } from '../../encoders/randomShift.js';
import { Generator } from '../../src/random/generator.js';

const size = { height: 3, width: 4, channels: 2 };
/** Every byte different: value = 24·k + position. */
const frames = [0, 1].map((k) => Uint8Array.from({ length: 24 }, (_, i) => 24 * k + i));

function shifted(shift: readonly [number, number], pad: number): Float32Array {
  const target = new Float32Array(48);
  writeShiftedStack(frames, size, shift, pad, target);
  return target;
}

/** The byte at (y, x), channel c of frame k, scaled. */
function byte(y: number, x: number, k: number, c: number): number {
  return Math.fround((24 * k + (y * 4 + x) * 2 + c) / 255);
}

describe('random shift', () => {
  it('leaves the image as it is when the offset equals the padding, the oldest frame in the first channels', () => {
    const target = shifted([2, 2], 2);
    for (let y = 0; y < 3; y++) {
      for (let x = 0; x < 4; x++) {
        for (const k of [0, 1]) {
          for (const c of [0, 1]) assert.equal(target[(y * 4 + x) * 4 + k * 2 + c], byte(y, x, k, c));
        }
      }
    }
  });

  it('moves the whole stack by one offset and repeats the edge pixels', () => {
    // Row offset 0 of padding 1: every row comes from one above. Column offset 2: from one to the right.
    const target = shifted([0, 2], 1);
    for (const k of [0, 1]) {
      assert.equal(target[(0 * 4 + 0) * 4 + k * 2], byte(0, 1, k, 0));
      assert.equal(target[(2 * 4 + 1) * 4 + k * 2], byte(1, 2, k, 0));
      assert.equal(target[(2 * 4 + 3) * 4 + k * 2 + 1], byte(1, 3, k, 1));
    }
  });

  it('draws every offset of [0, 2·pad] about equally often, rows and columns apart', () => {
    const shifts = drawShifts(new Generator(4), 9000, 4);
    const counts = [new Array<number>(9).fill(0), new Array<number>(9).fill(0)];
    shifts.forEach((shift, i) => {
      const axis = counts[i % 2] as number[];
      axis[shift] = (axis[shift] ?? 0) + 1;
    });
    for (const count of counts.flat()) assert.ok(count > 850 && count < 1150, `${count}`);
    const differing = Array.from({ length: 9000 }, (_, i) => shifts[2 * i] !== shifts[2 * i + 1]);
    assert.ok(differing.filter(Boolean).length > 7000);
  });

  it('without padding every offset is zero', () => {
    assert.deepEqual(drawShifts(new Generator(4), 3, 0), new Int32Array(6));
  });
});
