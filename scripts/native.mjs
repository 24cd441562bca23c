// Builds the native tensor engine (src/backend/native) into build/rlpd_torch.node: finds libtorch, compiles each
// source with the system's C++17 compiler, links. Nothing is fetched; what is up to date is not built again.
// libtorch is looked for in the folder LIBTORCH, in the torch package of the interpreter RLPD_TORCH_PYTHON, in the one
// that pip laid into build/torch, and in the system (Debian's libtorch-dev), in this order. Where that libtorch has CUDA and CUDA's headers are found, the engine
// has it too.
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { root, setupCommand } from './installation.mjs';
import { pipLibtorch } from './pipTorch.mjs';

/** Relative to the root, where the compiler runs: what is built is as good in a copy of the project. */
const sourceFolder = join('src', 'backend', 'native');
const buildFolder = join(root, 'build');
const objectFolder = join(buildFolder, 'native');
/** The addon, once it is built. */
export const binary = join(buildFolder, 'rlpd_torch.node');
const stamp = join(buildFolder, 'rlpd_torch.json');
/** To compile the headers alone takes as long as two sources. */
const worthPrecompiling = 5;
/** Ending of what this process is still writing: another may be building at the same time. */
const partial = `.${process.pid}.part`;

/**
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<{ built: boolean, fresh: boolean, missing: boolean, message: string }>} `built`: the engine is
 *   there; `fresh`: it was compiled just now; `missing`: it is not there, for want of a compiler or of libtorch;
 *   `message`: one line, or two that say what is missing and how to get it.
 */
export async function buildNative({ log = () => {} } = {}) {
  const libtorch = findLibtorch(log);
  // A binary that is up to date is good without a compiler.
  const plan = libtorch && planFor(libtorch);
  if (plan && isCurrent(plan)) {
    return {
      built: true,
      fresh: false,
      missing: false,
      message: `The native engine is up to date (${libtorch.description}).`,
    };
  }
  const compiler = findCompiler();
  if (compiler === undefined) {
    return absent(
      'The native engine was not built: no C++ compiler (c++, g++ or clang++, or the one named by CXX) was found.',
      compilerRemedies(),
    );
  }
  if (plan === undefined) {
    return absent(
      'The native engine was not built: libtorch was not found (LIBTORCH, RLPD_TORCH_PYTHON, build/torch, then the system).',
      libtorchRemedies(),
    );
  }
  if (apiHeaders() === undefined) {
    return absent(
      'The native engine was not built: the npm package node-api-headers is not installed.',
      [`The packages first: npm install && ${setupCommand()}`],
      false,
    );
  }

  mkdirSync(objectFolder, { recursive: true });
  const objects = plan.sources.map(({ name, content }) => {
    const key = hash([compiler.version, ...plan.keyFlags, ...plan.headers, content]);
    return { name, path: join(objectFolder, `${name.slice(0, -4)}-${key}.o`) };
  });
  const pending = objects.filter((object) => !existsSync(object.path));
  log(
    `Compiling the native engine against ${libtorch.description} (${pending.length} of ${objects.length} files)`,
  );
  const run = (commandLine) =>
    promisify(execFile)(compiler.command, commandLine, { cwd: root, maxBuffer: 1 << 26 });
  const shared = join(objectFolder, `headers${partial}`);
  try {
    const first = pending.length >= worthPrecompiling ? await precompiled(shared, plan.flags, run) : [];
    await eachOf(pending, availableParallelism(), async ({ name, path }) => {
      await run([...plan.flags, ...first, '-c', join(sourceFolder, name), '-o', path + partial]);
      renameSync(path + partial, path);
    });
    const inputs = objects.map((object) => object.path);
    await run(['-shared', '-o', binary + partial, ...inputs, ...plan.linkFlags]);
  } catch (error) {
    const report = join(buildFolder, 'native-errors.log');
    writeFileSync(report, String(error.stderr ?? error));
    const first =
      /^.*error.*$/m.exec(String(error.stderr ?? ''))?.[0] ?? String(error.message).split('\n')[0];
    return absent(
      `The native engine was not built: ${first}`,
      [
        `The compiler's full report is in ${report}.`,
        `With another compiler: CXX=/path/to/g++ ${setupCommand()}`,
      ],
      false,
    );
  } finally {
    rmSync(shared, { recursive: true, force: true });
  }
  const description = {
    key: plan.key,
    bytes: statSync(binary + partial).size,
    libtorch: libtorch.description,
    cpu: cpus()[0]?.model ?? 'unknown',
  };
  // The stamp last: without it, or with an older one, the binary is made anew.
  renameSync(binary + partial, binary);
  writeFileSync(stamp + partial, `${JSON.stringify(description, null, 2)}\n`);
  renameSync(stamp + partial, stamp);
  removeLeftovers(objects);
  return {
    built: true,
    fresh: true,
    missing: false,
    message: `The native engine is built (${libtorch.description}).`,
  };
}

