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

/** The program, a policy's page, the page of runs and datasets, and that as one module. */
const compiled = ['tsc', 'tsc', 'tsc', 'esbuild'];

/** A clone with the project's set-up scripts, whose npm, compilers and apt-get are stand-ins that keep a log. */
let clone: string;
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'rlpd-setup-'));
  for (const name of readdirSync(join(project, 'scripts')).filter((name) => name.endsWith('.mjs')))
    cpSync(join(project, 'scripts', name), join(clone, 'scripts', name));
  put('package-lock.json', lock({ kept: '1.0.0' }));
  put('package.json', '{"engines":{"node":">=20.15.0"}}');
  put('tsconfig.json', '{}');
  put('src/web/page/tsconfig.json', '{}');
  put('src/one.ts', 'export {};');
  put('npm.js', `require('fs').appendFileSync('log', 'npm ' + process.argv[2] + '\\n');`);
  put('node_modules/.package-lock.json', lock({ kept: '1.0.0' }));
  put(
    'node_modules/typescript/bin/tsc',
    `require('fs').mkdirSync('dist', { recursive: true }); require('fs').appendFileSync('log', 'tsc\\n');`,
  );
  put(
    'node_modules/esbuild/index.js',
    `exports.buildSync = () => require('fs').appendFileSync('log', 'esbuild\\n');`,
  );
  for (const file of ['index.html', 'icon.svg']) put(`src/page/${file}`, '');
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

/** It writes what it is asked to. */
function compiler(): void {
  command(
    'c++',
    `for word; do [ "$before" = -o ] && echo "module.exports = 1" > "$word"; before="$word"; done`,
  );
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
  assert.deepEqual([first.status, first.did], [0, ['npm ci', ...compiled]]);
  assert.equal(first.said.length, 2);
  put('node_modules/.package-lock.json', lock({ kept: '1.0.0' }));
  assert.deepEqual(setUp('--no-native'), { status: 0, said: [], did: [] });
});

test('packages are installed anew when the lock file asks for another version, not when an optional one is absent', () => {
  setUp('--no-native');
  put('package-lock.json', lock({ kept: '1.0.0', heavy: '4.0.0' }, ['heavy']));
  assert.deepEqual(setUp('--no-native').did, [...compiled]);
  put('package-lock.json', lock({ kept: '1.0.1' }));
  assert.deepEqual(setUp('--no-native').did, ['npm ci', ...compiled]);
});

test('the program is compiled anew when a source changes, and what was compiled from a deleted source goes', () => {
  setUp('--no-native');
  put('src/one.ts', 'export const two = 2;');
  put('dist/src/gone.js', '');
  put('dist/src/one.js', '');
  assert.deepEqual(setUp('--no-native').did, [...compiled]);
  assert.ok(!existsSync(join(clone, 'dist/src/gone.js')));
  assert.ok(existsSync(join(clone, 'dist/src/one.js')));
});

test('a compiler error fails the set-up, and the next one compiles again', () => {
  put('node_modules/typescript/bin/tsc', 'process.exit(2);');
  assert.equal(setUp('--no-native').status, 1);
  assert.equal(setUp('--no-native').status, 1);
});

test('without rights or apt-get the native engine is left out with what is missing and ways to it, exit 0', () => {
  const { status, said } = setUp();
  assert.equal(status, 0);
  const missing = said.findIndex((line) => /no C\+\+ compiler/.test(line));
  assert.deepEqual(said.slice(missing + 1, -1), remedies('compiler'));
  assert.match(said.at(-1) ?? '', /WebAssembly/);
});

/** Ways to a compiler or to libtorch, as they are said on this system whether it has them or not. */
function remedies(what: 'compiler' | 'libtorch'): string[] {
  const script = `console.log((await import('./scripts/native.mjs')).${what}Remedies().join('\\n'))`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: clone,
    encoding: 'utf8',
  });
  return stdout.trimEnd().split('\n');
}

test('each way to the native engine ends in the command to run next, which is one that is there', () => {
  const [inClone, inPackage] = [false, true].map((isPackage) => {
    if (isPackage) rmSync(join(clone, 'tsconfig.json'));
    return [...remedies('compiler'), ...remedies('libtorch')];
  });
  assert.ok(inClone?.some((line) => /^Without root.*: npm run setup -- --torch-from-pip$/.test(line)));
  for (const line of inClone ?? []) assert.match(line, /^[^:]+: .*npm run setup( -- --torch-from-pip)?$/);
  assert.ok(inPackage?.some((line) => /^Without root.*: npx rlpd setup --torch-from-pip$/.test(line)));
  for (const line of inPackage ?? []) assert.match(line, /^[^:]+: .*npx rlpd setup( --torch-from-pip)?$/);
});

