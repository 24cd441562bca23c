/** A study of three variants on two tasks with two data and three seeds, and results made by formulas. */
import { Generator } from '../../src/random/generator.js';
import { lastMean } from '../../src/study/learningCurves.js';
import type { RunResult } from '../../src/study/results.js';
import { configOf, type Study, type StudyRun, studyRuns, studySchema } from '../../src/study/study.js';
import type { MetricsLine } from '../../src/training/metrics.js';

export const fingerprint = { learner: 'a1a1', engine: 'b2b2', environment: 'c3c3', renderer: 'd4d4' };

export function syntheticStudy(folder: string): Study {
  const definition = studySchema.parse({
    question: 'Does prior data help, and does it take symmetric sampling?',
    finding: 'RLPD with symmetric sampling learns fastest on all tasks.',
    base: { preset: 'rlpd', settings: {} },
    variants: {
      RLPD: {},
      'online only': { preset: 'online-only', usesData: false },
      'behaviour cloning': { preset: 'bc' },
    },
    scales: {
      small: {
        tasks: ['walker-walk', 'cheetah-run'],
        data: {
          expert: { level: 'expert', episodes: 100 },
          medium: { level: 'medium', episodes: 100 },
        },
        seeds: [0, 1, 2],
        settings: { envFrames: 100_000 },
      },
    },
    thresholds: [300, 800],
  });
  return { ...definition, name: 'does-data-help', folder };
}

export function syntheticResults(study: Study): RunResult[] {
  return studyRuns(study, 'small').map((run) => syntheticResult(run));
}

export function syntheticResult(run: StudyRun, changes: Partial<RunResult> = {}): RunResult {
  const config = configOf(run, run.data === undefined ? undefined : `data/${run.task}-${run.data}`);
  return {
    id: run.id,
    task: run.task,
    data: run.data,
    variant: run.variant,
    seed: run.seed,
    config,
    metrics: run.variant === 'behaviour cloning' ? clonedMetrics(run) : learntMetrics(run),
    command: `rlpd train --task ${run.task} --seed ${run.seed}`,
    wallSeconds: 1800 + 60 * run.seed,
    finished: `2026-01-0${run.seed + 1}T12:00:00.000Z`,
    machine: { processor: 'AMD EPYC', cores: 2, node: '20.19.0' },
    engine: 'torch on cpu, bfloat16',
    dataset:
      run.data === undefined
        ? null
        : { sha256: `${run.task}-${run.data}`.padEnd(64, '0'), episodes: 100, returnMean: 925 },
    fingerprint,
    verified: [],
    ...changes,
  };
}

/** A sigmoid whose middle comes the earlier the better the data, with noise of the run's own. */
function learntMetrics({ id, variant, task, data, seed }: StudyRun): MetricsLine[] {
  const noise = new Generator(seed).child(id);
  const height = task === 'walker-walk' ? 940 : 610;
  const middle = (variant === 'RLPD' ? (data === 'expert' ? 25 : 40) : 70) * (1 + 0.12 * noise.normal());
  return Array.from({ length: 21 }, (_, i): MetricsLine => {
    const mean = height / (1 + Math.exp((middle - 5 * i) / 8)) + 18 * noise.normal();
    return {
      envFrames: 5000 * i,
      agentSteps: 2500 * i,
      updates: 2000 * i,
      episodes: 5 * i,
      seconds: 85 * i,
      ...evaluation(Math.max(0, mean)),
    };
  });
}

function clonedMetrics({ id, task, data, seed }: StudyRun): MetricsLine[] {
  const noise = new Generator(seed).child(id);
  const height = (task === 'walker-walk' ? 700 : 450) * (data === 'expert' ? 1 : 0.5);
  return [0, 1, 2, 3, 4].map((i) => ({
    envFrames: 0,
    agentSteps: 0,
    updates: 5000 * i,
    episodes: 0,
    seconds: 100 * i,
    ...evaluation(Math.max(0, (height * i) / 4 + 25 * noise.normal())),
  }));
}

/** An evaluation of one episode, but for where the run stood. */
export function evaluation(mean: number) {
  return {
    kind: 'evaluation',
    returns: [mean],
    mean,
    std: 0,
    iqm: mean,
    ci95: [mean, mean],
    length: 500,
    invalid: 0,
  } as const;
}

export function scoresOf(
  results: readonly RunResult[],
  variant: string,
  task: string,
  data: string,
): number[] {
  return results
    .filter((run) => run.variant === variant && run.task === task && (run.data ?? data) === data)
    .map((run) => lastMean(run) as number);
}
