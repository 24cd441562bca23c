// Times the same update in this project's engines and in the programs beside it, all in one run: each program in turn,
// round after round, so that what else the machine does falls on all of them. Prints a Markdown table; the median over
// the rounds of each round's median.
//   node test/peers/compare.mjs --python venv/bin/python [--rounds 3] [--only pixels|state] [--threads 2]
// The tensorflow engine runs through tfjsNode.mjs, libtorch's program through ../bench-native/run.mjs.
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    rounds: { type: 'string', default: '3' },
    iterations: { type: 'string', default: '10' },
    threads: { type: 'string', default: String(availableParallelism()) },
    only: { type: 'string' },
  },
});

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const here = (...path) => join(root, 'test', ...path);
const iterations = ['--iterations', options.iterations];
const bench = [
  process.execPath,
  join(root, 'dist', 'scripts', 'rlpd.js'),
  'bench',
  'update',
  '--json',
  ...iterations,
];
const ours = [...bench, '--backend', 'torch', '--threads', options.threads];
const tfjsNode = [process.execPath, here('peers', 'tfjsNode.mjs'), ...bench, '--backend', 'tensorflow'];
const wasm = [...bench, '--backend', 'wasm'];
const libtorch = [
  process.execPath,
  here('bench-native', 'run.mjs'),
  '--threads',
  options.threads,
  ...iterations,
];
const jax = [options.python, here('peers', 'jax_update.py'), '--threads', options.threads, ...iterations];

const bf16 = ['--precision', 'bfloat16'];
const f32 = ['--precision', 'float32'];
const state = ['--obs', 'state', '--utd-ratio', '20'];
/** Fewer of an update that takes seconds. */
const few = ['--iterations', '2'];

/** The first of a group is what the others are compared with. */
const groups = {
  pixels: [
    [
      ['this project, bf16', [...ours, ...bf16]],
      ['libtorch autograd in C++, bf16', [...libtorch, ...bf16]],
      ['JAX, bf16', [...jax, ...bf16]],
    ],
    [
      ['this project, f32', [...ours, ...f32]],
      ['libtorch autograd in C++, f32', [...libtorch, ...f32]],
      ['JAX, f32', [...jax, ...f32]],
      ['tfjs-node, f32', tfjsNode],
      ['WebAssembly, f32', [...wasm, ...few]],
    ],
  ],
  state: [
    [
      ['this project, f32, UTD 20', [...ours, ...f32, ...state]],
      ['libtorch autograd in C++, f32, UTD 20', [...libtorch, ...f32, ...state]],
      ['JAX, f32, UTD 20', [...jax, ...f32, ...state]],
      ['tfjs-node, f32, UTD 20', [...tfjsNode, ...state, ...few]],
    ],
  ],
};

const chosen = options.only === undefined ? Object.entries(groups) : [[options.only, groups[options.only]]];
if (chosen.some(([, group]) => group === undefined)) throw new Error('--only takes pixels or state.');
console.log(
  `${cpus()[0]?.model}, ${options.threads} threads; load ${loadavg()[0]?.toFixed(1)} before the first program.`,
);
for (const [name, lists] of chosen) {
  const times = new Map(lists.flat().map(([program]) => [program, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [program, [command, ...commandArguments]] of lists.flat()) {
      const output = execFileSync(command, commandArguments, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        maxBuffer: 1 << 24,
      });
      const { msPerUpdate } = JSON.parse(output.trim().split('\n').at(-1) ?? '');
      times.get(program)?.push(msPerUpdate);
      console.error(`round ${round + 1}, ${name}: ${program}: ${msPerUpdate.toFixed(1)} ms`);
    }
  }
  console.log(`\n| ${name} | ms an update | least to greatest | ratio |\n|---|---|---|---|`);
  for (const list of lists) {
    const reference = median(times.get(list[0]?.[0]) ?? []);
    for (const [program] of list) {
      const values = times.get(program) ?? [];
      const range = `${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)}`;
      const middle = median(values);
      console.log(`| ${program} | ${middle.toFixed(1)} | ${range} | ${(middle / reference).toFixed(2)} |`);
    }
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[sorted.length / 2 - 1] ?? upper)) / 2;
}
