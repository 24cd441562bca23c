/** A study small enough for the reference backend: two variants, one of them with recorded data, two seeds. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readStudy, type Study } from '../../src/study/study.js';
import { metricsText, smallSettings } from '../training/smallRun.js';

export const tinyDefinition = {
  question: 'Does prior data help?',
  finding: 'It does.',
  base: {
    preset: 'rlpd',
    settings: { ...smallSettings, offlineMode: 'symmetric', envFrames: 1600, task: undefined },
  },
  variants: { RLPD: {}, 'online only': { preset: 'online-only', usesData: false } },
  scales: {
    small: {
      tasks: ['cartpole-swingup'],
      data: { random: { level: 'random', episodes: 2, actionRepeat: 8, imageSize: 8 } },
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

/** What two equal studies have equal of a run. */
export async function traceOf(study: Study, id: string): Promise<string[]> {
  const folder = join(study.folder, id);
  return [await metricsText(folder), await readFile(join(folder, 'config.json'), 'utf8')];
}
