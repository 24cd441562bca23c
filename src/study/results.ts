/**
 * What is kept of a finished run, in the study's folder under the run's id: `config.json` (every setting),
 * `metrics.jsonl` (evaluations and episodes whole, training lines thinned), and `run.json`, which says where the
 * numbers come from. It is written aside and renamed: a result is whole or absent.
 */
import { readFile, rename, rm } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../errors.js';
import { PARTIAL_ENDING, syncFolder, writeFileAtomic } from '../files/atomicFile.js';
import { makeFolder } from '../files/makeFolder.js';
import type { RunConfig } from '../training/config.js';
import { METRICS_FILE, type MetricsLine } from '../training/metrics.js';
import { readConfig, readMetrics, runPaths } from '../training/runFolder.js';
import { type Study, type StudyRun, scaleNames, studyRuns } from './study.js';

const fingerprintSchema = z.object({
  learner: z.string(),
  engine: z.string(),
  environment: z.string(),
  renderer: z.string(),
});

const provenanceSchema = z.object({
  /** The command that makes the run again. */
  command: z.string(),
  /** Seconds of wall-clock time it computed, over all its interruptions. */
  wallSeconds: z.number().min(0),
  /** ISO 8601. */
  finished: z.string(),
  machine: z.object({ processor: z.string(), cores: z.int(), node: z.string() }),
  /** The line that names the tensor engine. */
  engine: z.string(),
  /** SHA-256 of the dataset's manifest, its episodes and their mean return; null without data. */
  dataset: z.object({ sha256: z.string(), episodes: z.int(), returnMean: z.number().nullable() }).nullable(),
  /** Of the program that made it. */
  fingerprint: fingerprintSchema,
  /** Later versions of the program that were seen to repeat the beginning of a run like it, bit for bit. */
  verified: z
    .array(
      z.object({
        fingerprint: fingerprintSchema,
        /** The run that was begun again, and how far. */
        run: z.string(),
        envFrames: z.int(),
        updates: z.int(),
      }),
    )
    .default([]),
  /** Whose run it is where it was not played for this study, but taken over from an equal run of that one. */
  playedBy: z.object({ study: z.string(), run: z.string() }).optional(),
});

export type Provenance = Readonly<z.output<typeof provenanceSchema>>;

export interface RunResult extends Provenance {
  /** `SCALE/TASK/DATA/VARIANT/seed-N`. */
  readonly id: string;
  readonly task: string;
  /** Name of the data; undefined where the run was given none. */
  readonly data: string | undefined;
  readonly variant: string;
  readonly seed: number;
  readonly config: RunConfig;
  readonly metrics: readonly MetricsLine[];
}

const PROVENANCE_FILE = 'run.json';
/** Lines of training metrics that are kept of a run, about. */
const TRAINING_LINES = 50;

/** The machine this process runs on. */
export function machine(): Provenance['machine'] {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.versions.node,
  };
}

/** Keeps what the run in `folder` found. Paths of its datasets are left out of the settings: `provenance` knows them. */
export async function keepResult(
  study: Study,
  run: StudyRun,
  folder: string,
  provenance: Provenance,
): Promise<void> {
  const target = join(study.folder, run.id);
  const aside = target + PARTIAL_ENDING;
  await rm(aside, { recursive: true, force: true });
  await makeFolder(aside);
  const config: RunConfig = {
    ...(await readConfig(folder)),
    dataset: run.data === undefined ? [] : [run.data],
  };
  const write = (name: string, text: string) => writeFileAtomic(join(aside, name), text);
  await write(runPaths('').config, `${JSON.stringify(config, null, 2)}\n`);
  const lines = thinned(await readMetrics(folder));
  await write(METRICS_FILE, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await writeProvenance(aside, provenance);
  await rm(target, { recursive: true, force: true });
  await rename(aside, target);
  await syncFolder(dirname(target));
}

/** Says anew where the numbers of the result in `folder` come from. */
export async function writeProvenance(folder: string, provenance: Provenance): Promise<void> {
  await writeFileAtomic(join(folder, PROVENANCE_FILE), `${JSON.stringify(provenance, null, 2)}\n`);
}

/** The result of a run; undefined where it has none yet. @throws InputError where it is damaged */
export async function readResult(study: Study, run: StudyRun): Promise<RunResult | undefined> {
  const folder = join(study.folder, run.id);
  const provenance = await readProvenance(folder);
  if (provenance === undefined) return undefined;
  const { id, task, data, variant, seed } = run;
  const [config, metrics] = [await readConfig(folder), await readMetrics(folder)];
  return { ...provenance, id, task, data, variant, seed, config, metrics };
}

/** Where the numbers of the result in `folder` come from; undefined where there is none. */
export async function readProvenance(folder: string): Promise<Provenance | undefined> {
  const path = join(folder, PROVENANCE_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new InputError(`${path} cannot be read (${error.code}); delete ${folder} to run it again.`);
  });
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(
      `${path} is not valid JSON: ${(error as Error).message}; delete ${folder} to run it again.`,
    );
  }
  const parsed = provenanceSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new InputError(
      `"${issue?.path.join('.')}" in ${path}: ${issue?.message}; delete ${folder} to run it again.`,
    );
  }
  return parsed.data;
}

/** All that a study has found so far, in the order of its runs. */
export async function readResults(study: Study): Promise<RunResult[]> {
  const results: RunResult[] = [];
  for (const scale of scaleNames)
    for (const run of studyRuns(study, scale)) {
      const result = await readResult(study, run);
      if (result !== undefined) results.push(result);
    }
  return results;
}

function thinned(lines: readonly MetricsLine[]): MetricsLine[] {
  const count = lines.filter(({ kind }) => kind === 'train').length;
  const every = Math.ceil(count / TRAINING_LINES);
  let number = 0;
  return lines.filter(({ kind }) => kind !== 'train' || ++number % every === 0);
}
