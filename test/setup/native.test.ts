/** Building the native engine: what makes it anew, what does not, and what is said. Compiler and libtorch are stand-ins. */
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
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../../../', import.meta.url));
/** A clone whose path has a space and a comma, with two sources and a header. */
let folder: string;
let clone: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rlpd-native-'));
  clone = join(folder, 'my clone, here');
  mkdirSync(join(clone, 'scripts'), { recursive: true });
  for (const name of ['native', 'installation', 'pipTorch', 'systemPackages'])
    cpSync(join(project, `scripts/${name}.mjs`), join(clone, `scripts/${name}.mjs`));
  put('node_modules/node-api-headers/package.json', '{"name":"node-api-headers"}');
  for (const name of ['one.cpp', 'two.cpp', 'all.h']) put(`src/backend/native/${name}`, name);
  put('torch/include/ATen/ATen.h', '');
  put('torch/lib/libtorch_cpu.so', 'torch');
  compilerIs('write');
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
}

/** It notes what it was asked to write, and writes it or complains: of all, or of headers. */
function compilerIs(behaviour: 'write' | 'fail' | 'fail at headers'): void {
  put(
    'bin/c++',
    `#!/bin/sh
[ "$1" = --version ] && { echo stand-in; exit; }
echo " $* " >> '${clone}/flags'
${behaviour === 'fail at headers' ? 'case " $* " in *" c++-header "*) exit 1;; esac' : ''}
for word; do
  [ "$before" = -o ] && { echo "\${word##*/}" >> '${clone}/log'; ${behaviour !== 'fail' ? 'echo made > "$word"' : 'echo "one.cpp:1: error: no such thing" >&2; exit 1'}; }
  before="$word"
done
`,
  );
  chmodSync(join(clone, 'bin/c++'), 0o755);
}

function build(environment: Record<string, string> = {}) {
  rmSync(join(clone, 'log'), { force: true });
  const { status, stderr } = spawnSync(process.execPath, ['scripts/native.mjs'], {
    cwd: clone,
    env: { PATH: join(clone, 'bin'), LIBTORCH: join(clone, 'torch'), ...environment },
    encoding: 'utf8',
  });
  const log = join(clone, 'log');
  const made = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
  return { status, said: stderr, made: made.map((name) => name.split(/[-.]/)[0]).sort() };
}

/** What the compiler was last told. */
function flags(): string {
  return readFileSync(join(clone, 'flags'), 'utf8').trimEnd().split('\n').at(-2) ?? '';
}

const binary = () => join(clone, 'build/rlpd_torch.node');

test('a first build compiles every source and links; a second does nothing, even without a compiler', () => {
  assert.deepEqual(build().made, ['one', 'rlpd_torch', 'two']);
  rmSync(join(clone, 'bin/c++'));
  const second = build();
  assert.deepEqual([second.status, second.made], [0, []]);
  assert.match(second.said, /up to date/);
});

test('many sources share libtorch’s headers, compiled once and not kept, where the compiler can do that', () => {
  for (const name of ['three', 'four', 'five']) put(`src/backend/native/${name}.cpp`, name);
  const sources = ['five', 'four', 'one', 'rlpd_torch', 'three', 'two'];
  const sharing = () =>
    readFileSync(join(clone, 'flags'), 'utf8')
      .split('\n')
      .filter((told) => / -include \S.*libtorch\.h -c /.test(told)).length;
  compilerIs('fail at headers');
  assert.deepEqual(build().made, sources);
  assert.equal(sharing(), 0);
  put('src/backend/native/all.h', 'changed');
  compilerIs('write');
  assert.deepEqual(build().made, [...sources, 'libtorch'].sort());
  assert.equal(sharing(), 5);
  assert.ok(readdirSync(join(clone, 'build/native')).every((name) => name.endsWith('.o')));
});

test('a changed source is compiled anew, a changed header or libtorch everything', () => {
  build();
  put('src/backend/native/two.cpp', 'changed');
  assert.deepEqual(build().made, ['rlpd_torch', 'two']);
  put('src/backend/native/all.h', 'changed');
  assert.deepEqual(build().made, ['one', 'rlpd_torch', 'two']);
  put('torch/lib/libtorch_cpu.so', 'another torch');
  assert.deepEqual(build().made, ['rlpd_torch']);
});

