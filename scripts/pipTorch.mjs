// A libtorch without root: the torch package, which pip lays into build/torch, where scripts/native.mjs finds it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, setupCommand } from './installation.mjs';
import { succeeds } from './systemPackages.mjs';

const folder = join(root, 'build', 'torch');
/** The libtorch of that package: `include` and `lib`. */
export const pipLibtorch = join(folder, 'torch');

/**
 * Does nothing where it is there already.
 * @returns {{ installed: boolean, message: string | undefined }} `message`: one line, where something was done or
 *   could not be
 */
export function installPipTorch(say) {
  if (existsSync(pipLibtorch)) return { installed: true, message: undefined };
  const python = ['python3', 'python'].find((name) => succeeds(name, ['-m', 'pip', '--version']));
  if (python === undefined)
    return {
      installed: false,
      message: `No Python 3 with pip is here (python3 -m pip). With one elsewhere: PATH=/path/to/python/bin:$PATH ${setupCommand('--torch-from-pip')}`,
    };
  const withCuda = hasNvidiaGpu();
  say(
    `Installing torch with pip into ${folder} (${withCuda ? 'with CUDA, about 7 GB' : 'for the processor alone, about 1 GB'})`,
  );
  // Laid aside: what a killed installation left is not taken for a whole one.
  const partial = `${folder}.${process.pid}.part`;
  mkdirSync(dirname(folder), { recursive: true });
  const pip = (...packages) => {
    const { status } = spawnSync(
      python,
      [
        ...['-m', 'pip', 'install', '--disable-pip-version-check', '--no-compile'],
        ...['--target', partial, ...packages],
      ],
      { stdio: ['ignore', 2, 2] },
    );
    if (status !== 0) throw new Error(`pip install ${packages.join(' ')} ended with ${status}`);
  };
  try {
    if (withCuda) pip('torch');
    else {
      pip('--no-deps', 'torch');
      withoutCuda(partial, pip);
    }
    renameSync(partial, folder);
    return { installed: true, message: `torch ${versionIn(folder)} is installed in ${folder}.` };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    return { installed: false, message: `torch was not installed: ${error.message}.` };
  }
}

/**
 * For Linux the package comes with CUDA and asks for gigabytes of it. Without a GPU its library for the processor
 * needs two small parts, and the one for GPUs, half of the package, serves nobody.
 */
function withoutCuda(packages, pip) {
  const lib = join(packages, 'torch', 'lib');
  if (!existsSync(join(lib, 'libtorch_cuda.so'))) return;
  const parts = requirementsOf(packages).flatMap((requirement) => {
    const [, toolkit, version] = /^(cuda-toolkit)\[[^\]]*\](==[\d.]+)/.exec(requirement) ?? [];
    if (toolkit !== undefined) return [`${toolkit}[cudart,cupti]${version}`];
    return /^nvidia-cuda-(?:runtime|cupti)[-\w]*==[\d.]+/.exec(requirement) ?? [];
  });
  if (parts.length > 0) pip(...parts);
  for (const name of readdirSync(lib)) if (/^libtorch_(cuda|nvshmem)/.test(name)) rmSync(join(lib, name));
}

/** Names and versions that the package's own metadata asks for. */
function requirementsOf(packages) {
  const metadata = readdirSync(packages).find((name) => /^torch-.*\.dist-info$/.test(name));
  if (metadata === undefined) return [];
  const text = readFileSync(join(packages, metadata, 'METADATA'), 'utf8');
  return [...text.matchAll(/^Requires-Dist: (.*)$/gm)].map(([, requirement]) =>
    requirement.replace(/[\s()]/g, ''),
  );
}

function versionIn(packages) {
  const metadata = readdirSync(packages).find((name) => /^torch-.*\.dist-info$/.test(name));
  return metadata?.slice('torch-'.length, -'.dist-info'.length) ?? '';
}

function hasNvidiaGpu() {
  return existsSync('/proc/driver/nvidia/version') || succeeds('nvidia-smi', ['-L']);
}
