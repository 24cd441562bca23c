/** The stages that the demos are made of: a training that ends in time, and a score on seeds that none has seen. */
import { join } from 'node:path';
import { writeVideo } from '../../src/media/video.js';
import { backendOptions, type RunConfig, type RunSettings } from '../../src/training/config.js';
import { environmentOptions } from '../../src/training/environmentOptions.js';
import { EVALUATION_SEED, type Evaluation, evaluateKept } from '../../src/training/evaluate.js';
import { readBestPolicy } from '../../src/training/policyFile.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';
import { type TrainResult, train } from '../../src/training/train.js';
import { note } from '../console.js';
import { ProgressDisplay } from '../progress.js';

/** Thrown where Ctrl-C was pressed. */
export class Stopped extends Error {}

/** A policy and how it was scored. */
export interface Contestant extends Evaluation {
  readonly name: string;
  /** Env frames of its own that it had learnt from. */
  readonly envFrames: number;
  /** Mean length of its episodes, in seconds of the task. */
  readonly seconds: number;
  /** File name of its film. */
  readonly video: string;
}

/** Side of the pictures people look at; the policies see `imageSize`. */
const filmSize = 256;

export function configure(preset: string, base: RunSettings, more: Partial<RunSettings>): RunConfig {
  return resolveConfig({ preset, flags: { ...base, ...more } });
}

/** What files and folders of a learner are called: "behaviour cloning" is behaviour-cloning. */
export function fileName(name: string): string {
  return name.toLowerCase().replaceAll(' ', '-');
}

/** Trains until the end or for so many minutes, whichever is first. */
export async function runStage(
  run: string,
  config: RunConfig,
  minutes: number,
  signal: AbortSignal,
): Promise<TrainResult> {
  const display = new ProgressDisplay();
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  const timer = setTimeout(abort, minutes * 60_000);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const result = await train({
      run,
      config,
      signal: stop.signal,
      onProgress: (progress) => display.update(progress),
    });
    display.stop();
    if (signal.aborted) throw new Stopped();
    if (!result.finished) note(`Stopped after ${minutes} minutes, for the demo to end in time.`);
    return result;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    display.stop();
  }
}

/**
 * The mode of the policy that the run's evaluations liked best, or uniform actions without a run. Episodes start from
 * other seeds than those evaluations: their best is partly luck. The first is filmed, into the folder `out`.
 */
export async function score(options: {
  readonly name: string;
  readonly config: RunConfig;
  readonly run: string | undefined;
  readonly out: string;
  readonly episodes: number;
  readonly signal: AbortSignal;
}): Promise<Contestant> {
  const { name, config, run, out, episodes, signal } = options;
  const behaviour = run === undefined ? undefined : { ...(await readBestPolicy(run)), name: run };
  const scored = await evaluateKept({
    task: config.task,
    environment: environmentOptions(config),
    behaviour,
    engine: backendOptions(config),
    episodes,
    seed: EVALUATION_SEED + 1_000,
    filmSize,
    signal,
  });
  if (scored === undefined) throw new Stopped();
  const { actionRepeat, controlTimestep } = scored.spec;
  const stepSeconds = controlTimestep * actionRepeat;
  const video = `${fileName(name)}.mp4`;
  await writeVideo(join(out, video), scored.film, { fps: 1 / stepSeconds });
  return {
    name,
    ...scored.evaluation,
    envFrames: behaviour?.envFrames ?? 0,
    seconds: scored.evaluation.length * stepSeconds,
    video,
  };
}
