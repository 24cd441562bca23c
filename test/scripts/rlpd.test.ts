import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { commands } from '../../scripts/program.js';
import { kebabCase, runConfigShape } from '../../src/training/config.js';
import { train } from '../../src/training/train.js';
import { golden } from '../datasets/samples.js';
import { smallConfig, smallSettings, temporaryFolder } from '../training/smallRun.js';
import { rlpd } from './commandLine.js';

const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));

/** In a process of its own. */
function started(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** The small run's settings as flags, some of them changed. */
const smallFlags = (changes: Readonly<Record<string, unknown>> = {}): string[] =>
  Object.entries({ ...smallSettings, ...changes }).flatMap(([name, value]) => [
    `--${kebabCase(name)}`,
    String(value),
  ]);

test('every setting is a flag of train, and the help shows examples', async () => {
  const { status, stdout } = await rlpd('train', '--help');
  assert.equal(status, 0);
  for (const name of Object.keys(runConfigShape)) assert.ok(stdout.includes(`--${kebabCase(name)}`), name);
  assert.match(stdout, /Examples:\n {2}\$ rlpd train --task walker-walk/);
});

test("commands are described in one style: no sentence, and no capital but a name's", async () => {
  for (const group of [[], ['dataset'], ['bench'], ['convert']]) {
    const help = await rlpd(...group, '--help');
    const listed = help.stdout.split('Commands:')[1] ?? '';
    const descriptions = [...listed.matchAll(/^ {2}(\w+)(?: \S+)*? {2,}(\S.*)$/gm)];
    assert.ok(descriptions.length > 4, listed);
    for (const [, name, text = ''] of descriptions) assert.doesNotMatch(text, /^[A-Z][a-z]* |\.$/, name);
  }
});

test('a command that is loaded has the name and the words by which the help lists it', async () => {
  const listed = (await rlpd('--help')).stdout.replaceAll(/\s+/g, ' ');
  for (const [name, { description, load }] of Object.entries(commands)) {
    assert.equal((await load([])).name(), name);
    assert.ok(listed.includes(` ${name} ${description}`), name);
    const { stdout } = await rlpd(name, '--help');
    assert.match(stdout, new RegExp(`^Usage: rlpd ${name} `));
    assert.ok(stdout.replaceAll(/\s+/g, ' ').includes(description), name);
  }
});

test('bad usage and bad input are one sentence and exit code 2', async (context) => {
  const folder = await temporaryFolder(context);
  const file = join(folder, 'config.json');
  await writeFile(file, '{"utdRatoi": 3}');
  const cases: [string[], RegExp][] = [
    [['train', '--tsk', 'x'], /unknown option '--tsk'/],
    [['train', '--task', 'walker-walk', '--batch-size', 'many'], /batch-size.*Expected a number/],
    [['train', '--task', 'walker-walk', '--image-size', 'front=64,wrist'], /WIDTHxHEIGHT such as 96x72/],
    [['train', '--task', 'walker-walk', '--frame-stack', 'side=0'], /by image, such as front=3,wrist=1/],
    [
      [
        ...['train', '--task', 'walker-walk', '--preset', 'online-only', '--out', join(folder, 'x')],
        ...['--cameras', 'side,side', '--backend', 'cpu'],
      ],
      /The camera "side" is given twice/,
    ],
    [['train', '--task', 'walker-walk', '--config', file], /"utdRatoi".*did you mean "utdRatio"/],
    [
      [
        ...['train', '--task', 'moonwalk', '--preset', 'online-only', '--out', join(folder, 'x')],
        ...['--backend', 'cpu'],
      ],
      /"?moonwalk"?.*walker-walk/,
    ],
    [['train', ...smallFlags(), '--out', join(file, 'run')], /cannot be used: a part of this path is a file/],
    [['collect', '--task', 'walker-walk', '--out', join(folder, 'x')], /--level/],
    [['nope', '--help'], /unknown command 'nope'/],
    [['help', 'nope'], /unknown command 'nope'/],
    [['dataset', 'verfy', '-h'], /unknown command 'verfy'\n\(Did you mean verify\?\)/],
    [['train', '--out', 'a', '--task', 'x', '--out', 'b'], /'--out <folder>' was given more than once/],
    [
      ['train', '--snapshots', '--no-snapshots', '--task', 'x'],
      /'--snapshots' and '--no-snapshots' were both/,
    ],
    [['train', '--from', '80', '--out', 'a'], /--from and --accept-changed-data are for a run that goes on/],
    [['train', '--task', 'x', '--seed', '-1'], /--seed cannot be -1/],
    [
      ['collect', '--task', 'walker_walk', '--level', 'expert', '--out', join(folder, 'x')],
      /no task "walker_walk"; did you mean "walker-walk"\? One of your own/,
    ],
    [
      ['collect', '--task', 'x', '--level', 'random', '--episodes', '0', '--out', 'x'],
      /Expected a whole number of at least 1\.$/m,
    ],
    [['evaluate', '--run', join(folder, 'none')], /is not a run/],
  ];
  for (const [i, [args, message]] of cases.entries()) {
    // The first, which commander refuses, is started like the last: exit codes are a process's.
    const isStarted = i === 0 || i === cases.length - 1;
    const { status, stderr, stdout } = isStarted ? started(...args) : await rlpd(...args);
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, message);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\n {4}at /);
    assert.doesNotMatch(stderr, /[.?!:]\.(\s|$)/);
  }
});

