/**
 * What a run's numbers depend on beside its settings, data and machine: one short hash for each part of the program,
 * over its compiled modules and the versions of the libraries below it. Comments do not count. Two runs are
 * comparable where the hashes are equal; where they differ, the part that differs is known.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Fingerprint {
  /** Agent, networks, replay, loop. */
  readonly learner: string;
  /** Tensor engine: its own sources and the libraries below it. */
  readonly engine: string;
  /** Physics and tasks. */
  readonly environment: string;
  readonly renderer: string;
}

interface Part {
  /** Folders and files of the compiled program. */
  readonly modules: readonly string[];
  readonly without?: string;
  /** Sources that are not compiled into it, from the package's root. */
  readonly sources?: readonly string[];
  readonly packages: readonly string[];
}

const parts: Readonly<Record<keyof Fingerprint, Part>> = {
  learner: {
    modules: [
      'src/agent',
      'src/nn',
      'src/classifier',
      'src/replay',
      'src/random',
      'encoders',
      ...[
        'train',
        'trainingRun',
        'environmentExperience',
        'refill',
        'episodeTally',
        'evaluate',
        'rollout',
        'priorData',
        'environmentOptions',
        'rewardClassifier',
        'config',
      ].map((name) => `src/training/${name}.js`),
    ],
    packages: ['pure-rand'],
  },
  engine: {
    modules: ['src/backend'],
    sources: ['src/backend/native'],
    packages: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm'],
  },
  environment: { modules: ['envs'], without: 'envs/renderer', packages: ['mujoco-js'] },
  renderer: { modules: ['envs/renderer'], packages: ['meshoptimizer'] },
};

/** Compiled modules lie in dist/, the package's root above it. */
const compiled = fileURLToPath(new URL('../../', import.meta.url));
const packageRoot = join(compiled, '..');

let own: Promise<Fingerprint> | undefined;

/** Of the program as it was when this process first asked. */
export function fingerprint(): Promise<Fingerprint> {
  own ??= hashParts();
  return own;
}

async function hashParts(): Promise<Fingerprint> {
  const hashes = await Promise.all(
    Object.entries(parts).map(async ([name, part]) => [name, await hashOf(part)] as const),
  );
  return Object.fromEntries(hashes) as unknown as Fingerprint;
}

/** One line that tells fingerprints apart. */
export function fingerprintText({ learner, engine, environment, renderer }: Fingerprint): string {
  return `learner ${learner}, engine ${engine}, environment ${environment}, renderer ${renderer}`;
}

export function sameFingerprint(a: Fingerprint, b: Fingerprint): boolean {
  return fingerprintText(a) === fingerprintText(b);
}

async function hashOf({ modules, without, sources = [], packages }: Part): Promise<string> {
  const digest = createHash('sha256');
  const files = [
    ...(await filesOf(compiled, modules)).filter(
      (path) => /\.(js|xml|py)$/.test(path) && (without === undefined || !path.startsWith(`${without}/`)),
    ),
  ];
  for (const path of files) digest.update(`\0${path}\0${await meaning(join(compiled, path))}`);
  for (const path of await filesOf(packageRoot, sources))
    digest.update(`\0${path}\0${await meaning(join(packageRoot, path))}`);
  for (const name of packages) digest.update(`\0${name}\0${await versionOf(name)}`);
  return digest.digest('hex').slice(0, 12);
}

/** A source without the lines that hold a comment alone. */
async function meaning(path: string): Promise<string> {
  const lines = (await readFile(path, 'utf8')).split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !/^(\/\/|\/\*|\*)/.test(line)).join('\n');
}

/** Every file of the folders, and the files among the names, in a fixed order. */
async function filesOf(root: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      if (/\.\w+$/.test(name)) return [name];
      const entries = await readdir(join(root, name), { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
    }),
  );
  return found.flat().sort();
}

/** The version that is installed, wherever the package manager laid it. */
async function versionOf(name: string): Promise<string> {
  for (let folder = packageRoot; ; folder = join(folder, '..')) {
    const text = await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8').catch(() => null);
    if (text !== null) return String((JSON.parse(text) as { version?: unknown }).version);
    if (join(folder, '..') === folder) return 'none';
  }
}
