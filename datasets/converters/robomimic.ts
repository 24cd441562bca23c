/**
 * robomimic: one HDF5 file, `data/demo_i` with `actions`, `rewards`, `dones`, `obs/KEY` and usually `next_obs/KEY`,
 * all of N rows. Row t is observation t, the action chosen on it and what came of it; the observation after the last
 * action is the last row of `next_obs`, or one more row of `obs`. Rewards are 1 for success, 0 else.
 */

import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { Hdf5File } from '../sources/hdf5.js';
import { usualColumns } from './columnNames.js';
import type { ConversionSource } from './conversionSource.js';
import { hdf5Columns, joined, statedRowsProblems } from './hdf5Episodes.js';
import { chooseSplits, type OpenOptions } from './openOptions.js';
import { Remarks } from './remarks.js';
import { findSourceFiles, type SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';
import { statedAlignment } from './statedConventions.js';
import { openSteps } from './steps.js';
import type { StepFormat, StepTable } from './stepTable.js';

const environmentArguments = z.object({ env_name: z.string(), type: z.number().optional() });
type EnvironmentArguments = z.output<typeof environmentArguments>;

/** robomimic's number for robosuite, whose controllers take actions in [−1, 1] and clip what is beyond. */
const ROBOSUITE = 1;

export async function openRobomimic(source: string, options: OpenOptions): Promise<ConversionSource> {
  return openSteps(openFile(source, options), options);
}

async function openFile(source: string, options: OpenOptions): Promise<StepFormat> {
  const [file, ...others] = await findSourceFiles(source, ['.hdf5', '.h5']);
  if (file === undefined || others.length > 0)
    throw new InputError(`${source} has ${others.length + 1} HDF5 files: name the one to convert.`);
  const hdf5 = await Hdf5File.open(file.path, file.name);
  try {
    const remarks = new Remarks();
    const demos = demonstrations(hdf5, options.split, remarks);
    const environment = environmentOf(hdf5);
    const hash = hashOnce(file);
    remarkTotal(hdf5, remarks);
    const attributes = ['/', 'data', `data/${demos[0]}`, `data/${demos[0]}/actions`].map((path) =>
      hdf5.attributes(path),
    );
    const actionSize = hdf5.dataset(`data/${demos[0]}/actions`)?.rowSize ?? 0;
    const isRobosuite = environment?.type === ROBOSUITE;
    return {
      name: 'robomimic',
      path: file.name,
      place: file.path,
      task: environment?.env_name ?? null,
      controlTimestep: null,
      columns: usualColumns({ action: ['actions'], reward: ['rewards'], done: ['dones'] }),
      endsOf: 'step',
      alignment: statedAlignment(attributes, remarks) ?? 'chosen',
      stateKeys: [],
      actionBox:
        isRobosuite && options.actionKeys === undefined
          ? { low: Array(actionSize).fill(-1), high: Array(actionSize).fill(1) }
          : null,
      rewardIsSuccess: true,
      details: { split: options.split?.join(',') ?? null },
      remarks,
      units: demos.map((demo) => ({
        name: demo,
        read: async () => ({ table: demoTable(hdf5, file, demo), files: async () => [await hash()] }),
      })),
      close: async () => hdf5.close(),
    };
  } catch (error) {
    hdf5.close();
    throw error;
  }
}

const OBSERVATIONS = ['obs', 'next_obs'];

function demoTable(hdf5: Hdf5File, file: SourceFile, demo: string): StepTable {
  const group = `data/${demo}`;
  const observed = hdf5Columns(hdf5, `${group}/obs`, `${demo}/obs`, `${group}/next_obs`);
  const unread = [...observed.unread];
  const steps = new Map(
    hdf5
      .keys(group)
      .filter((key) => !OBSERVATIONS.includes(key))
      .flatMap((key) => {
        const columns = hdf5Columns(hdf5, `${group}/${key}`, `${demo}/${key}`);
        unread.push(...columns.unread);
        return [...columns.numbers].map(([inner, column]) => [joined(key, inner), column] as const);
      }),
  );
  const rows = steps.get('actions')?.rows ?? 0;
  return {
    id: demo,
    source: { file: file.name, rows: [0, rows] },
    ...observed,
    steps,
    unread,
    problems: statedRowsProblems(hdf5, group, 'num_samples', rows),
  };
}

const DEMO = /^demo_\d+$/;
/** What is held back for validation, by the names in use. */
const HELD_BACK = ['valid', 'val', 'validation', 'test'];

/** Against what the file says that all of them have together. */
function remarkTotal(hdf5: Hdf5File, remarks: Remarks): void {
  const total = hdf5.attribute('data', 'total');
  if (typeof total !== 'number') return;
  const rows = hdf5.keys('data').reduce((sum, demo) => sum + rowsOf(hdf5, demo), 0);
  if (rows !== total)
    remarks.add(`data announces ${total} rows of all demonstrations (total); ${rows} actions are there.`);
}

/** None in one that cannot be read: that becomes a problem when it is. */
function rowsOf(hdf5: Hdf5File, demo: string): number {
  try {
    return hdf5.dataset(`data/${demo}/actions`)?.rows ?? 0;
  } catch (error) {
    if (error instanceof InputError) return 0;
    throw error;
  }
}

/** In the order of their numbers: demo_2 before demo_10. */
function demonstrations(
  hdf5: Hdf5File,
  split: readonly string[] | undefined,
  remarks: Remarks,
): readonly string[] {
  const names = hdf5.keys('data');
  const all = names.filter((name) => DEMO.test(name)).sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
  const others = names.filter((name) => !DEMO.test(name));
  if (others.length > 0)
    remarks.add(
      `data/ holds ${others.slice(0, 10).join(', ')}${others.length > 10 ? ' …' : ''}, which ${others.length === 1 ? 'is' : 'are'} not called demo_ and a number, and ${others.length === 1 ? 'is' : 'are'} left out.`,
    );
  if (all.length === 0)
    throw new InputError(`${hdf5.name} has no demonstrations (data/demo_0, …) to convert.`);
  const masks = new Map(
    hdf5.keys('mask').map((name) => [name, hdf5.requiredDataset(`mask/${name}`).strings()]),
  );
  const counts = new Map([...masks].map(([name, demos]) => [name, demos.length]));
  // Keys such as "20_percent" pick from all; only what is held back for validation is a split.
  const pair = new Map([...counts].filter(([name]) => ['train', ...HELD_BACK].includes(name)));
  const isSplit = pair.has('train') && pair.size > 1;
  const chosen =
    split === undefined
      ? isSplit && chooseSplits(pair, undefined, hdf5.name, (sentence) => remarks.add(sentence))
      : chooseSplits(counts, split, hdf5.name, () => {});
  if (!chosen) {
    if (counts.size > 0)
      remarks.add(
        `The masks ${[...counts.keys()].join(', ')} pick some of the demonstrations; all are converted, and --split takes one of them.`,
      );
    return all;
  }
  const wanted = new Set(chosen.flatMap((name) => masks.get(name) ?? []));
  const missing = [...wanted].filter((demo) => !all.includes(demo));
  if (missing.length > 0)
    remarks.add(`mask/${chosen.join(', ')} names ${missing.join(', ')}, which the file does not have.`);
  const demos = all.filter((demo) => wanted.has(demo));
  if (demos.length === 0)
    throw new InputError(`${hdf5.name}: mask/${chosen.join(', ')} names none of its demonstrations.`);
  return demos;
}

function environmentOf(hdf5: Hdf5File): EnvironmentArguments | null {
  const text = hdf5.attribute('data', 'env_args');
  if (typeof text !== 'string') return null;
  try {
    return environmentArguments.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