test('an installed package is not compiled anew', () => {
  rmSync(join(clone, 'tsconfig.json'));
  rmSync(join(clone, 'node_modules'), { recursive: true });
  const { status, said, did } = setUp();
  assert.deepEqual([status, did], [0, []]);
  assert.match(said.at(-1) ?? '', /WebAssembly/);
  assert.match(setUp('--fast').said.join(), /Usage: npx rlpd setup \[--no-native\]/);
});

test('a folder that cannot be written to is said with what to do instead', () => {
  put('build', 'a file');
  const { status, said } = setUp();
  assert.equal(status, 0);
  assert.match(said.at(-1) ?? '', /cannot be written to.*: npm install rlpd-pixels && npx rlpd setup$/);
  assert.equal(setUp('--torch-from-pip').status, 1);
});

test('pip lays torch into a folder of the project, without CUDA where no GPU is, and the engine is built against it', () => {
  compiler();
  put('node_modules/node-api-headers/package.json', '{"name":"node-api-headers"}');
  put('src/backend/native/one.cpp', '');
  put(
    'wheel.sh',
    `for target; do [ "$before" = --target ] && break; before="$target"; done
echo "pip \${*##*"$target "}" >> "${clone}/log"
[ -e "${clone}/offline" ] && exit 1
mkdir -p "$target/torch/include/ATen" "$target/torch/lib" "$target/torch-9.8.7.dist-info"
: > "$target/torch/include/ATen/ATen.h"
: > "$target/torch/lib/libtorch_cpu.so"
: > "$target/torch/lib/libtorch_cuda.so"
echo 'Requires-Dist: filelock
Requires-Dist: nvidia-cuda-runtime-cu12 (==12.1.105) ; platform_system == "Linux"
Requires-Dist: cuda-toolkit[cublas,cudart,cupti]==13.2.2; platform_system == "Linux"' > "$target/torch-9.8.7.dist-info/METADATA"`,
  );
  command('python3', `case "$*" in *--version*) ;; *) . "${clone}/wheel.sh" ;; esac`);
  command('mkdir', 'exec /bin/mkdir "$@"');
  put('offline', '');
  const failed = setUp('--torch-from-pip');
  assert.equal(failed.status, 1);
  assert.ok(failed.said.includes('torch was not installed: pip install --no-deps torch ended with 1.'));
  rmSync(join(clone, 'offline'));
  const { status, said, did } = setUp('--torch-from-pip');
  assert.equal(status, 0, said.join('\n'));
  assert.deepEqual(did, [
    'pip --no-deps torch',
    'pip nvidia-cuda-runtime-cu12==12.1.105 cuda-toolkit[cudart,cupti]==13.2.2',
  ]);
  assert.match(said.join('\n'), /torch 9\.8\.7 is installed.*against the torch package in build\/torch/s);
  assert.deepEqual(readdirSync(join(clone, 'build/torch/torch/lib')), ['libtorch_cpu.so']);
  // It is found again without being asked for, and asked for again not installed again.
  assert.deepEqual(setUp().said, []);
  assert.deepEqual(setUp('--torch-from-pip'), { status: 0, said: [], did: [] });
});

test('where no Python has pip, that is said with what to do, exit 1', () => {
  const { status, said } = setUp('--torch-from-pip');
  assert.equal(status, 1);
  assert.match(
    said[1] ?? '',
    /^No Python 3 with pip is here .*: PATH=\S+ npm run setup -- --torch-from-pip$/,
  );
});

test('programs that tests need are installed for them alone, and what could not be is said with its command', () => {
  command('env', 'export "$1"; shift; exec "$@"');
  command('sudo', '[ "$1" = -n ] && shift; exec "$@"');
  command('true', '');
  for (const program of ['google-chrome', 'nats-server', 'c++']) command(program, '');
  const aptGet = (install: string) =>
    command(
      'apt-get',
      `case "$*" in *--version*|*update*) ;; *) echo "$*" >> "${clone}/log"; ${install} ;; esac`,
    );
  aptGet('exit 1');
  const { status, said } = setUp('--no-native', '--for-tests');
  assert.equal(status, 0);
  assert.match(
    said.at(-1) ?? '',
    /tests that need ffmpeg are skipped.*: apt-get install ffmpeg && npm test$/i,
  );
  aptGet(`echo > "${clone}/bin/ffmpeg"; /bin/chmod +x "${clone}/bin/ffmpeg"`);
  assert.deepEqual(setUp('--no-native').did, []);
  assert.deepEqual(setUp('--no-native', '--for-tests').did, ['-q install -y --no-install-recommends ffmpeg']);
  assert.deepEqual(setUp('--no-native', '--for-tests').said, []);
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
  assert.deepEqual(did.slice(compiled.length), [
    'apt-get install noninteractive',
    'apt-get update',
    'apt-get install noninteractive',
  ]);
  assert.match(
    said.find((line) => line.includes('apt-get')) ?? '',
    /Installing .*libdeflate-dev.*libtorch-dev.*libopenblas0-openmp/,
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
