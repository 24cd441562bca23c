import assert from 'node:assert/strict';
import { test } from 'node:test';
import { returnStatistics } from '../../src/training/returnStatistics.js';

test('mean, standard deviation and interquartile mean are those of SciPy', () => {
  const { mean, std, iqm } = returnStatistics([10, 1, 4, 100, 5, 6, 7, 3, 2, 9]);
  // numpy.mean, numpy.std, scipy.stats.trim_mean(x, 0.25)
  assert.equal(mean, 14.7);
  assert.ok(Math.abs(std - 28.5658) < 1e-4, `${std}`);
  assert.ok(Math.abs(iqm - 34 / 6) < 1e-12, `${iqm}`);
});

test('the interval of many normal returns is the textbook one, and equal returns have none', () => {
  const returns = Array.from({ length: 400 }, (_, i) => 500 + 100 * inverseNormal((i + 0.5) / 400));
  const { ci95, mean } = returnStatistics(returns);
  // mean ± 1.96·100/√400 = ± 9.8
  assert.ok(Math.abs(ci95[1] - mean - 9.8) < 0.8 && Math.abs(mean - ci95[0] - 9.8) < 0.8, `${ci95}`);
  assert.deepEqual(returnStatistics([3, 3, 3]).ci95, [3, 3]);
});

test('equal returns give equal statistics, and none at all are refused', () => {
  assert.deepEqual(returnStatistics([1, 2, 3, 9]), returnStatistics([1, 2, 3, 9]));
  assert.throws(() => returnStatistics([]), RangeError);
});

/** By bisection on a series for the error function (Abramowitz and Stegun 7.1.5). */
function inverseNormal(p: number): number {
  let [low, high] = [-6, 6];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normal(middle) < p) low = middle;
    else high = middle;
  }
  return low;
}

function normal(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= -(x * x) / (2 * n);
    sum += term / (2 * n + 1);
  }
  return 0.5 + sum / Math.sqrt(2 * Math.PI);
}
