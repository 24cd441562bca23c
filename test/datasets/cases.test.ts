import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './samples.js';
import { actions, csv, HEIGHT, numbered, pngs, WIDTH, writeFrames } from './writtenSources.js';

test('the script of cases says which come out right, and what the others lack', async (t) => {
  const folder = temporaryFolder(t);
  const rewards = [1, 2, 3, 4];
  const files = numbered(await pngs(5));
  writeFrames(
    join(folder, 'ends', 'data', 'a'),
    files,
    csv(4, { reward: rewards, terminated: [0, 0, 0, 1] }),
  );
  writeFrames(
    join(folder, 'gap', 'data', 'a'),
    { ...files, 'frame_0009.png': files['frame_0001.png'] as Buffer },
    csv(5, { reward: [1, 1, 1, 1, 1] }),
  );
  const { data } = actions(4);
  const episode = {
    recorded_as: 0,
    steps: 4,
    terminated: true,
    truncated: false,
    images: [0, 1, 2, 3, 4],
    rewards,
    actions: rewards.map((_, i) => [data[2 * i], data[2 * i + 1]]),
  };
  const values = (changes = {}) => ({
    height: HEIGHT,
    width: WIDTH,
    channels: 3,
    lossy: false,
    episodes: [{ ...episode, ...changes }],
  });
  const one = (name: string, right: object) => ({ name, format: 'frames', source: 'data', right });
  const run = (cases: readonly object[]) => {
    writeFileSync(join(folder, 'cases.json'), JSON.stringify({ cases }));
    const script = fileURLToPath(new URL('./cases.js', import.meta.url));
    return spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
  };
  const right = run([
    one('ends', { values: values() }),
    one('gap', { refused: 'a number is missing', names: ['frame_0005'] }),
  ]);
  assert.deepEqual([right.status, right.stdout], [0, 'right  ends\nright  gap\n2 of 2 right\n']);
  const wrong = run([
    one('ends', { values: values({ images: [0, 1, 2, 3, 3] }) }),
    one('ends', { values: values({ rewards: [1, 2, 3, 5] }) }),
    one('ends', { values: values(), noted: 'x', names: ['nobody says this'] }),
    one('ends', { refused: 'x' }),
  ]);
  assert.equal(wrong.status, 1);
  assert.equal(
    wrong.stdout,
    [
      'WRONG  ends: a: pixels differ',
      'WRONG  ends: a: rewards are [1,2,3,4], expected [1,2,3,5]',
      'WRONG  ends: nothing names /nobody says this/',
      'WRONG  ends: nothing was refused or left out; 1 episodes were converted all the same',
      '0 of 4 right\n',
    ].join('\n'),
  );
});
