/** A study small enough for the reference backend: two variants, one of them with recorded data, two seeds. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlayRun } from '../../src/study/playRun.js';
import { machine } from '../../src/study/results.js';
import { readStudy, type Study } from '../../src/study/study.js';
import { metricsText, smallSettings } from '../training/smallRun.js';

export const tinyDefinition = {
  question: 'Does prior data help?',
  finding: 'It does.',
  base: {
    preset: 'rlpd',
    // 63 agent steps an episode, 80 in all, half of them with an update.
    settings: {
      ...smallSettings,
      offlineMode: 'symmetric',
      actionRepeat: 16,
      envFrames: 1280,
      task: undefined,
    },
  },
  variants: { RLPD: {}, 'online only': { preset: 'online-only', usesData: false } },
  scales: {
    small: {
      tasks: ['cartpole-swingup'],
      data: { random: { level: 'random', episodes: 2, actionRepeat: 16, imageSize: 8 } },
      seeds: [0, 1],
    },
  },
};

/** Writes the definition, with changes, as a study in `folder`. */
export async function tinyStudy(
  folder: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Study> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'study.json'), JSON.stringify({ ...tinyDefinition, ...changes }));
  return readStudy(folder);
}

/** Leaves what a run leaves, and learns nothing. */
export const playAtOnce: PlayRun = async ({ folder, config, resumed }, _signal, onEvent) => {
  onEvent({ kind: 'started', resumed });
  const { envFrames, seed } = config;
  const counters = { envFrames, agentSteps: envFrames / 16, updates: 40, episodes: 1, seconds: 3 };
  const scores = {
    returns: [seed],
    mean: seed,
    std: 0,
    iqm: seed,
    ci95: [seed, seed],
    length: 63,
    invalid: 0,
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(
    join(folder, 'metrics.jsonl'),
    `${JSON.stringify({ kind: 'evaluation', ...counters, ...scores })}\n`,
  );
  return { finished: true, engine: 'none', wallSeconds: 3, machine: machine() };
};

/** What two equal studies have equal of a run. */
export async function traceOf(study: Study, id: string): Promise<string[]> {
  const folder = join(study.folder, id);
  return [await metricsText(folder), await readFile(join(folder, 'config.json'), 'utf8')];
}