test('a binary that was cut short is linked anew', () => {
  build();
  truncateSync(binary(), 1);
  assert.deepEqual(build().made, ['rlpd_torch']);
});

test('what a killed build left is removed, what another build is writing is not', () => {
  build();
  put('build/native/one-0.o.999999999.part', '');
  put(`build/native/one-0.o.${process.pid}.part`, '');
  put('src/backend/native/one.cpp', 'changed');
  build();
  const left = readdirSync(join(clone, 'build/native')).filter((name) => name.endsWith('.part'));
  assert.deepEqual(left, [`one-0.o.${process.pid}.part`]);
});

test('a compiler error is said and kept in full, and no binary of other sources stays', () => {
  build();
  put('src/backend/native/one.cpp', 'changed');
  compilerIs('fail');
  const { status, said } = build();
  assert.equal(status, 1);
  assert.match(said, /not built: one\.cpp:1: error: no such thing\nThe compiler's full report is in /);
  assert.ok(existsSync(join(clone, 'build/native-errors.log')));
  assert.ok(!existsSync(binary()));
});

test('a LIBTORCH that holds none is named', () => {
  const { said } = build({ LIBTORCH: join(clone, 'nothing') });
  assert.match(said, /LIBTORCH names .*nothing, which holds no libtorch/);
});

test('the headers of Node-API are found where npm laid them beside the package', () => {
  rmSync(join(clone, 'node_modules'), { recursive: true });
  assert.match(build().said, /node-api-headers is not installed/);
  mkdirSync(join(folder, 'node_modules/node-api-headers'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/node-api-headers/package.json'), '{"name":"node-api-headers"}');
  assert.deepEqual(build().made, ['one', 'rlpd_torch', 'two']);
  assert.match(flags(), / -isystem \.\.\/node_modules\/node-api-headers\/include /);
});

test("C++20 where libtorch's headers ask for it, else C++17", () => {
  build();
  assert.match(flags(), / -std=c\+\+17 /);
  put('torch/include/ATen/ATen.h', '#if __cplusplus < 202002L\n#error');
  build();
  assert.match(flags(), / -std=c\+\+20 /);
});

test('what pip laid into build/torch is found, after a libtorch that is named', () => {
  put('build/torch/torch/include/ATen/ATen.h', '');
  put('build/torch/torch/lib/libtorch_cpu.so', 'torch');
  assert.match(build().said, /libtorch in .*here\/torch\)/);
  assert.match(build({ LIBTORCH: '' }).said, /the torch package in build\/torch/);
});

test('the script runs when it is called through a link', () => {
  symlinkSync(clone, join(folder, 'link'));
  const { status } = spawnSync(process.execPath, [join(folder, 'link/scripts/native.mjs')], {
    env: { PATH: join(clone, 'bin'), LIBTORCH: join(clone, 'torch') },
  });
  assert.equal(status, 0);
  assert.ok(existsSync(binary()));
});

test('a libtorch with CUDA is used as one where its headers are found, and what is missing is said where not', () => {
  put('torch/lib/libtorch_cuda.so', 'cuda');
  const without = build();
  assert.match(without.said, /built for the CPU.*pip install torch/);
  assert.doesNotMatch(without.said, /with CUDA\)/);
  put('nvidia/cu13/include/cuda_runtime_api.h', '');
  put('triton/backends/nvidia/include/crt/host_config.h', '');
  const beside = build();
  assert.match(beside.said, /with CUDA\)/);
  // Other flags: everything is made anew.
  assert.deepEqual(beside.made, ['one', 'rlpd_torch', 'two']);
  rmSync(join(clone, 'nvidia'), { recursive: true });
  rmSync(join(clone, 'triton'), { recursive: true });
  put('toolkit/include/cuda_runtime_api.h', '');
  put('toolkit/include/crt/host_config.h', '');
  assert.match(build({ CUDA_HOME: join(clone, 'toolkit') }).said, /with CUDA\)/);
});
