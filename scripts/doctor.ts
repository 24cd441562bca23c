/**
 * `rlpd doctor`: what is installed, what is fast, what is wrong. Every finding is one line; where something can be
 * put right, the line after it says how. Each check stands alone, and none can take the command down with it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { z } from 'zod';
import { fastBfloat16 } from '../src/backend/processor.js';

/** `slow`: it works, and could be faster; `wrong`: something that training needs does not work. */
type Verdict = 'good' | 'slow' | 'wrong';

interface Finding {
  readonly name: string;
  readonly verdict: Verdict;
  /** What was found. */
  readonly found: string;
  /** What to do about it. */
  readonly fix?: string;
}

export const doctorCommand = new Command('doctor')
  .option('--json', 'print the findings as one JSON object on the last line')
  .addHelpText('after', '\nExamples:\n  $ rlpd doctor\n  $ rlpd doctor --json')
  .action(async ({ json }: { json?: boolean }) => {
    const findings = await examine();
    const ok = findings.every(({ verdict }) => verdict !== 'wrong');
    process.stdout.write(json ? `${JSON.stringify({ ok, findings })}\n` : report(findings));
    if (!ok) process.exitCode = 1;
  });

async function examine(): Promise<Finding[]> {
  const native = loadNative();
  const checks: (readonly [string, () => Finding | Promise<Finding>])[] = [
    ['Node', node],
    ['processor', processor],
    ['threads', threads],
    ['memory', memory],
    ['native engine', () => nativeEngine(native)],
    ['BLAS', () => blas(native.libraries)],
    ['WebAssembly engine', webAssembly],
    ['unpacking', unpacking],
    ['MuJoCo', mujoco],
    ['images', images],
  ];
  const findings: Finding[] = [];
  for (const [name, check] of checks) {
    try {
      findings.push(await check());
    } catch (error) {
      findings.push({
        name,
        verdict: 'wrong',
        found: error instanceof Error ? error.message : String(error),
        fix: 'If the packages are damaged: delete node_modules, then npm install.',
      });
    }
  }
  return findings;
}

function report(findings: readonly Finding[]): string {
  const signs: Readonly<Record<Verdict, string>> = { good: '✓', slow: '!', wrong: '✗' };
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .map(({ name, verdict, found, fix }) => {
      const line = `${signs[verdict]} ${name.padEnd(width)}  ${found}\n`;
      return fix === undefined ? line : `${line}  ${' '.repeat(width)}  → ${fix}\n`;
    })
    .join('');
}

function node(): Finding {
  const path = new URL('../../package.json', import.meta.url);
  const { engines } = z
    .object({ engines: z.object({ node: z.string() }) })
    .parse(JSON.parse(readFileSync(path, 'utf8')));
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = (engines.node.match(/\d+/g) ?? []).map(Number);
  const isNewEnough = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  const found = `${process.version} on ${process.platform}-${process.arch}`;
  if (isNewEnough) return { name: 'Node', verdict: 'good', found };
  return {
    name: 'Node',
    verdict: 'wrong',
    found,
    fix: `Install Node ${engines.node} (nodejs.org, nvm or fnm).`,
  };
}

function processor(): Finding {
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  const flags = new Set(processorFlags());
  const known: readonly [string, string][] = [
    ['amx_bf16', 'AMX'],
    ['avx512_bf16', 'AVX512-BF16'],
    ['avx512f', 'AVX-512'],
    ['avx2', 'AVX2'],
  ];
  const has = known.filter(([flag]) => flags.has(flag)).map(([, name]) => name);
  const found = has.length > 0 ? `${model}, ${has.join(', ')}` : model;
  if (fastBfloat16() !== undefined) return { name: 'processor', verdict: 'good', found };
  return {
    name: 'processor',
    verdict: 'slow',
    found: `${found}; no fast bf16 instructions, so updates compute in f32`,
    fix: 'Nothing is wrong; a processor with AMX, or AMD’s with AVX512-BF16, is about twice as fast.',
  };
}

function processorFlags(): string[] {
  const path = '/proc/cpuinfo';
  if (!existsSync(path)) return [];
  return /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync(path, 'utf8'))?.[1]?.trim().split(/\s+/) ?? [];
}

function threads(): Finding {
  const usable = availableParallelism();
  const found = `${usable} usable of ${cpus().length}`;
  const limit = process.env.OMP_NUM_THREADS;
  if (limit === undefined || Number(limit) >= usable) return { name: 'threads', verdict: 'good', found };
  return {
    name: 'threads',
    verdict: 'slow',
    found: `${found}, and OMP_NUM_THREADS=${limit} holds the engine to fewer`,
    fix: 'Unset OMP_NUM_THREADS; --threads chooses the number for one command.',
  };
}

function memory(): Finding {
  const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
  // Half of what is free, at one 64×64×3 frame a step.
  const frames = Math.floor(freemem() / 2 / (64 * 64 * 3) / 1000);
  const found = `${gigabytes(freemem())} GB free of ${gigabytes(totalmem())} GB; half of it holds ${frames}k frames of 64 px`;
  if (freemem() > 3e9) return { name: 'memory', verdict: 'good', found };
  return {
    name: 'memory',
    verdict: 'slow',
    found,
    fix: 'A run of 100k frames takes about 3 GB: close programs, or give --replay-capacity and a smaller --batch-size.',
  };
}

