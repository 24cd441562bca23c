/** What the page can tell without a browser: addresses, choices, words, the rows in sight, what a key does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EpisodeLabel, Labels } from '../../datasets/editing/labels.js';
import { type Address, addressOf, allRuns, datasetAddress, parseAddress } from '../../src/page/address.js';
import { settingRows } from '../../src/page/configDifferences.js';
import { chooseEpisodes, type episodeShows } from '../../src/page/episodeChoice.js';
import { endWords, stepWords } from '../../src/page/episodeWords.js';
import { evaluationWords, nearestEvaluation, shownEvaluation } from '../../src/page/evaluationChoice.js';
import { labelChange, labelWords } from '../../src/page/labelEditing.js';
import { stepAfterKey } from '../../src/page/playerKeys.js';
import { chooseRuns } from '../../src/page/runChoice.js';
import { standWords } from '../../src/page/runWords.js';
import { rowAfterKey, scrollFor, visibleRows } from '../../src/page/virtualRows.js';
import { durationWords, short } from '../../src/page/words.js';
import type { RunSummary } from '../../src/serve/protocol.js';
import { formatBytes } from '../../src/words.js';

test('every address is read back as it was written, whatever is in a name', () => {
  const addresses: Address[] = [
    allRuns,
    {
      ...allRuns,
      chosen: ['runs/a b', 'C:/x?y=1&z#ü%2F'],
      x: 'minutes',
      each: true,
      choosing: true,
      film: 2,
    },
    { view: 'datasets' },
    { view: 'drive', camera: undefined },
    { view: 'drive', camera: 'wrist left&right' },
    datasetAddress('data/walker&expert'),
    { ...datasetAddress('/data/ö'), episode: 0, step: 120, order: 'best', show: 'intervention' },
  ];
  for (const address of addresses) assert.deepEqual(parseAddress(addressOf(address)), address);
  assert.equal(
    addressOf({ ...datasetAddress('data/walker'), episode: 3, step: 12 }),
    '#/dataset?dataset=data/walker&episode=3&step=12',
  );
});

test('keys mark an episode, and the same key takes a mark away; ends never pass each other', () => {
  const after = (...presses: (readonly [key: string, step: number])[]) =>
    presses.reduce((label: EpisodeLabel, [key, step]) => labelChange(key, step, 10)?.(label) ?? label, {});
  assert.deepEqual(after(['g', 0]), { quality: 'good' });
  assert.deepEqual(after(['g', 0], ['b', 0]), { quality: 'bad' });
  assert.deepEqual(after(['g', 0], ['g', 0]), {});
  assert.deepEqual(after(['d', 4]), { success: true, successFrom: 4 });
  assert.deepEqual(after(['d', 4], ['d', 7]), { success: true, successFrom: 7 });
  assert.deepEqual(after(['d', 4], ['d', 4]), {});
  assert.deepEqual(after(['d', 4], ['f', 0]), { success: false });
  assert.deepEqual(after(['f', 0], ['d', 4]), { success: true, successFrom: 4 });
  assert.deepEqual(after(['s', 0], ['s', 0]), {});
  assert.deepEqual(after(['[', 3], [']', 2]), { cut: [3, 4] });
  assert.deepEqual(after([']', 2], ['[', 9]), { cut: [1, 2] });
  assert.deepEqual(after([']', 2], [']', 10]), {});
  assert.equal(labelChange('toString', 0, 10), undefined);
  assert.deepEqual(labelWords({ quality: 'bad', success: true, successFrom: 4, cut: [1, 9] }), [
    'bad',
    'success from step 4',
    'steps 1 to 9 kept',
  ]);
});

test('episodes are chosen by their labels, which say before the record whether one succeeded', () => {
  const episodes = ['a', 'b', 'c'].map((id) => ({ id, steps: 9, return: 0, success: id === 'a' }));
  const labels: Labels = { a: { success: false, quality: 'bad' }, b: { quality: 'good', successFrom: 3 } };
  const choose = (show: keyof typeof episodeShows) =>
    chooseEpisodes(episodes, { order: 'recorded', show, text: '' }, undefined, labels);
  assert.deepEqual(choose('success'), [1]);
  assert.deepEqual(choose('failure'), [0, 2]);
  assert.deepEqual(choose('good'), [1]);
  assert.deepEqual(choose('bad'), [0]);
  assert.deepEqual(choose('notBad'), [1, 2]);
  assert.deepEqual(choose('unmarked'), [2]);
});

test('of evaluations the one that was asked for is shown, else the latest; a press finds the nearest', () => {
  const evaluations = [0, 1000, 2000].map((envFrames, episode) => ({
    ...{ episode, envFrames, updates: envFrames / 2, minutes: null, mean: envFrames / 3, successRate: null },
    episodes: 10,
  }));
  assert.equal(shownEvaluation(evaluations, 1)?.episode, 1);
  for (const wanted of [undefined, 7]) assert.equal(shownEvaluation(evaluations, wanted)?.episode, 2);
  assert.equal(shownEvaluation([], 0), undefined);
  assert.equal(nearestEvaluation(evaluations, 'envFrames', 1400)?.episode, 1);
  assert.equal(nearestEvaluation(evaluations, 'updates', 800)?.episode, 2);
  assert.equal(evaluationWords(evaluations[1] as never), '1,000 env frames: 333.3 over 10 episodes');
});

test('an address that says nothing, or something wrong, shows what is there at first', () => {
  for (const fragment of ['', '#', '#/elsewhere', '#/dataset', '#/runs?x=hours&each=2'])
    assert.deepEqual(parseAddress(fragment), allRuns, fragment);
  assert.deepEqual(
    parseAddress('#/dataset?dataset=d&episode=-1&step=x&order=toString&show='),
    datasetAddress('d'),
  );
});

test('episodes are chosen by success, intervention and name, and ordered by their numbers', () => {
  const episodes = [
    { id: 'a', steps: 10, return: 5, success: true },
    { id: 'b', steps: 30, return: 9, success: false },
    { id: 'Ab', steps: 20, return: 5, success: null },
  ];
  const choose = (
    order: 'recorded' | 'best' | 'worst' | 'longest' | 'shortest',
    show: 'all' | 'success' | 'failure' | 'intervention' = 'all',
    text = '',
  ) => chooseEpisodes(episodes, { order, show, text }, [null, 0, 3]);
  assert.deepEqual(choose('recorded'), [0, 1, 2]);
  assert.deepEqual(choose('best'), [1, 0, 2]);
  assert.deepEqual(choose('worst'), [0, 2, 1]);
  assert.deepEqual(choose('longest'), [1, 2, 0]);
  assert.deepEqual(choose('shortest'), [0, 2, 1]);
  assert.deepEqual(choose('recorded', 'success'), [0]);
  assert.deepEqual(choose('recorded', 'failure'), [1]);
  assert.deepEqual(choose('recorded', 'intervention'), [2]);
  assert.deepEqual(choose('recorded', 'all', 'A'), [0, 2]);
  assert.deepEqual(
    chooseEpisodes(episodes, { order: 'recorded', show: 'intervention', text: '' }, undefined),
    [],
  );
});

const run: RunSummary = {
  ...{ id: 'runs/a', task: 'walker-walk', algorithm: 'rlpd', seed: 0, state: 'running', reason: null },
  ...{ unit: 'env frames', done: 12_000, total: 40_000, perSecond: 31.5, secondsLeft: 8000 },
  ...{ lastReturn: 512.34, lastSuccess: null },
};

test('runs that run come first, then those that failed, and a part of name or task finds them', () => {
  const runs = (['finished', 'stopped', 'failed', 'running'] as const).map((state) => ({
    ...run,
    state,
    id: `runs/${state}`,
  }));
  assert.deepEqual(
    chooseRuns(runs, 'all', '').map(({ state }) => state),
    ['running', 'failed', 'stopped', 'finished'],
  );
  assert.deepEqual(chooseRuns(runs, 'failed', '').length, 1);
  assert.deepEqual(chooseRuns(runs, 'all', 'STOP').length, 1);
  assert.deepEqual(chooseRuns(runs, 'all', 'walker').length, 4);
});

test('of several runs the settings that differ are shown, of one all of them', () => {
  const configs = [
    { task: 'a', seed: 0, cameras: ['x'] },
    { task: 'a', seed: 1, cameras: ['x'], precision: 'float32' },
  ];
  assert.deepEqual(settingRows(configs), [
    { setting: 'seed', values: ['0', '1'] },
    { setting: 'precision', values: [undefined, 'float32'] },
  ]);
  assert.equal(settingRows(configs.slice(0, 1)).length, 3);
});

test('numbers are written for people', () => {
  assert.equal(
    standWords(run),
    'running · 12,000 of 40,000 env frames · 31.5 a second · 2 h 13 min left · return 512.3',
  );
  assert.deepEqual([40, 3000, 7260, 200_000].map(durationWords), ['40 s', '50 min', '2 h 1 min', '2 days']);
  assert.deepEqual([812.44, 0.01234, 1.2e-7, 0, -2.3456].map(short), [
    '812.4',
    '0.0123',
    '1.2e-7',
    '0',
    '-2.35',
  ]);
  assert.deepEqual([999, 1_234_567].map(formatBytes), ['999 B', '1.23 MB']);
});

test('a step is said with its action, the reward that follows and the return so far, the last with its end', () => {
  const values = {
    ...{ actions: [0.1, -0.52, 0.3, 0.4], rewards: [1.5, 2], state: null, interventions: null },
    ...{ terminated: true, truncated: false, success: true, instruction: null },
  };
  assert.equal(
    stepWords(values, 2, 1),
    'Step 1 of 2 · action 0.30, 0.40 · reward that follows 2.000 · return so far 1.5',
  );
  assert.equal(stepWords(values, 2, 2), 'Step 2 of 2 · end: terminated, success · return so far 3.5');
  assert.equal(endWords({ ...values, terminated: false, truncated: true, success: null }), 'end: time limit');
});

test('of ten thousand rows those in sight are drawn, and a row is scrolled to by as little as it takes', () => {
  const { first, end } = visibleRows(44 * 5000, 440, 44, 10_000);
  assert.ok(first <= 5000 && first > 4980 && end >= 5010 && end < 5030, `${first} to ${end}`);
  assert.deepEqual(visibleRows(0, 440, 44, 3), { first: 0, end: 3 });
  // The list has become shorter than it is scrolled.
  assert.deepEqual(visibleRows(44 * 5000, 440, 44, 3), { first: 3, end: 3 });
  assert.equal(scrollFor(3, 0, 440, 44), 0);
  assert.equal(scrollFor(10, 0, 440, 44), 44);
  assert.equal(scrollFor(2, 440, 440, 44), 88);
});

test('keys go from row to row and from step to step, and stop at the ends', () => {
  const row = (key: string, from: number) => rowAfterKey(key, from, 10, 25);
  assert.deepEqual(
    [
      row('ArrowDown', 24),
      row('ArrowUp', 5),
      row('PageDown', 20),
      row('PageUp', 3),
      row('Home', 9),
      row('End', 9),
      row('x', 9),
    ],
    [24, 4, 24, 0, 0, 24, undefined],
  );
  assert.deepEqual(
    [
      stepAfterKey('ArrowRight', false, 3, 12),
      stepAfterKey('ArrowRight', true, 3, 12),
      stepAfterKey('ArrowLeft', true, 3, 12),
    ],
    [4, 12, 0],
  );
  assert.deepEqual(
    [stepAfterKey('Home', false, 3, 12), stepAfterKey('End', false, 3, 12), stepAfterKey('a', false, 3, 12)],
    [0, 12, undefined],
  );
});
