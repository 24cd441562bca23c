import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimatesSvg, learningCurvesSvg, profilesSvg, variantColour } from '../../src/study/figures.js';
import { curveOf } from '../../src/study/learningCurves.js';
import { syntheticResults, syntheticStudy } from './syntheticStudy.js';

const results = syntheticResults(syntheticStudy('nowhere'));
const of = (variant: string) =>
  results.filter((run) => run.variant === variant && run.task === 'walker-walk' && run.data !== 'medium');
const group = (variant: string, place: number, seeds = 3) => ({
  name: variant,
  color: variantColour(place),
  runs: of(variant).slice(0, seeds),
});
const bands = (svg: string): number => [...svg.matchAll(/fill-opacity="0\.15"/g)].length;

test('learning curves say how many seeds they have, and only several have a band', () => {
  const svg = learningCurvesSvg({
    title: 'walker-walk',
    axis: 'envFrames',
    groups: [group('RLPD', 0), group('online only', 1, 1)],
  });
  assert.match(svg, /RLPD \(3 seeds\)/);
  assert.match(svg, /online only \(1 seed\)/);
  assert.equal(bands(svg), 1);
});

test('behaviour cloning is a dashed level over env frames, and a curve over updates', () => {
  const groups = [group('RLPD', 0), group('behaviour cloning', 2)];
  const cloned = (svg: string) => new RegExp(`stroke="${variantColour(2)}"[^>]*stroke-dasharray`).test(svg);
  const level = learningCurvesSvg({ title: '', axis: 'envFrames', groups });
  assert.ok(cloned(level));
  assert.equal(bands(level), 2);
  assert.ok(!cloned(learningCurvesSvg({ title: '', axis: 'updates', groups })));
});

test('a variant keeps its colour whatever stands beside it', () => {
  const alone = learningCurvesSvg({ title: '', axis: 'envFrames', groups: [group('online only', 1)] });
  assert.ok(alone.includes(variantColour(1)) && !alone.includes(variantColour(0)));
  const estimate = { value: 0.5, interval: [0.4, 0.6] } as const;
  const shown = { name: 'online only', color: variantColour(1) };
  const interval = estimatesSvg({ title: '', subtitle: '', xLabel: '', rows: [{ ...shown, estimate }] });
  const profile = profilesSvg({
    title: '',
    subtitle: '',
    thresholds: [0, 1],
    profiles: [{ ...shown, shares: [estimate, estimate] }],
  });
  for (const svg of [interval, profile])
    assert.ok(svg.includes(variantColour(1)) && !svg.includes(variantColour(0)));
});

test('of several evaluations before the first env frame, the curve over env frames has the last', () => {
  const [run] = of('RLPD');
  assert.ok(run !== undefined);
  const [first] = run.metrics;
  assert.ok(first?.kind === 'evaluation');
  const pretrained = { ...run, metrics: [first, { ...first, updates: 500, mean: 77 }] };
  assert.deepEqual(curveOf([pretrained], 'envFrames'), [
    { x: 0, value: 77, interval: undefined, envFrames: 0, updates: 500 },
  ]);
  assert.equal(curveOf([pretrained], 'updates').length, 2);
});