interface NativeTrial {
  readonly ok: boolean;
  /** The engine's own note, or why it does not load. */
  readonly note: string;
  /** Shared libraries it brought in; empty where the system does not list them. */
  readonly libraries: readonly string[];
}

const trialSchema = z.object({ note: z.string(), gigaflops: z.number(), libraries: z.array(z.string()) });

/** In a process of its own: a library that does not fit the machine can end the process that loads it. */
function loadNative(): NativeTrial & { readonly gigaflops?: number } {
  const select = new URL('../src/backend/select.js', import.meta.url).href;
  const script = `
    import { readFileSync } from 'node:fs';
    const { selectBackend } = await import(${JSON.stringify(select)});
    const tf = await import('@tensorflow/tfjs-core');
    const { note } = await selectBackend({ backend: 'torch' });
    const [a, b] = [tf.randomUniform([1024, 1024]), tf.randomUniform([1024, 1024])];
    let seconds = Infinity;
    for (let i = 0; i < 6; i++) {
      const start = performance.now();
      tf.dispose((await tf.matMul(a, b).data()) && []);
      seconds = Math.min(seconds, (performance.now() - start) / 1000);
    }
    let maps = '';
    try { maps = readFileSync('/proc/self/maps', 'utf8'); } catch {}
    // No more than a pipe holds: what does not fit is lost as the process exits.
    const libraries = [...new Set(maps.match(/\\/\\S+\\.so\\S*$/gm))];
    console.log(JSON.stringify({ note, gigaflops: 2 * 1024 ** 3 / seconds / 1e9, libraries }));
    process.exit(0);`;
  const trial = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    maxBuffer: 1 << 26,
    timeout: 60_000,
  });
  if (trial.status !== 0) {
    const reason =
      /^InputError: (.*)$/m.exec(trial.stderr)?.[1] ??
      /^\w*Error: (.*)$/m.exec(trial.stderr)?.[1] ??
      `its process ended with ${trial.signal ?? trial.status}`;
    return { ok: false, note: reason, libraries: [] };
  }
  return { ok: true, ...trialSchema.parse(JSON.parse(trial.stdout)) };
}

function nativeEngine(native: ReturnType<typeof loadNative>): Finding {
  const name = 'native engine';
  if (native.ok)
    return {
      name,
      verdict: 'good',
      found: `${native.note.replace(/^Engine: /, '')} Matrix products run at ${native.gigaflops?.toFixed(0)} GFLOP/s.`,
    };
  return {
    name,
    verdict: 'slow',
    found: native.note,
    fix: 'It is built, or what that needs is said, by: npx rlpd setup',
  };
}

/** Debian offers OpenBLAS with threads of its own and with OpenMP's, which libtorch uses too. */
function blas(libraries: readonly string[]): Finding {
  const library = libraries.find((path) => /openblas|blis|mkl|libblas/.test(path));
  const name = 'BLAS';
  if (library === undefined) return { name, verdict: 'good', found: 'none of its own: part of the engine' };
  if (!library.includes('openblas-pthread')) return { name, verdict: 'good', found: library };
  return {
    name,
    verdict: 'slow',
    found: `${library} keeps its own threads beside libtorch's, and they get into each other's way`,
    fix: 'apt-get install libopenblas0-openmp, and choose it with update-alternatives --config libopenblas.so.0-$(uname -m)-linux-gnu.',
  };
}

async function webAssembly(): Promise<Finding> {
  const { selectBackend } = await import('../src/backend/select.js');
  const { note } = await selectBackend({ backend: 'wasm' });
  return { name: 'WebAssembly engine', verdict: 'good', found: note.replace(/^Engine: /, '') };
}

/** Of the images in `.npz` files and in datasets made from them. */
async function unpacking(): Promise<Finding> {
  const { inflateEngine } = await import('../datasets/inflate.js');
  const name = 'unpacking';
  if (inflateEngine() === 'libdeflate')
    return { name, verdict: 'good', found: 'deflated images by libdeflate' };
  return {
    name,
    verdict: 'slow',
    found: "deflated images by Node's zlib, a third slower than by libdeflate",
    fix: `With libdeflate: ${process.platform === 'darwin' ? 'brew install' : 'apt-get install g++'} libdeflate${process.platform === 'darwin' ? '' : '-dev'} && npx rlpd setup`,
  };
}

async function mujoco(): Promise<Finding> {
  const { makeEnv } = await import('../envs/makeEnv.js');
  const environment = await makeEnv('cartpole-swingup', { imageSize: 64 });
  try {
    environment.reset({ seed: 0 });
    const action = new Float32Array(environment.spec.actionSize);
    const steps = 100;
    const start = performance.now();
    for (let i = 0; i < steps; i++) environment.step(action);
    const perSecond = (1000 * steps) / (performance.now() - start);
    return {
      name: 'MuJoCo',
      verdict: 'good',
      found: `cartpole-swingup from 64 px images: ${Math.round(perSecond)} agent steps/s in one thread`,
    };
  } finally {
    environment.close();
  }
}

async function images(): Promise<Finding> {
  const { default: sharp } = await import('sharp');
  const { chartPng } = await import('../src/media/chart.js');
  await chartPng('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><text y="8">x</text></svg>');
  return {
    name: 'images',
    verdict: 'good',
    found: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`,
  };
}
