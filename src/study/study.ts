/**
 * What a study is: one question, the settings whose answers are compared (variants), where they are compared (tasks
 * and data), how often (seeds), and for how long. It is one JSON file, `results/STUDY/study.json`, and every run of it
 * follows from that file alone.
 *
 * A study is written down at two scales: `paper` (as published) and `small` (what two cores get through). A run is
 * one cell of scale × task × data × variant × seed.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { knownActionRepeat } from '../../envs/suite/registry.js';
import { taskLabel } from '../../envs/taskModule.js';
import { InputError } from '../errors.js';
import type { RunConfig, RunSettings } from '../training/config.js';
import { presetSettings } from '../training/presets.js';
import { resolveConfig } from '../training/resolveConfig.js';
import { type DatasetRecipe, datasetRecipeSchema } from './datasetRecipe.js';

export const STUDY_FILE = 'study.json';
export const scaleNames = ['paper', 'small'] as const;
export type ScaleName = (typeof scaleNames)[number];

const settings = z.record(z.string(), z.unknown()).default({});
const seed = z.int().min(0).max(0xffffffff);

const variantSchema = z.strictObject({
  /** Replaces the study's own preset. */
  preset: z.string().optional(),
  settings,
  /** Whether it is given the data. A variant without data is run once a task, whatever the number of data. */
  usesData: z.boolean().default(true),
});

const scaleSchema = z.strictObject({
  tasks: z.array(z.string().min(1)).min(1),
  /** Recipes by name, such as "expert"; none: no variant is given data. */
  data: z.record(z.string(), datasetRecipeSchema.omit({ task: true })).default({}),
  seeds: z.array(seed).min(1),
  /** On top of the study's base settings and below the variant's: size, schedule, protocol of evaluation. */
  preset: z.string().optional(),
  settings,
  /** Settings of single variants at this scale alone, on top of all others. */
  variants: z.record(z.string(), settings).default({}),
});

export const studySchema = z
  .strictObject({
    /** One sentence. */
    question: z.string().min(1),
    /** What the paper found, one sentence. */
    finding: z.string().min(1),
    base: z.strictObject({ preset: z.string().default('rlpd'), settings }),
    variants: z.record(z.string().regex(/^[\w .,%+-]+$/), variantSchema),
    scales: z.strictObject({ paper: scaleSchema.optional(), small: scaleSchema.optional() }),
    /** What makes a score of a return: (return − low) / (high − low). */
    scoreRange: z.tuple([z.number(), z.number()]).default([0, 1000]),
    /** Returns for "env frames and minutes until". */
    thresholds: z.array(z.number()).default([500]),
  })
  .refine(({ scales }) => scales.paper !== undefined || scales.small !== undefined, {
    path: ['scales'],
    error: 'a study needs the scale "paper" or "small"',
  });

export type StudyDefinition = z.output<typeof studySchema>;

export interface Study extends StudyDefinition {
  /** The folder's name. */
  readonly name: string;
  readonly folder: string;
}

/** One run of a study. */
export interface StudyRun {
  /** `SCALE/TASK/DATA/VARIANT/seed-N`, unique in the study and the run's place in its folder. */
  readonly id: string;
  readonly scale: ScaleName;
  readonly task: string;
  /** Name of the data; undefined where the variant is given none. */
  readonly data: string | undefined;
  readonly variant: string;
  readonly seed: number;
  readonly recipe: DatasetRecipe | undefined;
  /** Everything but the dataset's folder, which its recipe leads to. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** @throws InputError where the folder holds no study, or one that is not valid */
export async function readStudy(folder: string): Promise<Study> {
  const path = join(folder, STUDY_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError(`${folder} is no study: ${path} cannot be read (${error.code}).`);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path} is not valid JSON: ${(error as Error).message}.`);
  }
  const parsed = studySchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new InputError(`"${issue?.path.join('.')}" in ${path}: ${issue?.message}.`);
  }
  const name = folder.replace(/\/+$/, '').split('/').at(-1) ?? folder;
  const study: Study = { ...parsed.data, name, folder };
  for (const [scaleName, scale] of Object.entries(study.scales))
    for (const variant of Object.keys(scale?.variants ?? {}))
      if (!Object.hasOwn(study.variants, variant))
        throw new InputError(
          `"scales.${scaleName}.variants.${variant}" in ${path} names no variant of the study.`,
        );
  return study;
}

/**
 * All runs of a scale: seed by seed across everything else, so that a figure exists early.
 * @throws InputError where a run's settings are not valid
 */
export function studyRuns(study: Study, scaleName: ScaleName): StudyRun[] {
  const scale = study.scales[scaleName];
  if (scale === undefined) return [];
  const data = Object.keys(scale.data);
  const labels = scale.tasks.map(taskLabel);
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined)
    throw new InputError(
      `"scales.${scaleName}.tasks" of the study ${study.name} has two tasks named ${twice}.`,
    );
  const places = scale.tasks.flatMap((task) =>
    Object.entries(study.variants).flatMap(([variant, { usesData }]) =>
      (usesData && data.length > 0 ? data : [undefined]).map((name) => ({ task, variant, data: name })),
    ),
  );
  return scale.seeds.flatMap((seed) =>
    places.map(({ task, variant, data: name }): StudyRun => {
      const recipe = name === undefined ? undefined : scale.data[name];
      return {
        id: [scaleName, taskLabel(task), name ?? 'none', slug(variant), `seed-${seed}`].join('/'),
        scale: scaleName,
        task,
        data: name,
        variant,
        seed,
        recipe: recipe && { ...recipe, actionRepeat: recipe.actionRepeat ?? knownActionRepeat(task), task },
        settings: settingsOf(study, scaleName, variant, task, seed),
      };
    }),
  );
}

/** The run's settings, parsed; `dataset` is where its data lies. */
export function configOf(run: StudyRun, dataset: string | undefined): RunConfig {
  const settings = dataset === undefined ? run.settings : { ...run.settings, dataset: [dataset] };
  // What the study's file holds is checked right there.
  return resolveConfig({ flags: settings as Partial<RunSettings> });
}

/** From the most general to the most particular: base, scale, variant, the variant at this scale. */
function settingsOf(
  study: Study,
  scaleName: ScaleName,
  variantName: string,
  task: string,
  seed: number,
): Record<string, unknown> {
  const scale = study.scales[scaleName];
  const variant = study.variants[variantName];
  const layers = [study.base, scale, variant].map((layer) => ({
    ...(layer?.preset === undefined ? {} : presetSettings(layer.preset)),
    ...layer?.settings,
  }));
  return Object.assign({}, ...layers, scale?.variants[variantName], { task, seed });
}

export function slug(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}
