import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toUnitActions } from '../../envs/actionBox.js';
import type { Environment, StepInfo } from '../../envs/environment.js';
import { ActionRepeat } from '../../envs/wrappers/actionRepeat.js';

/** Its env frames say these, one after the other. */
function saying(infos: readonly StepInfo[]): Environment {
  const said = [...infos];
  const step = () => ({
    observation: { images: {} },
    reward: 1,
    terminated: false,
    truncated: said.length === 1,
    info: said.shift() ?? {},
  });
  return { step } as unknown as Environment;
}

const action = Float32Array.of(1, -1);
const [left, right] = [Float32Array.of(-1, 0), Float32Array.of(0.5, 0.5)];

test("a step's action is the mean over its env frames of what was executed, and nobody's where nobody took over", () => {
  const over = (...infos: StepInfo[]) => new ActionRepeat(saying(infos), 4).step(action).info;
  const executed = (...actions: (Float32Array | null | undefined)[]) =>
    over(...actions.map((one) => (one === undefined ? {} : { executedAction: one })));
  // (1 − 1 + 0.5 + 1)/4 and (−1 + 0 + 0.5 − 1)/4; a frame that does not say, or says null, had the action itself.
  assert.deepEqual(executed(undefined, left, right, null).executedAction, Float32Array.of(0.375, -0.375));
  assert.deepEqual(executed(left, left, left, left).executedAction, left);
  assert.equal(executed(null, undefined, null).executedAction, null);
  assert.deepEqual(executed(undefined, undefined), {});
});

test('terms of the reward are summed by name, and a success of any frame stays', () => {
  const { rewardTerms, success } = new ActionRepeat(
    saying([
      { rewardTerms: { near: 1 }, success: true },
      { rewardTerms: { near: 2, far: 4 }, success: false },
      {},
    ]),
    3,
  ).step(action).info;
  assert.deepEqual(rewardTerms, { near: 3, far: 4 });
  assert.equal(success, true);
});

test("actions in an environment's units are mapped by its box, dimension by dimension, and end at its edges", () => {
  const box = { low: [-1, 0, 0], high: [1, 1, 4] };
  assert.deepEqual([...toUnitActions([0, 0.5, 0, 2, -1, 3], box)], [0, 0, -1, 1, -1, 0.5]);
});
