import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { EvaluationFilms } from '../../src/training/evaluationFilms.js';
import { sampleEpisode, sampleHeader, temporaryFolder } from '../datasets/samples.js';

/** Episode n as a rollout. */
function played(n: number) {
  const { extra: _, state = new Float32Array(), ...episode } = sampleEpisode(n);
  const nothing = { success: undefined, interventions: undefined, instruction: undefined };
  return {
    ...{ ...episode, state, ...nothing, rewardTerms: undefined, invalid: undefined },
    ...{ return: 0, envFrames: 0 },
  };
}

test('a run that goes back forgets the films that came later, and makes them anew', async (t) => {
  const folder = join(temporaryFolder(t), 'films');
  const header = sampleHeader({ extra: {} });
  const films = await EvaluationFilms.open(folder, header, 0);
  for (const n of [0, 1, 2]) await films.keep(100 * n, played(n));
  const ids = async () => {
    const dataset = await openDataset(folder);
    return Array.from({ length: dataset.length }, (_, i) => [dataset.entry(i).id, dataset.entry(i).steps]);
  };
  const all = [0, 1, 2].map((n) => [`step-00000${n}00`, 5]);
  assert.deepEqual(await ids(), all);
  // An evaluation at 100 that is still due is made again, one that is not stays.
  for (const before of [100, 101]) {
    const again = await EvaluationFilms.open(folder, header, before);
    assert.deepEqual(await ids(), all.slice(0, before === 100 ? 1 : 2));
    for (const n of before === 100 ? [1, 2] : [2]) await again.keep(100 * n, played(n));
    assert.deepEqual(await ids(), all);
  }
  await EvaluationFilms.open(folder, header, 0);
  assert.deepEqual(await ids(), []);
});
