/** Against rliable (test/golden/study/make_statistics.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  curveOverSeeds,
  type Estimate,
  estimate,
  interquartileMeanOf,
  meanOf,
  median,
  medianOf,
  performanceProfile,
  probabilityOfImprovement,
  type Strata,
} from '../../src/study/statistics.js';
import { interquartileMean } from '../../src/training/returnStatistics.js';

interface GoldenEstimate {
  readonly value: readonly number[];
  readonly interval: readonly (readonly [number, number])[];
  /** Between these two our interval lies for its own noise. */
  readonly widest: readonly (readonly [number, number])[];
  readonly narrowest: readonly (readonly [number, number])[];
}

interface Golden {
  readonly x: Strata;
  readonly y: Strata;
  readonly thresholds: readonly number[];
  readonly curves: readonly (readonly number[])[];
  readonly interquartileMean: GoldenEstimate;
  readonly mean: GoldenEstimate;
  readonly median: GoldenEstimate;
  readonly improvement: GoldenEstimate;
  readonly profile: GoldenEstimate;
  readonly curveMean: GoldenEstimate;
  readonly curveInterquartileMean: GoldenEstimate;
  readonly ragged: {
    readonly x: Strata;
    readonly y: Strata;
    readonly interquartileMean: number;
    readonly mean: number;
    readonly median: number;
    readonly improvement: number;
  };
}

const golden = JSON.parse(
  // The compiled test runs from dist/test/study; the data stays in the source tree.
  readFileSync(new URL('../../../test/golden/study/statistics.json', import.meta.url), 'utf8'),
) as Golden;

function assertNear(actual: number | undefined, expected: number | undefined, what: string): void {
  assert.ok(
    Math.abs((actual ?? Number.NaN) - (expected ?? Number.NaN)) <= 1e-9,
    `${what}: ${actual}, expected ${expected}`,
  );
}

function assertGolden(actual: readonly Estimate[], expected: GoldenEstimate): void {
  assert.equal(actual.length, expected.value.length);
  actual.forEach(({ value, interval }, i) => {
    assertNear(value, expected.value[i], `value ${i}`);
    const [low, high] = interval ?? [Number.NaN, Number.NaN];
    const [lowest, highest] = expected.widest[i] ?? [Number.NaN, Number.NaN];
    const [lowestHigh, highestLow] = [
      expected.narrowest[i]?.[1] as number,
      expected.narrowest[i]?.[0] as number,
    ];
    const words = `interval ${i} is ${low} to ${high}, expected ${expected.interval[i]}`;
    // Sums of the same numbers in another order differ in the last bits.
    assert.ok(low >= lowest - 1e-9 && low <= highestLow + 1e-9, words);
    assert.ok(high >= lowestHigh - 1e-9 && high <= highest + 1e-9, words);
  });
}

describe('values are rliable’s to 1e-9, and intervals lie where 2,000 resamples may put them, for', () => {
  test('the interquartile mean over runs and tasks', () =>
    assertGolden([estimate(golden.x, interquartileMeanOf)], golden.interquartileMean));
  test('the mean', () => assertGolden([estimate(golden.x, meanOf)], golden.mean));
  test('the median over tasks', () => assertGolden([estimate(golden.x, medianOf)], golden.median));
  test('the probability of improvement', () =>
    assertGolden([probabilityOfImprovement({ x: golden.x, y: golden.y })], golden.improvement));
  test('the performance profile', () =>
    assertGolden(performanceProfile(golden.x, golden.thresholds), golden.profile));
  test('a learning curve’s mean', () => assertGolden(curveOverSeeds(golden.curves), golden.curveMean));
  test('a learning curve’s interquartile mean', () =>
    assertGolden(curveOverSeeds(golden.curves, interquartileMean), golden.curveInterquartileMean));
});

test('tasks may have different numbers of runs', () => {
  const { x, y, ...expected } = golden.ragged;
  assertNear(interquartileMeanOf(x), expected.interquartileMean, 'interquartile mean');
  assertNear(meanOf(x), expected.mean, 'mean');
  assertNear(medianOf(x), expected.median, 'median');
  assertNear(probabilityOfImprovement({ x, y }).value, expected.improvement, 'improvement');
});

test('where a task has one run only, there is a value and no interval', () => {
  assert.deepEqual(estimate([[1, 2], [5]], meanOf), { value: 3.25, interval: undefined });
  assert.deepEqual(curveOverSeeds([[1, 4]]), [
    { value: 1, interval: undefined },
    { value: 4, interval: undefined },
  ]);
  assert.equal(probabilityOfImprovement({ x: [[1, 2]], y: [[0]] }).interval, undefined);
});

test('equal scores give equal intervals, to the bit, and no scores are refused', () => {
  assert.deepEqual(estimate(golden.x, interquartileMeanOf), estimate(golden.x, interquartileMeanOf));
  assert.throws(() => estimate([], meanOf), RangeError);
  assert.throws(() => estimate([[1], []], meanOf), RangeError);
});

test('runs that meet several tasks of the rival are drawn once for all of them', () => {
  const y = [[0.2, 0.4, 0.6, 0.8]];
  const once = probabilityOfImprovement({ x: [[0.1, 0.5, 0.7]], y });
  const shared = probabilityOfImprovement({
    x: [
      [0.5, 0.5],
      [0.5, 0.5],
    ],
    y,
    pairs: [
      [0, 0],
      [1, 0],
    ],
  });
  const apart = probabilityOfImprovement({
    x: [
      [0.5, 0.5],
      [0.5, 0.5],
    ],
    y: [...y, ...y],
  });
  assertNear(once.value, (0 + 2 + 3) / 12, 'three runs against four');
  // Against a constant, the share below it is binomial(4, ½)/4: its 2.5% quantile is 0. Two drawn apart hardly agree.
  assert.deepEqual(shared, { value: 0.5, interval: [0, 1] });
  assert.ok((apart.interval?.[0] ?? 0) > 0 && (apart.interval?.[1] ?? 1) < 1, `${apart.interval}`);
});

test('a median may be of values that never came', () => {
  assert.equal(median([3, Infinity, 1]), 3);
  assert.equal(median([Infinity, 1, Infinity]), Infinity);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});
