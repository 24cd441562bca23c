import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { shippedStudies, studyNames } from '../../src/study/shippedStudies.js';
import { rlpdIn } from '../scripts/commandLine.js';
import { temporaryFolder } from '../training/smallRun.js';

test('away from the program’s folder its studies are listed, and one that is run or drawn leaves its results there', async (t) => {
  const folder = await temporaryFolder(t);
  const study = (...args: string[]) => rlpdIn(folder, 'study', ...args);
  const shipped = await studyNames(shippedStudies);
  assert.ok(shipped.includes('pixels'));
  const before = await readdir(join(shippedStudies, 'pixels'));
  await mkdir(join(folder, 'results/mine'), { recursive: true });
  await writeFile(join(folder, 'results/mine/study.json'), '{}');
  const listed = await study('list');
  assert.equal(listed.status, 0, listed.stderr);
  assert.match(listed.stdout, /^mine: "question" in .*study\.json/m);
  for (const name of shipped)
    assert.match(
      listed.stdout,
      new RegExp(`^${name} \\(comes with the program\\): .*\\?\n  (paper|small) `, 'm'),
    );
  assert.match((await study('status', 'pixels')).stdout, /^\d+ of \d+ runs finished/m);
  assert.deepEqual(await readdir(join(folder, 'results')), ['mine']);
  const drawn = await study('report', 'pixels');
  assert.equal(drawn.status, 0, drawn.stderr);
  assert.match(drawn.stderr, /comes with the program; its results go to results\/pixels/);
  assert.ok((await readdir(join(folder, 'results/pixels'))).includes('README.md'));
  assert.deepEqual(await readdir(join(shippedStudies, 'pixels')), before);
  assert.match((await study('list')).stdout, /^pixels: /m);
  const unknown = await study('status', 'nothing');
  assert.equal(unknown.status, 2);
  assert.match(
    unknown.stderr,
    /There is no study "nothing".*Expected results\/nothing\/study\.json, or one that/,
  );
});
