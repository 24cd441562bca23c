import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateWords, minuteWords } from '../../src/study/words.js';
import { counted, grouped } from '../../src/words.js';

test('thousands are set apart in the whole part of a number only', () => {
  assert.deepEqual([0, 999, 1000, 1234567, -1234, -123, 0.12345, 1234.5678].map(grouped), [
    '0',
    '999',
    '1,000',
    '1,234,567',
    '-1,234',
    '-123',
    '0.12345',
    '1,234.5678',
  ]);
});

test('a number without an interval is written without one', () => {
  assert.equal(estimateWords({ value: 812.4, interval: [780, 845.06] }, 1), '812.4 (780.0 to 845.1)');
  assert.equal(estimateWords({ value: 812.4, interval: undefined }, 0), '812');
});

test('minutes have a digit more where they are few, and words a plural where there are more', () => {
  assert.deepEqual([90, 3600, 120_000].map(minuteWords), ['1.5 min', '60 min', '2,000 min']);
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'run')),
    ['0 runs', '1 run', '2 runs'],
  );
});
