import { test } from 'node:test';
import { fuzz, fuzzReaders } from './fuzz.js';

/** Each takes a second; `node dist/test/datasets/fuzz.js 10000` goes further. */
const MUTATIONS = 100;

/** Each is a program of its own, several times. */
const FILMS = 10;

for (const name of Object.keys(fuzzReaders)) {
  const count = name === 'film' ? FILMS : MUTATIONS;
  test(`${count} damaged ${name} inputs give a sentence, a reported problem or the right data`, async () => {
    await fuzz(name, count, 7);
  });
}
