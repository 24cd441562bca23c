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
import { usualColumns } from './columnNames.js';
import type { ConversionSource } from './conversionSource.js';
import { datasetPaths, hdf5Columns, joined, statedRowsProblems } from './hdf5Episodes.js';
import { type OpenOptions, refuseOptions } from './openOptions.js';
import { Remarks } from './remarks.js';
import { issuesOf } from './schemaIssues.js';
import type { SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';
import { statedAlignment } from './statedConventions.js';
import { openSteps } from './steps.js';
import type { NumberColumn, StepFormat, StepTable } from './stepTable.js';

const DATA_FILE = 'main_data.hdf5';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const json = z.string().transform((text, context): unknown => {
  // Python writes bounds that are not there as Infinity, which JSON does not know.
  const plain = text
    .replace(/(?<![\w"])(-?)Infinity(?![\w"])/g, '"$1inf"')
    .replace(/(?<![\w"])NaN(?![\w"])/g, 'null');
  try {
    return JSON.parse(isJson(text) ? text : plain);
  } catch {
    context.addIssue({ code: 'custom', message: 'it is not JSON' });
    return z.NEVER;
  }
});
const metadataSchema = z.looseObject({
  dataset_id: z.string().optional(),
  data_format: z.string().optional(),
  total_episodes: z.number().optional(),
  total_steps: z.number().optional(),
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
const nestedSpace = z.looseObject({
  subspaces: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]),
});
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
    remarkMissing(hdf5, episodes, metadata, remarks);
    const hash = hashOnce(file);
    const environment = environmentSpec.safeParse(metadata.env_spec);
    return {
      name: 'Minari',
      path: file.name,
      // With its metadata.json.
      place: dirname(file.path),
      task: environment.success ? environment.data.id : (metadata.dataset_id ?? null),
      controlTimestep: null,
      columns: usualColumns({
        action: ['actions'],
        reward: ['rewards'],
        terminated: ['terminations'],
        truncated: ['truncations'],
        success: ['infos/success', 'infos/is_success'],
      }),
      endsOf: 'step',
      alignment:
        statedAlignment(
          [
            metadata,
            ...['/', episodes[0] ?? '', `${episodes[0]}/actions`].map((path) => hdf5.attributes(path)),
          ],
          remarks,
        ) ?? 'chosen',
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

/** Episodes are numbered from 0 on; metadata.json says how many, and how many steps they have. */
function remarkMissing(
  hdf5: Hdf5File,
  episodes: readonly string[],
  metadata: Metadata,
  remarks: Remarks,
): void {
  const numbers = new Set(episodes.map((name) => Number(name.slice(8))));
  const announced = metadata.total_episodes ?? episodes.length;
  const count = Math.max(announced, ...[...numbers].map((number) => number + 1));
  const missing = Array.from({ length: Math.min(count, MOST_NUMBERED) }, (_, i) => i).filter(
    (i) => !numbers.has(i),
  );
  const named = missing.slice(0, 10).map((i) => `episode_${i}`);
  const list = `${named.join(', ')}${missing.length > 10 ? ' …' : ''} ${missing.length === 1 ? 'is' : 'are'} missing`;
  if (announced !== episodes.length)
    remarks.add(
      `metadata.json announces ${announced} episodes (total_episodes); ${episodes.length} of ${announced} are there${missing.length > 0 ? `: ${list}` : ''}.`,
    );
  else if (missing.length > 0) remarks.add(`Episodes are numbered with gaps: ${list}.`);
  const steps = episodes.reduce((sum, id) => sum + stepsOf(hdf5, id), 0);
  if (metadata.total_steps !== undefined && metadata.total_steps !== steps)
    remarks.add(
      `metadata.json announces ${metadata.total_steps} steps (total_steps); ${steps} actions are there.`,
    );
}

/** More are not counted through: a number that a damaged file gives must not take the memory. */
const MOST_NUMBERED = 1_000_000;

/** Of the first array of an action, which may be in parts. */
function stepsOf(hdf5: Hdf5File, id: string): number {
  try {
    const [path] = datasetPaths(hdf5, `${id}/actions`);
    return path === undefined ? 0 : (hdf5.dataset(joined(`${id}/actions`, path))?.rows ?? 0);
  } catch (error) {
    if (error instanceof InputError) return 0;
    throw error;
  }
}

function episodeTable(hdf5: Hdf5File, file: SourceFile, id: string): StepTable {
  const steps = new Map<string, NumberColumn>();
  const unread: string[] = [];
  for (const key of hdf5.keys(id)) {
    if (key === 'observations') continue;
    const columns = hdf5Columns(hdf5, `${id}/${key}`, `${id}/${key}`);
    unread.push(...columns.unread);
    for (const [inner, column] of columns.numbers) {
      const path = joined(key, inner);
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
  const observed = hdf5Columns(hdf5, `${id}/observations`, `${id}/observations`);
  const rows = stepsOf(hdf5, id);
  return {
    id,
    source: { file: file.name, rows: [0, rows + 1] },
    ...observed,
    unread: [...observed.unread, ...unread],
    steps,
    problems: statedRowsProblems(hdf5, id, 'total_steps', rows),
  };
}

interface ActionFacts {
  readonly actionBox: ActionBox | null;
  readonly discrete?: string;
  readonly isContinuous?: boolean;
}

function actionFacts({ action_space: space }: Metadata, options: OpenOptions, remarks: Remarks): ActionFacts {
  const any = anySpace.safeParse(space);
  if (any.success && /discrete|binary/i.test(any.data.type)) {
    const { type, n, nvec } = any.data;
    return { actionBox: null, discrete: `${type}(${JSON.stringify(n ?? nvec ?? '')})` };
  }
  const boxes = options.actionKeys?.map((key) => boxOf(partOf(space, key))) ?? [boxOf(space)];
  if (boxes.some((box) => box === null)) return { actionBox: null };
  const [low, high] = (['low', 'high'] as const).map((end) => boxes.flatMap((box) => box?.[end] ?? [])) as [
    number[],
    number[],
  ];
  if ([...low, ...high].every(Number.isFinite) && low.every((value, i) => value < (high[i] as number)))
    return { actionBox: { low, high }, isContinuous: true };
  remarks.add(
    "The action space in metadata.json has no bounds: actions are taken for numbers in [−1, 1]; --action-range names the environment's box.",
  );
  return { actionBox: null, isContinuous: true };
}

/** `arm` or `actions/arm` of a Dict, `_index_0` of a Tuple, and so on within them. */
function partOf(space: unknown, key: string): unknown {
  const path = key.split('/').filter((name, i) => !(i === 0 && name === 'actions'));
  return path.reduce<unknown>((here, name) => {
    const parsed = nestedSpace.safeParse(here);
    if (!parsed.success) return undefined;
    const { subspaces } = parsed.data;
    return Array.isArray(subspaces)
      ? subspaces[Number(/^_index_(\d+)$/.exec(name)?.[1])]
      : (subspaces as Readonly<Record<string, unknown>>)[name];
  }, space);
}

/** null where it is no box, or its bounds are not as many as its shape says. */
function boxOf(space: unknown): ActionBox | null {
  const box = boxSpace.safeParse(space);
  if (!box.success) return null;
  const size = box.data.shape.reduce((product, side) => product * side, 1);
  const [low, high] = [bounds(box.data.low, size), bounds(box.data.high, size)];
  return low.length === size && high.length === size ? { low, high } : null;
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
    throw new InputError(`metadata.json cannot be read: ${issuesOf(error)}.`, { cause: error });
  }
}
