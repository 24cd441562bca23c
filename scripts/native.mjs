// Builds the native tensor engine (src/backend/native) into build/rlpd_torch.node: finds libtorch, compiles each
// source with the system's C++17 compiler, links. Nothing is fetched; what is up to date is not built again.
// libtorch is looked for in the folder LIBTORCH, in the torch package of the interpreter RLPD_TORCH_PYTHON, and in
// the system (Debian's libtorch-dev), in this order.
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sourceFolder = join(root, 'src', 'backend', 'native');
const buildFolder = join(root, 'build');
const objectFolder = join(buildFolder, 'native');
/** The addon, once it is built. */
export const binary = join(buildFolder, 'rlpd_torch.node');
const stamp = join(buildFolder, 'rlpd_torch.json');

/**
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<{ built: boolean, fresh: boolean, missing: boolean, message: string }>} `built`: the engine is
 *   there; `fresh`: it was compiled just now; `missing`: it is not there, for want of a compiler or of libtorch;
 *   `message`: one line, or two that say what is missing and how to get it.
 */
export async function buildNative({ log = () => {} } = {}) {
  const compiler = findCompiler();
  if (compiler === undefined) {
    return absent(
      'The native engine was not built: no C++ compiler (c++, g++ or clang++, or the one named by CXX) was found.',
      'Debian/Ubuntu: apt-get install g++ libtorch-dev libopenblas0-openmp. macOS: xcode-select --install, then brew install pytorch and LIBTORCH=$(brew --prefix pytorch).',
    );
  }
  const libtorch = findLibtorch();
  if (libtorch === undefined) {
    return absent(
      'The native engine was not built: libtorch was not found (LIBTORCH, RLPD_TORCH_PYTHON, then the system).',
      'Debian/Ubuntu: apt-get install libtorch-dev libopenblas0-openmp. Elsewhere, or for CUDA: pip install torch, then RLPD_TORCH_PYTHON=python3 npm run setup.',
    );
  }
  const flags = compileFlags(libtorch);
  const sources = readdirSync(sourceFolder).filter((name) => name.endsWith('.cpp'));
  const headers = readdirSync(sourceFolder).filter((name) => name.endsWith('.h'));
  const common = [
    compiler.version,
    flags,
    cpus()[0]?.model,
    headers.map((name) => readFileSync(join(sourceFolder, name))),
  ];
  const objects = sources.map((name) => {
    const key = hash([...common.flat(2), readFileSync(join(sourceFolder, name))]);
    return { name, path: join(objectFolder, `${name.slice(0, -4)}-${key}.o`) };
  });
  const link = linkFlags(libtorch);
  const key = hash([...objects.map((object) => object.path), ...link]);
  const description = {
    key,
    libtorch: libtorch.description,
    cuda: libtorch.cuda,
    cpu: cpus()[0]?.model ?? 'unknown',
  };
  if (existsSync(binary) && readStamp()?.key === key) {
    return {
      built: true,
      fresh: false,
      missing: false,
      message: `The native engine is up to date (${libtorch.description}).`,
    };
  }

  mkdirSync(objectFolder, { recursive: true });
  const pending = objects.filter((object) => !existsSync(object.path));
  log(
    `Compiling the native engine against ${libtorch.description} (${pending.length} of ${objects.length} files)`,
  );
  try {
    await eachOf(pending, availableParallelism(), async ({ name, path }) => {
      await promisify(execFile)(
        compiler.command,
        [...flags, '-c', join(sourceFolder, name), '-o', `${path}.part`],
        {
          maxBuffer: 1 << 26,
        },
      );
      renameSync(`${path}.part`, path);
    });
    await promisify(execFile)(
      compiler.command,
      ['-shared', '-o', `${binary}.part`, ...objects.map((object) => object.path), ...link],
      { maxBuffer: 1 << 26 },
    );
  } catch (error) {
    const report = join(buildFolder, 'native-errors.log');
    writeFileSync(report, String(error.stderr ?? error));
    const first =
      /^.*error.*$/m.exec(String(error.stderr ?? ''))?.[0] ?? String(error.message).split('\n')[0];
    return absent(
      `The native engine was not built: ${first}`,
      `The compiler's full report is in ${report}.`,
      false,
    );
  }
  renameSync(`${binary}.part`, binary);
  writeFileSync(stamp, `${JSON.stringify(description, null, 2)}\n`);
  const current = new Set(objects.map((object) => object.path));
  for (const name of readdirSync(objectFolder)) {
    if (!current.has(join(objectFolder, name))) rmSync(join(objectFolder, name));
  }
  return {
    built: true,
    fresh: true,
    missing: false,
    message: `The native engine is built (${libtorch.description}).`,
  };
}

function absent(what, remedy, missing = true) {
  rmSync(binary, { force: true });
  rmSync(stamp, { force: true });
  return { built: false, fresh: false, missing, message: `${what}\n${remedy}` };
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stamp, 'utf8'));
  } catch {
    return undefined;
  }
}

function findCompiler() {
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
function findLibtorch() {
  const { LIBTORCH, RLPD_TORCH_PYTHON } = process.env;
  if (LIBTORCH) {
    const found = inFolder(LIBTORCH, `libtorch in ${LIBTORCH}`);
    if (found) return found;
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
      const found = inFolder(folder, `the torch ${version} package of ${RLPD_TORCH_PYTHON}`);
      if (found) return found;
    } catch {
      // That interpreter has no torch; the system may.
    }
  }
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
        cuda: false,
        abi: undefined,
        description: `the system's libtorch ${systemVersion(lib)}`,
      };
    }
  }
  return undefined;
}

function inFolder(folder, description) {
  const include = join(folder, 'include');
  const lib = join(folder, 'lib');
  if (!existsSync(join(include, 'ATen', 'ATen.h')) || !existsSync(lib)) return undefined;
  const cmake = join(folder, 'share', 'cmake', 'Torch', 'TorchConfig.cmake');
  const abi = existsSync(cmake)
    ? /_GLIBCXX_USE_CXX11_ABI=(\d)/.exec(readFileSync(cmake, 'utf8'))?.[1]
    : undefined;
  const cuda = readdirSync(lib).some((name) => name.startsWith('libtorch_cuda.'));
  return { include: [include], lib, runPath: true, cuda, abi, description };
}

function systemVersion(lib) {
  const versions = readdirSync(lib).map((name) => /^libtorch_cpu\.so\.([\d.]+)$/.exec(name)?.[1] ?? '');
  return versions.sort((a, b) => b.length - a.length)[0] ?? '';
}

function compileFlags(libtorch) {
  const flags = [
    '-std=c++17',
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
  for (const folder of libtorch.include) flags.push('-isystem', folder);
  flags.push('-isystem', join(root, 'node_modules', 'node-api-headers', 'include'));
  return flags;
}

function linkFlags(libtorch) {
  const flags = [`-L${libtorch.lib}`, '-ltorch_cpu', '-lc10'];
  if (process.platform === 'linux') {
    flags.push('-fopenmp');
    // Nothing refers to the CUDA library by name; it registers itself when loaded.
    if (libtorch.cuda) flags.push('-Wl,--no-as-needed', '-ltorch_cuda', '-lc10_cuda', '-Wl,--as-needed');
  } else {
    flags.push('-undefined', 'dynamic_lookup');
  }
  if (libtorch.runPath) flags.push(`-Wl,-rpath,${libtorch.lib}`);
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await buildNative({ log: console.error });
  console.error(result.message);
  process.exitCode = result.built ? 0 : 1;
}
