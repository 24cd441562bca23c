import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, endOnce, InputError } from '../src/errors.js';

test('a sentence that quotes a sentence ends once, and a path with dots stays as it is', () => {
  for (const [message, expected] of [
    ['x cannot be read: no such file..', 'x cannot be read: no such file.'],
    ['"a" is no setting; did you mean "b"?.', '"a" is no setting; did you mean "b"?'],
    ['It failed (it said "no.".). Try again..', 'It failed (it said "no.".). Try again.'],
    ['.. is no dataset: give another.', '.. is no dataset: give another.'],
    ['Look in ../data and a/.. for it.', 'Look in ../data and a/.. for it.'],
    ['And so on … and 3 more.', 'And so on … and 3 more.'],
  ] as const)
    assert.equal(endOnce(message), expected);
  assert.equal(new InputError('a: b..').message, 'a: b.');
});

test('the nearest name is offered where one is near', () => {
  const tasks = ['walker-walk', 'walker-run', 'fish-swim'];
  assert.equal(didYouMean('walker_walk', tasks), '; did you mean "walker-walk"?');
  assert.equal(didYouMean('Walker-Run', tasks), '; did you mean "walker-run"?');
  assert.equal(didYouMean('moonwalk', tasks), '.');
  // Of a short name three letters are all of it.
  assert.equal(didYouMean('cat', ['dog']), '.');
  assert.equal(didYouMean('x', []), '.');
});
