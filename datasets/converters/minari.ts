/**
 * Minari: a folder with `main_data.hdf5` (and `metadata.json`), `episode_k` with `observations` (T + 1 rows; nested
 * groups for Dict and Tuple spaces), `actions`, `rewards`, `terminations`, `truncations`, `infos`. Images are raw arrays
 * or, by default in newer versions, JPEG files as rows: which of the two is seen from the data.
 */

import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { ActionBox } from '../../envs/environment.js';
import { InputError } from '../../src/errors.js';
import { Hdf5File } from '../sources/hdf5.js';
import type { ConversionSource } from './conversionSource.js';
import { type Hdf5Columns, hdf5Columns } from './hdf5Episodes.js';
import { type OpenOptions, refuseOptions } from './openOptions.js';
import { Remarks } from './remarks.js';
import type { SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';
import { openSteps, type StepFormat, type StepTable } from './steps.js';

const DATA_FILE = 'main_data.hdf5';
const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'it is not JSON' });
    return z.NEVER;
  }
});
const metadataSchema = z.object({
  dataset_id: z.string().optional(),
  data_format: z.string().optional(),
  total_episodes: z.number().optional(),
  action_space: json.optional(),
  env_spec: json.optional(),
});
type Metadata = z.output<typeof metadataSchema>;

const number = z.union([z.number(), z.string().transform(Number)]);
/** As Gymnasium spaces are serialised; bounds may be one number for all. */
const boxSpace = z.object({
  type: z.literal('Box'),
  shape: z.array(z.number()),
  low: z.union([number, z.array(z.unknown())]),
  high: z.union([number, z.array(z.unknown())]),
});
const anySpace = z.looseObject({ type: z.string(), n: z.unknown().optional(), nvec: z.unknown().optional() });
const environmentSpec = z.looseObject({ id: z.string() });

export async function openMinari(source: string, options: OpenOptions): Promise<ConversionSource> {
  refuseOptions('a Minari dataset', options, ['split']);
  return openSteps(openFile(source, options), options);
}

async function openFile(source: string, options: OpenOptions): Promise<StepFormat> {
  const file = await dataFile(source);
  const metadata = await readMetadata(dirname(file.path));
  const hdf5 = await Hdf5File.open(file.path, file.name);
  try {
    const remarks = new Remarks();
    const episodes = hdf5
      .keys('/')
      .filter((name) => /^episode_\d+$/.test(name))
      .sort((a, b) => Number(a.slice(8)) - Number(b.slice(8)));
    if (episodes.length === 0) throw new InputError(`${file.name} has no episodes (episode_0, …).`);
    const announced = metadata.total_episodes ?? episodes.length;
    if (announced !== episodes.length)
      remarks.add(
        `metadata.json announces ${announced} episodes (total_episodes); ${episodes.length} of ${announced} are there.`,
      );
    const hash = hashOnce(file);
    const environment = environmentSpec.safeParse(metadata.env_spec);
    return {
      name: 'Minari',
      path: file.name,
      task: environment.success ? environment.data.id : (metadata.dataset_id ?? null),
      controlTimestep: null,
      columns: {
        action: ['actions'],
        reward: ['rewards'],
        terminated: ['terminations'],
        truncated: ['truncations'],
        done: ['dones'],
        success: ['infos/success', 'infos/is_success'],
      },
      endsOf: 'step',
      alignment: 'chosen',
      stateKeys: [],
      ...actionFacts(metadata, options, remarks),
      rewardIsSuccess: false,
      details: { dataset: metadata.dataset_id ?? null },
      remarks,
      units: episodes.map((episode) => ({
        name: episode,
        read: async () => ({ table: episodeTable(hdf5, file, episode), files: async () => [await hash()] }),
      })),
      close: async () => hdf5.close(),
    };
  } catch (error) {
    hdf5.close();
    throw error;
  }
}

function episodeTable(hdf5: Hdf5File, file: SourceFile, id: string): StepTable {
  const steps = new Map<string, Hdf5Columns['numbers'] extends ReadonlyMap<string, infer C> ? C : never>();
  for (const key of hdf5.keys(id)) {
    if (key === 'observations') continue;
    const { numbers } = hdf5Columns(hdf5, `${id}/${key}`, `${id}/${key}`);
    for (const [inner, column] of numbers) {
      const path = inner === '' ? key : `${key}/${inner}`;
      // What is said of steps has a row before the first in some versions.
      const actions = hdf5.dataset(`${id}/actions`)?.rows ?? column.rows;
      const before = key === 'infos' && column.rows === actions + 1 ? 1 : 0;
      steps.set(path, {
        ...column,
        rows: column.rows - before,
        read: (from, to) => column.read(from + before, to + before),
      });
    }
  }
  return {
    id,
    source: { file: file.name, rows: [0, (steps.get('actions')?.rows ?? 0) + 1] },
    ...hdf5Columns(hdf5, `${id}/observations`, `${id}/observations`),
    steps,
  };
}

interface ActionFacts {
  readonly actionBox: ActionBox | null;
  readonly discrete?: string;
}

function actionFacts({ action_space: space }: Metadata, options: OpenOptions, remarks: Remarks): ActionFacts {
  const any = anySpace.safeParse(space);
  if (any.success && /discrete|binary/i.test(any.data.type)) {
    const { type, n, nvec } = any.data;
    return { actionBox: null, discrete: `${type}(${JSON.stringify(n ?? nvec ?? '')})` };
  }
  const box = boxSpace.safeParse(space);
  if (!box.success || options.actionKeys !== undefined) return { actionBox: null };
  const size = box.data.shape.reduce((product, side) => product * side, 1);
  const [low, high] = [bounds(box.data.low, size), bounds(box.data.high, size)];
  if (low.length !== size || high.length !== size) return { actionBox: null };
  if ([...low, ...high].every(Number.isFinite) && low.every((value, i) => value < (high[i] as number)))
    return { actionBox: { low, high } };
  remarks.add(
    "The action space in metadata.json has no bounds: actions are taken for numbers in [−1, 1]; --action-range names the environment's box.",
  );
  return { actionBox: null };
}

function bounds(value: unknown, size: number): number[] {
  const values = Array.isArray(value) ? value.flat(8) : Array.from({ length: size }, () => value);
  return values.map((bound) =>
    typeof bound === 'string' && /^[+-]?inf/i.test(bound)
      ? bound.startsWith('-')
        ? Number.NEGATIVE_INFINITY
        : Number.POSITIVE_INFINITY
      : Number(bound),
  );
}

async function dataFile(source: string): Promise<SourceFile> {
  for (const path of [source, join(source, DATA_FILE), join(source, 'data', DATA_FILE)])
    if ((await stat(path).catch(() => null))?.isFile()) return { path, name: DATA_FILE };
  throw new InputError(
    `${source} has no ${DATA_FILE}: give the folder of a Minari dataset in its HDF5 format (not arrow).`,
  );
}

async function readMetadata(folder: string): Promise<Metadata> {
  const text = await readFile(join(folder, 'metadata.json'), 'utf8').catch(() => null);
  if (text === null) return {};
  try {
    return metadataSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new InputError(`metadata.json cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}