test('SIGTERM ends training with a checkpoint and exit code 0, and the result is the last line as JSON', async (context) => {
  const run = join(await temporaryFolder(context), 'run');
  const child = spawn(
    process.execPath,
    [program, 'train', '--out', run, ...smallFlags({ envFrames: 8_000_000 }), '--json'],
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

test('help of a command that exists is help, and options of several values may be given several times', async () => {
  for (const [run, ...args] of [
    [started, '--help'],
    [started, 'dataset', 'help', 'verify'],
    [rlpd, 'help', 'dataset'],
    [rlpd, 'dataset', '--help'],
    [rlpd, 'help', 'bench', 'update'],
  ] as const) {
    const { status, stdout } = await run(...args);
    assert.deepEqual([status, stdout.startsWith('Usage: rlpd')], [0, true]);
  }
  const twice = await rlpd(
    'train',
    '--dataset',
    'a',
    '--dataset',
    'b',
    '--task',
    'walker-walk',
    '--out',
    'none',
    '--resume',
  );
  assert.match(twice.stderr, /none is not a run/);
});

test('a conversion that left out everything says so and exits with 1, with the result as JSON', async (context) => {
  const folder = await temporaryFolder(context);
  const source = join(golden, 'vd4rl/bad/a-action.npz');
  const args = ['convert', 'vd4rl', source, '--task', 'walker-walk', '--out', join(folder, 'out'), '--json'];
  const { status, stdout, stderr } = started(...args);
  assert.equal(status, 1, stderr);
  const { episodes, leftOut } = JSON.parse(stdout);
  assert.deepEqual([episodes, leftOut], [0, 1]);
});

test('a policy of another task of equal sizes is scored and said to be one; one episode has no interval', async (context) => {
  const run = join(await temporaryFolder(context), 'run');
  await train({ run, config: smallConfig({ envFrames: 400 }) });
  const score = (...args: string[]) =>
    rlpd('evaluate', '--run', run, '--backend', 'cpu', '--workers', '1', ...args);
  const other = await score('--task', 'cartpole-balance', '--episodes', '1');
  assert.equal(other.status, 0, other.stderr);
  assert.match(other.stderr, /trained on cartpole-swingup and acts in another task, cartpole-balance\./);
  assert.match(other.stdout, /^cartpole-balance, 1 episode: return \d+\.\d\.\n$/);
  const own = await score('--episodes', '2');
  assert.doesNotMatch(own.stderr, /another task/);
  assert.match(own.stdout, /^cartpole-swingup, 2 episodes: mean return \d+\.\d \(95% /);
});
