import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { kebabCase, runConfigShape } from '../../src/training/config.js';
import { smallSettings, temporaryFolder } from '../training/smallRun.js';

const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));

function rlpd(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

const smallFlags = Object.entries(smallSettings).flatMap(([name, value]) => [
  `--${kebabCase(name)}`,
  String(value),
]);

test('every setting is a flag of train, and the help shows examples', () => {
  const { status, stdout } = rlpd('train', '--help');
  assert.equal(status, 0);
  for (const name of Object.keys(runConfigShape)) assert.ok(stdout.includes(`--${kebabCase(name)}`), name);
  assert.match(stdout, /Examples:\n {2}\$ rlpd train --task walker-walk/);
});

test("commands are described in one style: no sentence, and no capital but a name's", () => {
  for (const group of [[], ['dataset'], ['bench'], ['convert']]) {
    const listed = rlpd(...group, '--help').stdout.split('Commands:')[1] ?? '';
    const descriptions = [...listed.matchAll(/^ {2}(\w+)(?: \S+)*? {2,}(\S.*)$/gm)];
    assert.ok(descriptions.length > 4, listed);
    for (const [, name, text = ''] of descriptions) assert.doesNotMatch(text, /^[A-Z][a-z]* |\.$/, name);
  }
});

test('bad usage and bad input are one sentence and exit code 2', async (context) => {
  const folder = await temporaryFolder(context);
  const file = join(folder, 'config.json');
  await writeFile(file, '{"utdRatoi": 3}');
  const cases: [string[], RegExp][] = [
    [['train', '--tsk', 'x'], /unknown option '--tsk'/],
    [['train', '--task', 'walker-walk', '--batch-size', 'many'], /batch-size.*Expected a number/],
    [['train', '--task', 'walker-walk', '--config', file], /"utdRatoi".*did you mean "utdRatio"/],
    [
      ['train', '--task', 'moonwalk', '--preset', 'online-only', '--out', join(folder, 'x')],
      /"?moonwalk"?.*walker-walk/,
    ],
    [['train', ...smallFlags, '--out', join(file, 'run')], /cannot be used: a part of this path is a file/],
    [['evaluate', '--run', join(folder, 'none')], /is not a run/],
    [['collect', '--task', 'walker-walk', '--out', join(folder, 'x')], /--level/],
  ];
  for (const [args, message] of cases) {
    const { status, stderr, stdout } = rlpd(...args);
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, message);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});

test('SIGTERM ends training with a checkpoint and exit code 0, and the result is the last line as JSON', async (context) => {
  const run = join(await temporaryFolder(context), 'run');
  const child = spawn(
    process.execPath,
    [program, 'train', '--out', run, ...smallFlags, '--env-frames', '8000000', '--json'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
    if (/training \d+/.test(stderr) && !stderr.includes('Stopping')) child.kill('SIGTERM');
  });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  assert.equal(result.finished, false);
  assert.equal(result.run, run);
  const latest = (await readFile(join(run, 'checkpoints/latest'), 'utf8')).trim();
  const state = JSON.parse(await readFile(join(run, 'checkpoints', latest, 'state.json'), 'utf8'));
  assert.equal(state.counters.agentSteps, result.agentSteps);
});
