import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ProgressDisplay, runRow } from '../../scripts/progress.js';
import { StatusRows } from '../../scripts/statusRows.js';
import { StudyDisplay } from '../../scripts/studyProgress.js';
import type { Progress } from '../../src/training/trainingRun.js';
import { TerminalScreen } from './terminalScreen.js';

const progress: Progress = {
  phase: 'training',
  unit: 'env frames',
  envFrames: 135_000,
  agentSteps: 67_500,
  updates: 62_500,
  episodes: 135,
  done: 135_000,
  total: 300_000,
  lastReturn: 512.4,
  evaluationMean: 774.2,
};

const streamOf = (screen: TerminalScreen) => screen as unknown as NodeJS.WriteStream;

test('at 80 columns a row has bar, percent, speed, time left, return and score, whatever their size', () => {
  const { columns } = new StatusRows(streamOf(new TerminalScreen(80)));
  assert.equal(
    runRow(progress, 33.4, columns),
    'training ██████░░░░░░░  45% | 33/s | 1 h 22 min left | return 512 | score 774',
  );
  const long: Progress = {
    ...progress,
    phase: 'pretraining',
    done: 0,
    total: 3_000_000,
    lastReturn: -1234,
    evaluationMean: -1000.3,
  };
  const row = runRow(long, 12.3, columns);
  assert.match(row, / 0% \| 12\/s \| 67h 45min left \| return -1234 \| score -1000$/);
  assert.ok(row.length <= columns, row);
});

test('a wide row says how much of what is done, and every row fits', () => {
  assert.match(
    runRow(progress, 33.4, 150),
    /░ {2}45% \| 135000\/300000 env frames \| 33\/s \| 1 h 22 min left \| return 512 \| score 774$/,
  );
  for (let width = 20; width <= 200; width++) {
    const screen = new TerminalScreen(width);
    const rows = new StatusRows(streamOf(screen));
    rows.show([runRow(progress, 33.4, rows.columns)]);
    rows.show([runRow({ ...progress, phase: 'evaluating' }, 33.4, rows.columns)]);
    assert.equal(screen.text.length, 1, screen.text.join('\n'));
    rows.clear();
    assert.deepEqual(screen.text, []);
  }
});

test('small returns are told apart', () => {
  const row = runRow({ ...progress, lastReturn: 0.42, evaluationMean: 5.06 }, 0, 77);
  assert.match(row, /return 0\.42 \| score 5\.1$/);
});

test('lines that stay stand above the rows, and nothing of the rows stays', () => {
  const screen = new TerminalScreen(40);
  const rows = new StatusRows(streamOf(screen));
  rows.say('one');
  rows.show(['first row', 'second row']);
  rows.say('two');
  assert.deepEqual(screen.text, ['one', 'two', 'first row', 'second row']);
  rows.show(['only row']);
  assert.deepEqual(screen.text, ['one', 'two', 'only row']);
  rows.clear();
  assert.deepEqual(screen.text, ['one', 'two']);
});

test('a run that is watched to its end leaves nothing on the terminal', () => {
  const screen = new TerminalScreen(80);
  const display = new ProgressDisplay(streamOf(screen));
  display.update(progress);
  assert.match(screen.text.join('\n'), /^training .* 45% .*return 512 \| score 774$/);
  display.stop();
  assert.deepEqual(screen.text, []);
});

test('each run of a study has a row while it runs, and a line when it ends', () => {
  const screen = new TerminalScreen(80);
  const display = new StudyDisplay(streamOf(screen));
  const run = (id: string) => ({ id }) as Parameters<typeof display.show>[0]['run'];
  for (const id of ['a', 'b']) {
    display.show({ run: run(id), kind: 'started', resumed: false });
    display.show({ run: run(id), kind: 'progress', progress });
  }
  assert.deepEqual(
    screen.text.map((line) => line.replace(/ +/g, ' ')),
    ['a 45% return 774', 'b 45% return 774'],
  );
  display.show({ run: run('a'), kind: 'finished' });
  assert.deepEqual(
    screen.text.map((line) => line.replace(/ +/g, ' ')),
    ['a: finished', 'b 45% return 774'],
  );
  display.stop();
  assert.deepEqual(screen.text, ['a: finished']);
});

const child = fileURLToPath(new URL('./statusRowsChild.js', import.meta.url));

for (const [name, listens, left] of [
  ['SIGINT', 'no', []],
  ['SIGTERM', 'no', []],
  ['SIGHUP', 'no', []],
  ['SIGINT', 'yes', ['Stopping: what was begun is finished. Once more to stop without.']],
  ['SIGHUP', 'yes', ['Stopping: what was begun is finished. Once more to stop without.']],
] as const)
  test(`${name} to a process that ${listens === 'yes' ? 'ends by itself' : 'does not listen'} leaves no row behind`, async () => {
    const screen = new TerminalScreen(80);
    const process_ = spawn(process.execPath, [child, '80', listens], { stdio: ['ignore', 'pipe', 'pipe'] });
    process_.stderr.on('data', (bytes: Buffer) => screen.write(bytes));
    await once(process_.stdout, 'data');
    // The terminal's own echo.
    screen.write('^C');
    process_.kill(name);
    const [code, signal] = await once(process_, 'close');
    assert.deepEqual([code, signal], listens === 'yes' ? [0, null] : [null, name]);
    assert.deepEqual(screen.text, left);
  });
