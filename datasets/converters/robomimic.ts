/**
 * robomimic: one HDF5 file, `data/demo_i` with `actions`, `rewards`, `dones`, `obs/KEY` and usually `next_obs/KEY`,
 * all of N rows. Row t is observation t, the action chosen on it and what came of it; the observation after the last
 * action is the last row of `next_obs`, or one more row of `obs`. Rewards are 1 for success, 0 else.
 */

import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { Hdf5File } from '../sources/hdf5.js';
import type { ConversionSource } from './conversionSource.js';
import { hdf5Columns } from './hdf5Episodes.js';
import { chooseSplits, type OpenOptions } from './openOptions.js';
import { Remarks } from './remarks.js';
import { findSourceFiles, type SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';
import { openSteps, type StepFormat, type StepTable } from './steps.js';

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
    const actionSize = hdf5.dataset(`data/${demos[0]}/actions`)?.rowSize ?? 0;
    const isRobosuite = environment?.type === ROBOSUITE;
    return {
      name: 'robomimic',
      path: file.name,
      task: environment?.env_name ?? null,
      controlTimestep: null,
      columns: {
        action: ['actions'],
        reward: ['rewards'],
        terminated: ['terminated', 'terminals'],
        truncated: ['truncated', 'timeouts'],
        done: ['dones', 'done'],
        success: ['success', 'successes'],
      },
      endsOf: 'step',
      alignment: 'chosen',
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
  const steps = new Map(
    hdf5
      .keys(group)
      .filter((key) => !OBSERVATIONS.includes(key))
      .flatMap((key) =>
        [...hdf5Columns(hdf5, `${group}/${key}`, `${demo}/${key}`).numbers].map(
          ([inner, column]) => [inner === '' ? key : `${key}/${inner}`, column] as const,
        ),
      ),
  );
  const rows = steps.get('actions')?.rows ?? 0;
  const stated = hdf5.attribute(group, 'num_samples');
  return {
    id: demo,
    source: { file: file.name, rows: [0, rows] },
    ...observed,
    steps,
    problems:
      typeof stated === 'number' && stated !== rows
        ? [
            {
              kind: 'rows',
              severity: 'suspicion',
              message: `Its num_samples is ${stated}, and it has ${rows} actions.`,
              repaired: true,
            },
          ]
        : [],
  };
}

/** In the order of their numbers: demo_2 before demo_10. */
function demonstrations(
  hdf5: Hdf5File,
  split: readonly string[] | undefined,
  remarks: Remarks,
): readonly string[] {
  const all = hdf5
    .keys('data')
    .filter((name) => /^demo_\d+$/.test(name))
    .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
  if (all.length === 0)
    throw new InputError(`${hdf5.name} has no demonstrations (data/demo_0, …) to convert.`);
  const masks = new Map(
    hdf5.keys('mask').map((name) => [name, hdf5.requiredDataset(`mask/${name}`).strings()]),
  );
  const counts = new Map([...masks].map(([name, demos]) => [name, demos.length]));
  // Keys such as "20_percent" pick from all; only what is held back for validation is a split.
  const isSplit = counts.has('train') && counts.has('valid');
  const pair = new Map([...counts].filter(([name]) => ['train', 'valid'].includes(name)));
  const chosen =
    split === undefined
      ? isSplit && chooseSplits(pair, undefined, hdf5.name, (sentence) => remarks.add(sentence))
      : chooseSplits(counts, split, hdf5.name, () => {});
  if (!chosen) return all;
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
