/**
 * RLDS in TensorFlow Datasets: TFRecord files, an episode a record, its steps flattened to lists under `steps/…`.
 * Step t holds observation t, the action chosen on it and the reward that came of it. By the format's rules action and
 * reward of the last step mean nothing, and they are dropped; where that step ends the task and has a reward, it is
 * taken at its word.
 */

import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { FileSource } from '../sources/byteSource.js';
import { type Example, indexRecords, readExample } from '../sources/tfrecord.js';
import type { PictureColumn } from './camera.js';
import type { ConversionSource } from './conversionSource.js';
import { chooseSplits, type OpenOptions } from './openOptions.js';
import { Remarks } from './remarks.js';
import { findSourceFiles, type SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';
import { type NumberColumn, openSteps, type StepFormat, type StepTable } from './steps.js';

const STEPS = 'steps/';
const OBSERVATION = 'observation/';
const INSTRUCTIONS = ['language_instruction', `${OBSERVATION}natural_language_instruction`];
/** DATASET-SPLIT.tfrecord-00000-of-00010 */
const SHARD = /^(?<set>.*)-(?<split>[^-/]+)\.tfrecord-(?<shard>\d{5})-of-(?<shards>\d{5})$/;

export async function openRlds(source: string, options: OpenOptions): Promise<ConversionSource> {
  return openSteps(openFiles(source, options), options);
}

async function openFiles(source: string, options: OpenOptions): Promise<StepFormat> {
  const remarks = new Remarks();
  const files = await chosenFiles(source, options, remarks);
  const opened: FileSource[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened) await file.close();
  };
  try {
    const records: { file: SourceFile; source: FileSource; record: { offset: number; bytes: number } }[] = [];
    for (const file of files) {
      const tfrecord = await FileSource.open(file.path);
      opened.push(tfrecord);
      const found = await indexRecords(tfrecord, file.name);
      await remarkShard(file, found.length, remarks);
      for (const record of found) records.push({ file, source: tfrecord, record });
    }
    if (records.length === 0)
      throw new InputError(`${source} has no episodes: no .tfrecord file with a record in it.`);
    const hashes = new Map(files.map((file) => [file.name, hashOnce(file)]));
    return {
      name: 'RLDS',
      path: source,
      task: null,
      controlTimestep: null,
      columns: {
        action: ['action'],
        reward: ['reward'],
        terminated: ['is_terminal'],
        truncated: ['is_last'],
        done: [],
        success: ['success', 'is_success'],
      },
      endsOf: 'observation',
      alignment: 'chosen',
      stateKeys: [],
      actionBox: null,
      rewardIsSuccess: false,
      details: { split: options.split?.join(',') ?? null },
      remarks,
      units: records.map(({ file, source: tfrecord, record }, number) => {
        const id = `episode_${number}`;
        return {
          name: id,
          read: async () => ({
            table: episodeTable(id, file, await readExample(tfrecord, record, file.name)),
            files: async () => [await (hashes.get(file.name) ?? hashOnce(file))()],
          }),
        };
      }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of the split that is wanted; shards that their own names announce and that are not there are remarked upon. */
async function chosenFiles(source: string, options: OpenOptions, remarks: Remarks): Promise<SourceFile[]> {
  const files = await findSourceFiles(source, ['.tfrecord'], 'anywhere');
  const partsOf = ({ name }: SourceFile) => SHARD.exec(basename(name))?.groups;
  const counts = new Map<string, number>();
  for (const file of files) {
    const split = partsOf(file)?.split;
    if (split !== undefined) counts.set(split, (counts.get(split) ?? 0) + 1);
  }
  const chosen = chooseSplits(counts, options.split, `${source} (files)`, (sentence) =>
    remarks.add(sentence),
  );
  const wanted =
    chosen === null ? files : files.filter((file) => chosen.includes(partsOf(file)?.split ?? ''));
  const sets = new Map<string, { shards: number; there: Set<number> }>();
  for (const file of wanted) {
    const parts = partsOf(file);
    if (parts === undefined) continue;
    const key = `${dirname(file.name) === '.' ? '' : `${dirname(file.name)}/`}${parts.set}-${parts.split}`;
    const set = sets.get(key) ?? { shards: Number(parts.shards), there: new Set() };
    sets.set(key, set);
    set.there.add(Number(parts.shard));
  }
  for (const [key, { shards, there }] of sets)
    if (there.size < shards) {
      const missing = Array.from({ length: shards }, (_, i) => i).filter((i) => !there.has(i));
      const first = `${key}.tfrecord-${String(missing[0]).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}`;
      remarks.add(
        `${there.size} of ${shards} shards of ${key} are there: ${first} ${missing.length > 1 ? `and ${missing.length - 1} more are` : 'is'} missing.`,
      );
    }
  return wanted;
}

const infoSchema = z.object({
  splits: z.array(z.object({ name: z.string(), shardLengths: z.array(z.coerce.number()).default([]) })),
});

/** Against what dataset_info.json, beside the file, says of it. */
async function remarkShard(file: SourceFile, records: number, remarks: Remarks): Promise<void> {
  const parts = SHARD.exec(basename(file.name))?.groups;
  const text = await readFile(join(dirname(file.path), 'dataset_info.json'), 'utf8').catch(() => null);
  if (parts === undefined || text === null) return;
  let info: z.output<typeof infoSchema>;
  try {
    info = infoSchema.parse(JSON.parse(text));
  } catch {
    remarks.add('dataset_info.json cannot be read: what it announces was not compared.');
    return;
  }
  const lengths = info.splits.find(({ name }) => name === parts.split)?.shardLengths;
  const announced = lengths?.[Number(parts.shard)];
  if (announced !== undefined && announced !== records)
    remarks.add(
      `dataset_info.json announces ${announced} episodes in ${file.name} (shardLengths), which has ${records}.`,
    );
}

function episodeTable(id: string, file: SourceFile, example: Example): StepTable {
  const pictures = new Map<string, PictureColumn>();
  const numbers = new Map<string, NumberColumn>();
  const steps = new Map<string, NumberColumn>();
  const own = [...example].flatMap(([key, feature]) =>
    key.startsWith(STEPS) ? [[key.slice(STEPS.length), feature] as const] : [],
  );
  for (const [key, feature] of own)
    if (key.startsWith(OBSERVATION) && feature.kind === 'bytes' && isImage(feature.values[0])) {
      const { values } = feature;
      const name = key.slice(OBSERVATION.length);
      pictures.set(name, {
        kind: 'files',
        name: `${id}/${name}`,
        rows: values.length,
        nameOf: (row) => `${id}, ${name} of step ${row}`,
        read: (from, to) => values.slice(from, to),
      });
    }
  const rows = stepCount(example, pictures);
  for (const [key, feature] of own) {
    if (feature.kind !== 'numbers') continue;
    const { values, isWhole } = feature;
    const size = values.length / rows;
    // A list that does not come out even has rows of another length, which is then said.
    const isEven = Number.isInteger(size) && size > 0;
    const column: NumberColumn = {
      name: `${id}/${key}`,
      rows: isEven ? rows : values.length,
      size: isEven ? size : 1,
      isWhole,
      read: (from, to) => values.slice(from * size, to * size),
    };
    if (key.startsWith(OBSERVATION)) numbers.set(key.slice(OBSERVATION.length), column);
    else steps.set(key, column);
  }
  const instruction = instructionOf(own);
  return {
    id,
    source: { file: basename(file.name), rows: [0, rows] },
    pictures,
    numbers,
    steps,
    ...(instruction !== undefined && { instruction }),
  };
}

/** Flags have one number a step. */
function stepCount(example: Example, pictures: ReadonlyMap<string, PictureColumn>): number {
  for (const key of ['is_first', 'is_last', 'is_terminal', 'reward']) {
    const feature = example.get(STEPS + key);
    if (feature !== undefined && feature.values.length > 0) return feature.values.length;
  }
  return [...pictures.values()][0]?.rows ?? 0;
}

function instructionOf(
  own: readonly (readonly [string, Example extends ReadonlyMap<string, infer F> ? F : never])[],
): string | undefined {
  for (const [key, feature] of own)
    if (INSTRUCTIONS.includes(key) && feature.kind === 'bytes') {
      const text = Buffer.from(feature.values[0] ?? [])
        .toString('utf8')
        .trim();
      if (text !== '') return text;
    }
  return undefined;
}

/** PNG or JPEG, by the first bytes. */
function isImage(file: Uint8Array | undefined): boolean {
  const start = Buffer.from(file ?? []).toString('hex', 0, 4);
  return start === '89504e47' || start.startsWith('ffd8ff');
}
