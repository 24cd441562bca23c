/**
 * A run is a folder: `config.json`, `metrics.jsonl`, `tensorboard/`, `evaluations/`, `replay/` (the online
 * experience, a dataset that only grows), `films/` (the first episode of each evaluation, a dataset), `policies/`
 * (snapshots, where asked for), `best.safetensors` (the policy of the best evaluation) and `checkpoints/`.
 */
import { readFile, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isTaskModule } from '../../envs/taskModule.js';
import { InputError, sendError } from '../errors.js';
import { writeFileAtomic } from '../files/atomicFile.js';
import { acquireLock, type Lock } from '../files/lock.js';
import { makeFolder } from '../files/makeFolder.js';
import { fromEarlierVersion, kebabCase, parseRunConfig, type RunConfig, type RunSettings } from './config.js';
import { METRICS_FILE, type MetricsLine, parseMetricsLine } from './metrics.js';

export const runPaths = (run: string) => ({
  config: join(run, 'config.json'),
  lock: join(run, 'lock.json'),
  failure: join(run, 'failure.txt'),
  metrics: join(run, METRICS_FILE),
  evaluations: join(run, 'evaluations'),
  replay: join(run, 'replay'),
  films: join(run, 'films'),
  policies: join(run, 'policies'),
  bestPolicy: join(run, 'best.safetensors'),
  checkpoints: join(run, 'checkpoints'),
  learningCurve: join(run, 'learning-curve.png'),
  successRate: join(run, 'success-rate.png'),
});

/**
 * Settings that say how long a run goes on, what it reports and where it computes, not what it learns. Where its data
 * lies may change too, but not its content: `findData` sees to that.
 */
export const changeable: ReadonlySet<string> = new Set<keyof RunConfig>([
  'envFrames',
  'evaluationInterval',
  'evaluationEpisodes',
  'checkpointInterval',
  'keepCheckpoints',
  'snapshots',
  'films',
  'logInterval',
  'datasetMemory',
  // Its hash stays.
  'rewardClassifier',
  'backend',
  'precision',
  'device',
  'replayDevice',
  'threads',
]);

/**
 * Takes the run for this process alone. What is released leaves no empty folder behind.
 * @throws LockedError where another has it
 */
export async function lockRun(run: string): Promise<Lock> {
  await makeFolder(run);
  const lock = await acquireLock(runPaths(run).lock, `The run ${run}`);
  return {
    release: async () => {
      await lock.release();
      await rmdir(run).catch(() => {});
    },
  };
}

/** Keeps why a run failed, for whoever looks at its folder, and returns it; it is gone as soon as the run goes on. */
export async function keepFailure(run: string, error: unknown): Promise<string> {
  const { message } = sendError(error);
  await writeFileAtomic(runPaths(run).failure, `${message}\n`);
  return message;
}

export async function forgetFailure(run: string): Promise<void> {
  await rm(runPaths(run).failure, { force: true });
}

/** @throws InputError where the folder holds a run already */
export async function requireNoRun(run: string): Promise<void> {
  if (await isRun(run))
    throw new InputError(`${run} already holds a run: go on with it by --resume, or choose another --out.`);
}

/** Makes the folder and keeps the settings in it. @throws InputError where it holds a run already */
export async function createRun(run: string, config: RunConfig): Promise<void> {
  await requireNoRun(run);
  await makeFolder(run);
  await saveConfig(run, config);
}

/**
 * The settings of a run that goes on, with what may be changed on the way; `saveConfig` keeps them.
 * @throws InputError where there is no run, or a flag would make another run of it
 */
export async function reopenRun(run: string, flags: Readonly<Partial<RunSettings>>): Promise<RunConfig> {
  const saved = await readConfig(run);
  for (const [name, value] of Object.entries(flags)) {
    const before = saved[name as keyof RunConfig];
    const saysWhere =
      name === 'dataset' || (name === 'distractionBackgrounds' && before !== null && value !== null);
    if (changeable.has(name) || saysWhere) continue;
    // A module may have been moved since.
    if (name === 'task' && isTaskModule(saved.task) && isTaskModule(String(value))) continue;
    if (JSON.stringify(value) !== JSON.stringify(before))
      throw new InputError(
        `--${kebabCase(name)} cannot change in the middle of a run: ${run} was started with ${JSON.stringify(before)}.`,
      );
  }
  return parseRunConfig({ ...saved, ...flags }, (name) => `--${kebabCase(name)}`);
}

/** @throws InputError where the folder is not a run */
export async function readConfig(run: string): Promise<RunConfig> {
  const path = runPaths(run).config;
  if (!(await isRun(run)))
    throw new InputError(`${run} is not a run: it has no config.json. Start one with "rlpd train".`);
  let settings: unknown;
  try {
    settings = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new InputError(`${path} is not valid JSON: ${(error as Error).message}.`);
  }
  return parseRunConfig(fromEarlierVersion(settings), (name) => `"${name}" in ${path}`);
}

/**
 * The lines of `metrics.jsonl`; a line cut off by a crash at the file's end is left out.
 * @param bytes how much of the file counts; default: all
 * @throws InputError naming the first line that is damaged
 */
export async function readMetrics(run: string, bytes?: number): Promise<MetricsLine[]> {
  const path = runPaths(run).metrics;
  const text = (await readFile(path)).subarray(0, bytes).toString('utf8');
  return parseMetrics(text.slice(0, text.lastIndexOf('\n') + 1), path, 1);
}

/**
 * @param text whole lines of the file at `path`
 * @param first number of the first of them, from 1
 * @throws InputError naming the first line that is damaged
 */
export function parseMetrics(text: string, path: string, first: number): MetricsLine[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const parsed = parseMetricsLine(line);
    if (parsed !== undefined) return [parsed];
    const number = first + index;
    throw new InputError(
      `${path} is damaged in line ${number}: it is no JSON object of a run's metrics. Put the file back from a copy, or blank the line, at the length it has (LC_ALL=C sed -i '${number}s/./ /g' ${path}).`,
    );
  });
}

async function isRun(run: string): Promise<boolean> {
  return (await stat(runPaths(run).config).catch(() => null)) !== null;
}

/** Keeps the settings in the run's folder. */
export async function saveConfig(run: string, config: RunConfig): Promise<void> {
  await writeFileAtomic(runPaths(run).config, `${JSON.stringify(config, null, 2)}\n`);
}
