// Builds update.cpp into build/ with the compiler and the libtorch that the native engine is built with, and runs it:
//   node test/bench-native/run.mjs --precision bfloat16        one JSON object, as `rlpd bench update --json`
//   node test/bench-native/run.mjs --check                     against test/golden/agent, in float32
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compileFlags, findCompiler, findLibtorch, linkFlags } from '../../scripts/native.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { values: options } = parseArgs({
  options: {
    precision: { type: 'string', default: 'float32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    obs: { type: 'string', default: 'pixels' },
    'batch-size': { type: 'string', default: '256' },
    'ensemble-size': { type: 'string', default: '10' },
    'image-size': { type: 'string', default: '64' },
    'utd-ratio': { type: 'string', default: '1' },
    iterations: { type: 'string', default: '20' },
    check: { type: 'boolean', default: false },
  },
});

const program = build();
if (options.check) {
  const folder = mkdtempSync(join(tmpdir(), 'rlpd-golden-'));
  try {
    for (const name of ['pixels', 'state']) {
      const file = join(folder, name);
      writeFileSync(file, goldenWords(name));
      run(['check', file]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
} else {
  const order = ['precision', 'threads', 'obs', 'batch-size', 'ensemble-size', 'image-size', 'utd-ratio'];
  run([...order.map((name) => options[name]), options.iterations]);
}

function run(programArguments) {
  try {
    execFileSync(program, programArguments, { stdio: 'inherit' });
  } catch (error) {
    process.exitCode = error.status ?? 1;
  }
}

/** The program's path, under a name that changes with whatever it is made from. */
function build() {
  const libtorch = findLibtorch(console.error);
  const compiler = findCompiler();
  if (libtorch === undefined || compiler === undefined) {
    throw new Error('A C++ compiler and libtorch are needed: "npm run setup" says how to get them.');
  }
  const source = join(root, 'test', 'bench-native', 'update.cpp');
  // libtorch's C++ front end has its headers in a folder of their own.
  const frontEnd = (libtorch.include.length > 0 ? libtorch.include : ['/usr/include']).map((folder) =>
    join(folder, 'torch', 'csrc', 'api', 'include'),
  );
  const flags = [...compileFlags(libtorch), ...frontEnd.flatMap((folder) => ['-isystem', folder])];
  const key = createHash('sha256')
    .update(JSON.stringify([compiler.version, libtorch.identity, flags]))
    .update(readFileSync(source))
    .digest('hex')
    .slice(0, 16);
  const built = join(root, 'build', 'peers', `update-${key}`);
  if (existsSync(built)) return built;
  mkdirSync(dirname(built), { recursive: true });
  console.error(`Compiling ${source} against ${libtorch.description}`);
  execFileSync(compiler.command, [...flags, source, '-o', `${built}.part`, ...linkFlags(libtorch)], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  renameSync(`${built}.part`, built);
  return built;
}

/** A golden update as words: "NAME DIMENSIONS SIZE… VALUE…" for each tensor and number. */
function goldenWords(name) {
  const golden = JSON.parse(
    readFileSync(join(root, 'test', 'golden', 'agent', `update-${name}.json`), 'utf8'),
  );
  const lines = [];
  const add = (key, shape, values) => lines.push([key, shape.length, ...shape, ...values].join(' '));
  const addNumbers = (prefix, numbers) => {
    for (const [key, value] of Object.entries(numbers)) {
      if (typeof value === 'number' || typeof value === 'boolean') add(`${prefix}/${key}`, [], [+value]);
    }
  };
  const addTensors = (prefix, tensors) => {
    for (const [key, { shape, data }] of Object.entries(tensors)) add(`${prefix}/${key}`, shape, data);
  };
  addNumbers('config', golden.config);
  addNumbers('steps', { critic: golden.steps.critic[0], actor: golden.steps.actor });
  addTensors('before', golden.before);
  addTensors('after', golden.after);
  golden.minibatches.forEach((minibatch, i) => {
    const tensors = Object.entries(minibatch).filter(([, value]) => !Array.isArray(value));
    addTensors(`minibatch${i}`, Object.fromEntries(tensors));
    const metrics = Object.values(golden.metrics[i]);
    add(`metrics${i}`, [metrics.length], metrics);
  });
  return `${lines.join('\n')}\n`;
}
