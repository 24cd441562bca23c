import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const lock = (versions: Record<string, string>, optional: string[] = []) =>
  JSON.stringify({
    packages: Object.fromEntries([
      ['', {}],
      ...Object.entries(versions).map(([name, version]) => [
        `node_modules/${name}`,
        { version, ...(optional.includes(name) ? { optional: true } : {}) },
      ]),
    ]),
  });

/** A clone with the project's set-up scripts, whose npm, compilers and apt-get are stand-ins that keep a log. */
let clone: string;
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'rlpd-setup-'));
  for (const name of ['setup', 'build', 'native', 'inflate'])
    cpSync(join(project, 'scripts', `${name}.mjs`), join(clone, 'scripts', `${name}.mjs`));
  put('package-lock.json', lock({ kept: '1.0.0' }));
  put('package.json', '{"engines":{"node":">=20.15.0"}}');
  put('tsconfig.json', '{}');
  put('src/one.ts', 'export {};');
  put('npm.js', `require('fs').appendFileSync('log', 'npm ' + process.argv[2] + '\\n');`);
  put('node_modules/.package-lock.json', lock({ kept: '1.0.0' }));
  put(
    'node_modules/typescript/bin/tsc',
    `require('fs').mkdirSync('dist', { recursive: true }); require('fs').appendFileSync('log', 'tsc\\n');`,
  );
  mkdirSync(join(clone, 'src/backend/native'), { recursive: true });
  put('datasets/native/inflate.cpp', '');
});
afterEach(() => rmSync(clone, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
}

function command(name: string, script: string): void {
  put(`bin/${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(join(clone, 'bin', name), 0o755);
}

function setUp(...commandLine: string[]): { status: number | null; said: string[]; did: string[] } {
  rmSync(join(clone, 'log'), { force: true });
  const { status, stderr } = spawnSync(process.execPath, ['scripts/setup.mjs', ...commandLine], {
    cwd: clone,
    env: { PATH: join(clone, 'bin'), npm_execpath: join(clone, 'npm.js') },
    encoding: 'utf8',
  });
  const log = join(clone, 'log');
  return {
    status,
    said: stderr.split('\n').filter((line) => line !== ''),
    did: existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [],
  };
}

test('a fresh clone gets its packages and its program; a second set-up does and says nothing', () => {
  rmSync(join(clone, 'node_modules/.package-lock.json'));
  const first = setUp('--no-native');
  assert.deepEqual([first.status, first.did], [0, ['npm ci', 'tsc']]);
  assert.equal(first.said.length, 2);
  put('node_modules/.package-lock.json', lock({ kept: '1.0.0' }));
  assert.deepEqual(setUp('--no-native'), { status: 0, said: [], did: [] });
});

test('packages are installed anew when the lock file asks for another version, not when an optional one is absent', () => {
  setUp('--no-native');
  put('package-lock.json', lock({ kept: '1.0.0', heavy: '4.0.0' }, ['heavy']));
  assert.deepEqual(setUp('--no-native').did, ['tsc']);
  put('package-lock.json', lock({ kept: '1.0.1' }));
  assert.deepEqual(setUp('--no-native').did, ['npm ci', 'tsc']);
});

test('the program is compiled anew when a source changes, and what was compiled from a deleted source goes', () => {
  setUp('--no-native');
  put('src/one.ts', 'export const two = 2;');
  put('dist/src/gone.js', '');
  put('dist/src/one.js', '');
  assert.deepEqual(setUp('--no-native').did, ['tsc']);
  assert.ok(!existsSync(join(clone, 'dist/src/gone.js')));
  assert.ok(existsSync(join(clone, 'dist/src/one.js')));
});

test('a compiler error fails the set-up, and the next one compiles again', () => {
  put('node_modules/typescript/bin/tsc', 'process.exit(2);');
  assert.equal(setUp('--no-native').status, 1);
  assert.equal(setUp('--no-native').status, 1);
});

test('without rights or apt-get the native engine is left out with what is missing and how to get it, exit 0', () => {
  const { status, said } = setUp();
  assert.equal(status, 0);
  assert.match(said.join('\n'), /no C\+\+ compiler/);
  assert.match(said.join('\n'), /Debian\/Ubuntu.*macOS/s);
  assert.match(said.at(-1) ?? '', /WebAssembly/);
});

test('apt-get installs what is missing, after fetching its lists where the first try finds none', () => {
  command('env', 'export "$1"; shift; exec "$@"');
  command('sudo', '[ "$1" = -n ] && shift; exec "$@"');
  command('true', '');
  command(
    'apt-get',
    `case "$*" in
  *--version*) exit 0 ;;
  *update*) echo "apt-get update" >> "${clone}/log"; : > "${clone}/lists" ;;
  *) echo "apt-get install $DEBIAN_FRONTEND" >> "${clone}/log"; [ -e "${clone}/lists" ] || { echo "E: no lists" >&2; exit 100; } ;;
esac`,
  );
  const { status, said, did } = setUp();
  assert.equal(status, 0);
  assert.deepEqual(did.slice(1), [
    'apt-get install noninteractive',
    'apt-get update',
    'apt-get install noninteractive',
  ]);
  assert.match(
    said.find((line) => line.includes('apt-get')) ?? '',
    /Installing .*libtorch-dev.*libopenblas0-openmp.*libdeflate-dev/,
  );
});

test('an apt-get that cannot install says why, and the set-up goes on', () => {
  command('env', 'export "$1"; shift; exec "$@"');
  command('sudo', '[ "$1" = -n ] && shift; exec "$@"');
  command('true', '');
  command(
    'apt-get',
    `[ "$1" = --version ] || { echo "E: Unable to locate package libtorch-dev" >&2; exit 100; }`,
  );
  const { status, said } = setUp();
  assert.equal(status, 0);
  assert.ok(said.some((line) => line.endsWith('Unable to locate package libtorch-dev')));
  assert.match(said.at(-1) ?? '', /WebAssembly/);
});

test('a Node older than the package asks for is named, and nothing is done', () => {
  put('package.json', '{"engines":{"node":">=99.1.0"}}');
  const { status, said, did } = setUp('--no-native');
  assert.deepEqual([status, did], [1, []]);
  assert.match(said.join(), /Node 99\.1 or newer is needed/);
});

test('an unknown argument is refused', () => {
  assert.equal(setUp('--native').status, 2);
});
