import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isReward } from '../../envs/finite.js';
import { type Sigmoid, tolerance } from '../../envs/rewards.js';

describe('tolerance', () => {
  it('is 1 inside the bounds and an indicator without a margin', () => {
    assert.equal(tolerance(0.5, { bounds: [0, 1] }), 1);
    assert.equal(tolerance(1, { bounds: [0, 1] }), 1);
    assert.equal(tolerance(1.0001, { bounds: [0, 1] }), 0);
    assert.equal(tolerance(-3), 0);
  });

  it('has fallen to the asked value at the margin, on either side', () => {
    for (const sigmoid of ['gaussian', 'linear', 'quadratic', 'long_tail'] satisfies Sigmoid[]) {
      const options = { bounds: [1, 2], margin: 0.5, sigmoid, valueAtMargin: 0.3 } as const;
      assert.ok(Math.abs(tolerance(2.5, options) - 0.3) < 1e-12, sigmoid);
      assert.ok(Math.abs(tolerance(0.5, options) - 0.3) < 1e-12, sigmoid);
    }
  });

  it('follows the formulas half way to the margin', () => {
    const at = (sigmoid: Sigmoid) => tolerance(0.5, { margin: 1, sigmoid, valueAtMargin: 0.2 });
    assert.ok(Math.abs(at('gaussian') - 0.2 ** 0.25) < 1e-12);
    assert.ok(Math.abs(at('linear') - 0.6) < 1e-12);
    assert.ok(Math.abs(at('quadratic') - 0.8) < 1e-12);
    assert.ok(Math.abs(at('long_tail') - 0.5) < 1e-12);
  });

  it('is 0 far outside for the sigmoids that end', () => {
    assert.equal(tolerance(9, { margin: 1, sigmoid: 'linear', valueAtMargin: 0 }), 0);
    assert.equal(tolerance(9, { margin: 1, sigmoid: 'quadratic', valueAtMargin: 0 }), 0);
  });
});

it('a reward has to be a number where it is kept, in float32', () => {
  assert.deepEqual([0, -3.5, 1e38, 1e300, -1e300, Number.NaN, Number.POSITIVE_INFINITY].map(isReward), [
    ...[true, true, true],
    ...[false, false, false, false],
  ]);
});