/**
 * libtorch's headers, which are most of what the compiler reads of a source, compiled once for all of them: a third of the
 * whole build is saved. The objects are the same, byte for byte.
 * @returns the flags that make a source begin with them; none where the compiler cannot do that
 */
async function precompiled(folder, flags, run) {
  const header = join(folder, 'libtorch.h');
  mkdirSync(folder, { recursive: true });
  writeFileSync(header, '#include <ATen/ATen.h>\n');
  return run([...flags, '-x', 'c++-header', header, '-o', `${header}.gch`]).then(
    () => ['-include', header],
    () => [],
  );
}

/** All that the binary is made from, and a key that changes with any of it. */
function planFor(libtorch) {
  const read = (ending) =>
    readdirSync(join(root, sourceFolder))
      .filter((name) => name.endsWith(ending))
      .map((name) => ({ name, content: readFileSync(join(root, sourceFolder, name)) }));
  const sources = read('.cpp');
  const headers = read('.h').flatMap(({ name, content }) => [name, content]);
  const flags = compileFlags(libtorch);
  // Where npm laid the headers changes nothing about what is compiled.
  const keyFlags = flags.map((flag) =>
    flag === apiHeaders() ? join('node_modules', 'node-api-headers', 'include') : flag,
  );
  const linking = linkFlags(libtorch);
  const processor = cpus()[0]?.model ?? 'unknown';
  const key = hash([
    process.env.CXX ?? '',
    libtorch.identity,
    // Both flags say "native".
    processor,
    ...keyFlags,
    ...linking,
    ...headers,
    ...sources.flatMap(({ name, content }) => [name, content]),
  ]);
  return { key, flags, keyFlags, headers: [processor, ...headers], linkFlags: linking, sources };
}

function isCurrent(plan) {
  try {
    const { key, bytes } = JSON.parse(readFileSync(stamp, 'utf8'));
    return key === plan.key && statSync(binary).size === bytes;
  } catch {
    return false;
  }
}

