/**
 * The package as somebody has it who installs it: packed, installed by npm into an empty project, set up, used from the
 * command line and from a program. Nothing is fetched: the packages that it needs are copied from here.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { loadPolicy } from '../../src/index.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rlpd-package-'));
const project = join(folder, 'project');
const installed = join(project, 'node_modules', 'rlpd-pixels');
const expert = 'datasets/experts/cartpole-swingup/step-00100000.safetensors';
/** Whether this machine has what the engine is built with. */
const isBuilt = existsSync(join(root, 'build', 'rlpd_torch.node'));

after(() => rmSync(folder, { recursive: true }));

function run(command: string, args: readonly string[], cwd = project) {
  // No apt-get: what it could install here was installed before the tests.
  const PATH = [join(folder, 'bin'), process.env.PATH].join(delimiter);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...env, PATH },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const npm = (args: readonly string[], cwd?: string) => {
  const cache = join(folder, 'cache');
  return run(
    'npm',
    [...args, '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--cache', cache],
    cwd,
  );
};
/** What `npx rlpd` starts. */
const rlpd = (...args: string[]) => run(join(project, 'node_modules/.bin/rlpd'), args);

function put(path: string, text: string): string {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
  return join(project, path);
}

const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().optional() })),
});

before(() => {
  put('package.json', '{"private":true,"type":"module"}');
  put('../bin/apt-get', '#!/bin/sh\nexit 1\n');
  chmodSync(join(folder, 'bin', 'apt-get'), 0o755);
  const { packages } = lockSchema.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  for (const [path, { dev }] of Object.entries(packages)) {
    // What nobody needs to have, and is large.
    const isOptional = path.includes('tfjs-node-gpu');
    if (path !== '' && dev !== true && !isOptional && existsSync(join(root, path)))
      cpSync(join(root, path), join(project, path), { recursive: true });
  }
  cpSync(join(root, 'node_modules/.bin'), join(project, 'node_modules/.bin'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const packed = npm(['pack', root, '--pack-destination', folder, '--json'], folder);
  assert.equal(packed.status, 0, packed.stderr);
  const file = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  const installation = npm(['install', join(folder, file)]);
  assert.equal(installation.status, 0, installation.stderr);
});

test('what ships is the program without its tests, maps and leftovers of the compiler', () => {
  const names = readdirSync(installed, { recursive: true, encoding: 'utf8' });
  for (const path of ['dist/scripts/rlpd.js', 'results/pixels/study.json', 'dist/envs/remote/server.py'])
    assert.ok(names.includes(join(path)), path);
  assert.deepEqual(
    names.filter((name) => /^dist\/test|\.map$|tsbuildinfo|\.sources|^node_modules/.test(name)),
    [],
  );
  // Headers beside the package, as npm lays them.
  assert.ok(existsSync(join(project, 'node_modules/node-api-headers')));
});

test('doctor names commands that are there, and no other', () => {
  const { status, stdout, stderr } = rlpd('doctor', '--json');
  assert.equal(status, 0, stderr);
  const { findings } = z
    .object({
      findings: z.array(z.object({ name: z.string(), found: z.string(), fix: z.string().optional() })),
    })
    .parse(JSON.parse(stdout));
  const engine = findings.find(({ name }) => name === 'native engine');
  assert.match(engine?.fix ?? '', /: npx rlpd setup$/);
  const words = findings.map(({ found, fix }) => `${found} ${fix ?? ''}`).join('\n');
  assert.doesNotMatch(words, /npm run/);
  const commands = rlpd('--help').stdout;
  for (const [, command = ''] of words.matchAll(/npx rlpd (\w+)/g))
    assert.match(commands, new RegExp(`^ {2}${command} `, 'm'));
});

test('setup builds the engine against headers that npm laid beside the package, and the addon that unpacks', () => {
  // Objects that were compiled here are as good there, and spare minutes; the addon that unpacks is compiled.
  if (isBuilt) cpSync(join(root, 'build/native'), join(installed, 'build/native'), { recursive: true });
  const { status, stderr } = run('npx', ['--no-install', 'rlpd', 'setup']);
  assert.equal(status, 0, stderr);
  assert.equal(
    existsSync(join(installed, 'build/rlpd_inflate.node')),
    existsSync(join(root, 'build/rlpd_inflate.node')),
    stderr,
  );
  if (isBuilt) {
    assert.match(stderr, /\(0 of \d+ files\)\n(.*\n)*The native engine is built/);
  } else assert.match(stderr, /was not built: .*\n(.*: .*npx rlpd setup.*\n)+Going on without it/);
});

test('a program acts with a trained policy, and the command line trains', async () => {
  const program = put(
    'act.mjs',
    `import { loadPolicy, makeEnv, selectBackend } from 'rlpd-pixels';
     const { note } = await selectBackend({ precision: 'float32' });
     const policy = await loadPolicy(${JSON.stringify(join(installed, 'dist', expert))});
     const environment = await makeEnv(policy.config.task, policy.environmentOptions);
     const { observation } = environment.reset({ seed: 1 });
     console.log(JSON.stringify({ note, action: [...await policy.act(observation)], state: [...observation.state] }));`,
  );
  const { status, stdout, stderr } = run(process.execPath, [program]);
  assert.equal(status, 0, stderr);
  const { note, action, state } = z
    .object({ note: z.string(), action: z.array(z.number()), state: z.array(z.number()) })
    .parse(JSON.parse(stdout));
  assert.match(note, isBuilt ? /^Engine: torch/ : /^Engine: /);
  const own = await loadPolicy(join(root, 'dist', expert), { backend: { backend: 'cpu' } });
  const [expected] = await own.act({ images: {}, state: Float32Array.from(state) });
  assert.ok(Math.abs((action[0] as number) - (expected as number)) < 1e-4, `${action} and ${expected}`);

  const small = '--ensemble-size 2 --hidden-width 8 --batch-size 8 --evaluation-episodes 1 --action-repeat 8';
  const { status: trained, stderr: said } = rlpd(
    ...['train', '--task', 'cartpole-swingup', '--preset', 'online-state', '--obs', 'state', '--out', 'run'],
    ...['--env-frames', '160', '--random-steps', '10', ...small.split(' ')],
  );
  assert.equal(trained, 0, said);
  assert.ok(existsSync(join(project, 'run/checkpoints/latest')));
});

test("a task of one's own is trained from the command line and from a program, and goes on bit for bit", () => {
  assert.equal(rlpd('task', 'new', 'poke').status, 0);
  const task = './tasks/poke.mjs';
  const settings = {
    ...{ task, obs: 'state', ensembleSize: 2, hiddenWidth: 8, batchSize: 8, threads: 1 },
    ...{ randomSteps: 10, evaluationEpisodes: 1, actionRepeat: 1, checkpointInterval: 40 },
  };
  const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const flags = (out: string, envFrames: number) => [
    ...['train', '--out', out, '--preset', 'online-state', '--env-frames', String(envFrames)],
    ...Object.entries(settings).flatMap(([name, value]) => [flagOf(name), String(value)]),
  ];
  const whole = rlpd(...flags('poke-whole', 80));
  assert.equal(whole.status, 0, whole.stderr);
  assert.equal(rlpd(...flags('poke-parts', 40)).status, 0);
  const resumed = rlpd('train', '--out', 'poke-parts', '--resume', '--env-frames', '80');
  assert.equal(resumed.status, 0, resumed.stderr);
  const program = put(
    'poke-train.mjs',
    `import { train, resolveConfig } from 'rlpd-pixels';
     const flags = ${JSON.stringify({ ...settings, envFrames: 80 })};
     await train({ run: 'poke-program', config: resolveConfig({ preset: 'online-state', flags }) });`,
  );
  const { status, stderr } = run(process.execPath, [program]);
  assert.equal(status, 0, stderr);
  const weights = (name: string) =>
    readFileSync(join(project, name, 'checkpoints', 'step-00000080', 'agent.safetensors')).toString('base64');
  assert.equal(weights('poke-parts'), weights('poke-whole'));
  assert.equal(weights('poke-program'), weights('poke-whole'));
});
