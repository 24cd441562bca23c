import { test } from 'node:test';
import { fuzz, fuzzReaders } from './fuzz.js';

/** Each takes a second or two; `node dist/test/datasets/fuzz.js 10000` goes further. */
const MUTATIONS = 200;

for (const name of Object.keys(fuzzReaders))
  test(`${MUTATIONS} damaged ${name} inputs give a sentence, a reported problem or the right data`, async () => {
    await fuzz(name, MUTATIONS, 7);
  });
