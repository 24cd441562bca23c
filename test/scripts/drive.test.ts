/** `rlpd drive`, and `--drive` of `rlpd train`, from their command lines. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { device } from '../drive/device.js';
import { smallSettings, temporaryFolder } from '../training/smallRun.js';
import { rlpd } from './commandLine.js';

test('a page is served until Ctrl-C, which says what was kept; what cannot be driven is refused in a sentence', async (t) => {
  const folder = await temporaryFolder(t);
  const [task, out] = [join(folder, 'device.mjs'), join(folder, 'data')];
  await writeFile(task, device);
  const driving = rlpd('drive', '--task', task, '--out', out, '--port', '0', '--json');
  while (!existsSync(join(out, 'manifest.json'))) await new Promise((resolve) => setTimeout(resolve, 10));
  process.emit('SIGINT');
  const { status, stdout, stderr } = await driving;
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), {
    ...{ task, out, episodes: 0, added: 0, steps: 0, succeeded: null, deadlines: 0, missedDeadlines: 0 },
  });
  assert.match(stderr, /Drive at http:\/\/127\.0\.0\.1:\d+\/#\/drive/);
  const other = await rlpd('drive', '--task', task, '--out', out, '--seed', '1', '--port', '0');
  assert.equal(other.status, 2);
  assert.match(other.stderr, /was not made by this command/);
  const none = await rlpd('drive', '--task', 'nowhere', '--out', join(folder, 'none'));
  assert.equal(none.status, 2);
  assert.equal(existsSync(join(folder, 'none')), false);
});

test('a run with --drive says where its page is, and ends as it does without', async (t) => {
  const folder = await temporaryFolder(t);
  const task = join(folder, 'device.mjs');
  await writeFile(task, device);
  const { backend, hiddenWidth, ensembleSize, batchSize } = smallSettings;
  const settings = ['--task', task, '--obs', 'state', '--preset', 'online-state', '--action-repeat', '1'];
  const sizes = ['--hidden-width', hiddenWidth, '--ensemble-size', ensembleSize, '--batch-size', batchSize];
  const length = ['--env-frames', 24, '--random-steps', 12, '--evaluation-episodes', 1, '--backend', backend];
  const run = ['train', ...settings, ...sizes, ...length].map(String);
  const driven = await rlpd(...run, '--out', join(folder, 'run'), '--drive', '0', '--json');
  assert.equal(driven.status, 0, driven.stderr);
  assert.equal(JSON.parse(driven.stdout).agentSteps, 24);
  assert.match(driven.stderr, /Drive at http:\/\/127\.0\.0\.1:\d+\/#\/drive/);
});