/** Objects of other sources or settings, and what builds that were killed left half written. */
function removeLeftovers(objects) {
  const current = new Set(objects.map((object) => object.path));
  for (const folder of [objectFolder, buildFolder]) {
    for (const name of readdirSync(folder)) {
      const writer = /\.(\d+)\.part$/.exec(name)?.[1];
      const isStale = writer
        ? !isAlive(Number(writer))
        : name.endsWith('.o') && !current.has(join(folder, name));
      if (isStale) rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function absent(what, remedies, missing = true) {
  rmSync(binary, { force: true });
  rmSync(stamp, { force: true });
  return { built: false, fresh: false, missing, message: [what, ...remedies].join('\n') };
}

/** Ways to a compiler, each a line that ends in the command to run. */
export function compilerRemedies() {
  if (process.platform === 'darwin') return [`From Apple: xcode-select --install && ${setupCommand()}`];
  return [
    `As root on Debian or Ubuntu: apt-get install g++ libtorch-dev libopenblas0-openmp && ${setupCommand()}`,
    `Without root, with conda: conda install -c conda-forge gxx && ${setupCommand()}`,
    `With a compiler of your own: CXX=/path/to/g++ ${setupCommand()}`,
  ];
}

/** Ways to a libtorch, each a line that ends in the command to run. */
export function libtorchRemedies() {
  const system =
    process.platform === 'darwin'
      ? `With Homebrew: brew install pytorch && LIBTORCH=$(brew --prefix pytorch) ${setupCommand()}`
      : `As root on Debian or Ubuntu: apt-get install libtorch-dev libopenblas0-openmp && ${setupCommand()}`;
  return [
    system,
    `Without root, where Python 3 has pip: ${setupCommand('--torch-from-pip')}`,
    `With a Python environment that has torch: RLPD_TORCH_PYTHON=/path/to/python ${setupCommand()}`,
    `With a libtorch of your own: LIBTORCH=/path/to/libtorch ${setupCommand()}`,
  ];
}

/**
 * The headers of Node-API, from the root, as Node resolves their package: npm may have laid it beside this one or
 * below it. Undefined where it is not installed.
 */
export function apiHeaders() {
  try {
    const { resolve } = createRequire(import.meta.url);
    return join(relative(root, dirname(resolve('node-api-headers/package.json'))), 'include');
  } catch {
    return undefined;
  }
}

export function findCompiler() {
  for (const command of [process.env.CXX, 'c++', 'g++', 'clang++']) {
    if (!command) continue;
    try {
      const version = execFileSync(command, ['--version'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return { command, version };
    } catch {
      // Not this one.
    }
  }
  return undefined;
}

/** Where the headers and libraries are, which of its libraries to link, and its C++ ABI. */
export function findLibtorch(log = () => {}) {
  const { LIBTORCH, RLPD_TORCH_PYTHON } = process.env;
  if (LIBTORCH) {
    const found = inFolder(LIBTORCH, `libtorch in ${LIBTORCH}`, log);
    if (found) return found;
    log(
      `LIBTORCH names ${LIBTORCH}, which holds no libtorch (include/ATen/ATen.h and lib): looking elsewhere.`,
    );
  }
  if (RLPD_TORCH_PYTHON) {
    try {
      const [folder, version] = execFileSync(
        RLPD_TORCH_PYTHON,
        ['-c', 'import os, torch; print(os.path.dirname(torch.__file__)); print(torch.__version__)'],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
      )
        .trim()
        .split('\n');
      const found = inFolder(folder, `the torch ${version} package of ${RLPD_TORCH_PYTHON}`, log);
      if (found) return found;
    } catch {
      // The system may have one.
    }
    log(`RLPD_TORCH_PYTHON names ${RLPD_TORCH_PYTHON}, which gives no torch package: looking elsewhere.`);
  }
  const fromPip = inFolder(pipLibtorch, 'the torch package in build/torch', log);
  if (fromPip) return fromPip;
  if (existsSync('/usr/include/ATen/ATen.h')) {
    const triplets = ['x86_64-linux-gnu', 'aarch64-linux-gnu', '.'];
    const lib = triplets
      .map((name) => join('/usr/lib', name))
      .find((path) => existsSync(join(path, 'libtorch_cpu.so')));
    if (lib) {
      return {
        include: [],
        lib,
        runPath: false,
        abi: undefined,
        cuda: false,
        identity: identityOf(lib),
        description: `the system's libtorch ${systemVersion(lib)}`,
      };
    }
  }
  return undefined;
}

function inFolder(folder, description, log) {
  const include = join(folder, 'include');
  const lib = join(folder, 'lib');
  if (!existsSync(join(include, 'ATen', 'ATen.h')) || !existsSync(lib)) return undefined;
  const cuda = findCuda(folder, log);
  const cmake = join(folder, 'share', 'cmake', 'Torch', 'TorchConfig.cmake');
  const abi = existsSync(cmake)
    ? /_GLIBCXX_USE_CXX11_ABI=(\d)/.exec(readFileSync(cmake, 'utf8'))?.[1]
    : undefined;
  return {
    include: [include, ...(cuda ?? [])],
    lib,
    runPath: true,
    abi,
    cuda: cuda !== undefined,
    identity: identityOf(lib),
    description: cuda === undefined ? description : `${description}, with CUDA`,
  };
}

/** Folders of CUDA's headers, where this libtorch has CUDA: the toolkit's, or those of the packages beside torch. */
function findCuda(folder, log) {
  if (!existsSync(join(folder, 'lib', 'libtorch_cuda.so'))) return undefined;
  const { CUDA_HOME, CUDA_PATH } = process.env;
  const toolkits = [CUDA_HOME, CUDA_PATH, '/usr/local/cuda'].filter(Boolean);
  const packages = join(dirname(folder), 'nvidia');
  const besides = existsSync(packages) ? readdirSync(packages).map((name) => join(packages, name)) : [];
  // Brings the compiler's headers, which those packages lack; last, since it may be of another version.
  besides.push(join(dirname(folder), 'triton', 'backends', 'nvidia'));
  const has = (folders, header) => folders.some((include) => existsSync(join(include, header)));
  const found = [...toolkits.map((one) => [one]), besides]
    .map((places) => places.map((place) => join(place, 'include')).filter((include) => existsSync(include)))
    .find((folders) => has(folders, 'cuda_runtime_api.h') && has(folders, join('crt', 'host_config.h')));
  if (found === undefined)
    log(
      "This libtorch has CUDA, but CUDA's headers (cuda_runtime_api.h and crt/host_config.h) were found neither in CUDA_HOME nor beside it: the engine is built for the CPU. The CUDA toolkit brings them, and so does pip install torch.",
    );
  return found;
}

/** Size and time of the library itself: another version may come to lie in the same folder. */
function identityOf(lib) {
  const library = readdirSync(lib).find((name) => /^libtorch_cpu\.(so|dylib)$/.test(name));
  if (library === undefined) return '';
  const { size, mtimeMs } = statSync(join(lib, library));
  return `${size} ${mtimeMs}`;
}

function systemVersion(lib) {
  const versions = readdirSync(lib).map((name) => /^libtorch_cpu\.so\.([\d.]+)$/.exec(name)?.[1] ?? '');
  return versions.sort((a, b) => b.length - a.length)[0] ?? '';
}

export function compileFlags(libtorch) {
  const flags = [
    `-std=${standardOf(libtorch)}`,
    '-O3',
    '-fno-math-errno',
    '-fno-trapping-math',
    '-fPIC',
    '-DNAPI_VERSION=8',
    '-Wall',
    '-Wextra',
  ];
  flags.push(process.arch === 'x64' ? '-march=native' : '-mcpu=native');
  // The engine's own loops and ATen's parallel_for, which is a template in a header, both need it.
  if (process.platform === 'linux') flags.push('-fopenmp');
  if (libtorch.abi !== undefined) flags.push(`-D_GLIBCXX_USE_CXX11_ABI=${libtorch.abi}`);
  if (libtorch.cuda) flags.push('-DRLPD_CUDA');
  for (const folder of libtorch.include) flags.push('-isystem', folder);
  flags.push('-isystem', apiHeaders() ?? '');
  return flags;
}

/** The C++ that libtorch's headers ask for in their first lines: C++20 since 2.15. */
function standardOf(libtorch) {
  const folders = [...libtorch.include, '/usr/include'];
  const header = folders.map((folder) => join(folder, 'ATen', 'ATen.h')).find((path) => existsSync(path));
  return header !== undefined && readFileSync(header, 'utf8').includes('__cplusplus < 202002L')
    ? 'c++20'
    : 'c++17';
}

export function linkFlags(libtorch) {
  const flags = [`-L${libtorch.lib}`, '-ltorch_cpu', '-lc10'];
  // By its name nothing asks for libtorch_cuda: its kernels enter themselves when it is loaded.
  if (libtorch.cuda) flags.push('-Xlinker', '--no-as-needed', '-ltorch_cuda', '-lc10_cuda');
  if (process.platform === 'linux') {
    flags.push('-fopenmp');
  } else {
    flags.push('-undefined', 'dynamic_lookup');
  }
  // Not through -Wl, which would cut the path at a comma.
  if (libtorch.runPath) flags.push('-Xlinker', '-rpath', '-Xlinker', libtorch.lib);
  return flags;
}

function hash(parts) {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part ?? '').update('\0');
  return digest.digest('hex').slice(0, 16);
}

async function eachOf(items, width, work) {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: Math.min(width, queue.length) }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const result = await buildNative({ log: console.error });
  console.error(result.message);
  process.exitCode = result.built ? 0 : 1;
}
