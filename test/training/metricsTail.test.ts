import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MetricsTail } from '../../src/training/metricsTail.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { rejection, temporaryFolder } from '../datasets/samples.js';

function episode(envFrames: number): string {
  const stand = { envFrames, agentSteps: envFrames, updates: 0, episodes: 1 };
  return `${JSON.stringify({ kind: 'episode', ...stand, return: envFrames, length: 10 })}\n`;
}

test('lines are read on as they are appended, whole ones only, and are those of the whole file', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'metrics.jsonl');
  const tail = new MetricsTail(folder);
  assert.equal(await tail.read(), false);
  writeFileSync(path, episode(1) + episode(2).slice(0, 20));
  assert.equal(await tail.read(), true);
  assert.equal(tail.lines.length, 1);
  assert.equal(await tail.read(), false);
  appendFileSync(path, episode(2).slice(20) + episode(3));
  assert.equal(await tail.read(), true);
  assert.deepEqual(tail.lines, await readMetrics(folder));
});

test('a file that a resume cut back, and that has grown past its length again, is read anew', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'metrics.jsonl');
  writeFileSync(path, episode(1) + episode(2));
  const tail = new MetricsTail(folder);
  await tail.read();
  truncateSync(path, episode(1).length);
  appendFileSync(path, episode(3) + episode(4));
  assert.ok(readFileSync(path).length > (episode(1) + episode(2)).length);
  assert.equal(await tail.read(), true);
  assert.deepEqual(
    tail.lines.map(({ envFrames }) => envFrames),
    [1, 3, 4],
  );
});

test('a damaged line is named by its number in the file, however late it came', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'metrics.jsonl');
  writeFileSync(path, episode(1) + episode(2));
  const tail = new MetricsTail(folder);
  await tail.read();
  appendFileSync(path, 'nonsense\n');
  assert.match((await rejection(tail.read())).message, /is damaged in line 3:/);
});
