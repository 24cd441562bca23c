import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProgram, needing } from '../programs.js';

test('a program that is missing skips its tests on a person’s machine, and fails them in CI', (t) => {
  const { CI } = process.env;
  t.after(() => {
    if (CI === undefined) delete process.env.CI;
    else process.env.CI = CI;
  });
  const missing = findProgram('no-such-program');
  assert.equal(missing, undefined);
  assert.match(findProgram('no-such-program', 'node') ?? '', /[\\/]node$/);
  delete process.env.CI;
  assert.match(String(needing(missing, 'ffmpeg').skip), /apt-get install ffmpeg/);
  assert.deepEqual(needing('ffmpeg', 'ffmpeg'), {});
  process.env.CI = 'true';
  assert.deepEqual(needing(missing, 'ffmpeg'), {});
});
