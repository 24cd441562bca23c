/**
 * RLDS in TensorFlow Datasets: TFRecord files, an episode a record, its steps flattened to lists under `steps/…`.
 * Step t holds observation t, the action chosen on it and the reward that came of it. By the format's rules action and
 * reward of the last step mean nothing, and they are dropped; where that step ends the task and has a reward, it is
 * taken at its word.
 */

import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { UNNAMED_IMAGE } from '../../envs/imageName.js';
import { InputError } from '../../src/errors.js';
import { FileSource } from '../sources/byteSource.js';
import { type Example, type Feature, indexRecords, readExample } from '../sources/tfrecord.js';
import type { PictureColumn } from './camera.js';
import { usualColumns } from './columnNames.js';
import type { ConversionSource, SourceProblem } from './conversionSource.js';
import { chooseSplits, type OpenOptions } from './openOptions.js';
import { Remarks } from './remarks.js';
import { findSourceFiles, type SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';
import { statedAlignment } from './statedConventions.js';
import { openSteps } from './steps.js';
import type { NumberColumn, StepFormat, StepTable } from './stepTable.js';

const STEPS = 'steps/';
const OBSERVATION = 'observation/';
/** Where it is not a dictionary. */
const OBSERVED = 'observation';
/** Of all of an episode, beside its steps. */
const METADATA = 'episode_metadata/';
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
    const folders = [...new Set(files.map((file) => dirname(file.path)))];
    const hashes = new Map(files.map((file) => [file.name, hashOnce(file)]));
    return {
      name: 'RLDS',
      path: source,
      place: source,
      task: null,
      controlTimestep: null,
      columns: {
        ...usualColumns(),
        // Of the observation of their step; other names are of its action, and are not read but named.
        terminated: ['is_terminal'],
        truncated: ['is_last'],
        done: [],
        success: ['success', 'is_success', `${METADATA}success`, `${METADATA}is_success`],
      },
      endsOf: 'observation',
      alignment: statedAlignment(await Promise.all(folders.map(infoOf)), remarks) ?? 'chosen',
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
  if (chosen !== null && wanted.length < files.length && options.split === undefined) {
    const others = files.filter((file) => partsOf(file) === undefined);
    if (others.length > 0)
      remarks.add(`${others.map(({ name }) => name).join(', ')}: of no split by the name, and left out.`);
  }
  const sets = new Map<string, { shards: number; there: Set<number> }>();
  for (const file of wanted) {
    const parts = partsOf(file);
    if (parts === undefined) continue;
    const key = `${dirname(file.name) === '.' ? '' : `${dirname(file.name)}/`}${parts.set}-${parts.split}`;
    const set = sets.get(key) ?? { shards: Number(parts.shards), there: new Set() };
    if (set.shards !== Number(parts.shards))
      throw new InputError(
        `${source} has files of ${key} that belong to ${set.shards} shards and to ${Number(parts.shards)}: take those of one of the two away.`,
      );
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

const infoSchema = z.looseObject({
  splits: z.array(z.object({ name: z.string(), shardLengths: z.array(z.coerce.number()).default([]) })),
});

/** What dataset_info.json in that folder says; empty where there is none, or it cannot be read. */
async function infoOf(folder: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(join(folder, 'dataset_info.json'), 'utf8').catch(() => '{}');
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch {
    return {};
  }
}

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
  const others = info.splits.filter(({ name }) => name !== parts.split).map(({ name }) => name);
  const beside = await readdir(dirname(file.path));
  const missing = others.filter((name) => !beside.some((other) => SHARD.exec(other)?.groups?.split === name));
  if (missing.length > 0)
    remarks.add(
      `dataset_info.json announces the split${missing.length > 1 ? 's' : ''} ${missing.join(', ')}, of which there are no files.`,
    );
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
  const unread: string[] = [];
  for (const [key, feature] of own) {
    if (feature.kind !== 'bytes' || !(key.startsWith(OBSERVATION) || key === OBSERVED)) continue;
    const { values } = feature;
    const name = key === OBSERVED ? UNNAMED_IMAGE : key.slice(OBSERVATION.length);
    if (isImage(values[0]))
      pictures.set(name, {
        kind: 'files',
        name: `${id}/${name}`,
        rows: values.length,
        nameOf: (row) => `${id}, ${name} of step ${row}`,
        read: (from, to) => values.slice(from, to),
      });
    else if (!isText(values[0]))
      unread.push(
        `${key} holds ${values[0]?.length ?? 0} bytes a step that are no PNG, JPEG or WebP file, and are not read: write images with tfds.features.Image.`,
      );
  }
  const rows = stepCount(example, pictures);
  for (const [key, feature] of own) {
    if (feature.kind !== 'numbers') continue;
    const column = numberColumn(id, key, feature, rows);
    if (key.startsWith(OBSERVATION)) numbers.set(key.slice(OBSERVATION.length), column);
    else steps.set(key, column);
  }
  for (const [key, feature] of example)
    if (key.startsWith(METADATA) && feature.kind === 'numbers' && feature.values.length === 1)
      steps.set(key, numberColumn(id, key, feature, 1));
  const instruction = instructionOf(own);
  return {
    id,
    source: { file: basename(file.name), rows: [0, rows] },
    pictures,
    numbers,
    steps,
    unread,
    ...(instruction !== undefined && { instruction }),
    problems: firstProblems(example),
  };
}

/** A list that does not come out even has other rows than the steps, which is said where it is read. */
function numberColumn(
  id: string,
  key: string,
  { values, isWhole }: Extract<Feature, { kind: 'numbers' }>,
  rows: number,
): NumberColumn {
  const size = values.length / rows;
  const isEven = Number.isInteger(size) && size > 0;
  return {
    name: `${id}/${key}`,
    rows: isEven ? rows : values.length,
    size: isEven ? size : 1,
    isWhole,
    read: (from, to) => values.slice(from * size, to * size),
  };
}

/** Two recordings in one record are not one episode. */
function firstProblems(example: Example): SourceProblem[] {
  const feature = example.get(`${STEPS}is_first`);
  const row = feature?.kind === 'numbers' ? feature.values.indexOf(1, 1) : -1;
  if (row < 0) return [];
  const message = `is_first is set again in step ${row}: another episode begins there, in the middle of this one.`;
  return [{ kind: 'begins-again', severity: 'fault', message, repaired: false }];
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

/** PNG, JPEG or WebP, by the first bytes. */
function isImage(file: Uint8Array | undefined): boolean {
  const start = Buffer.from(file ?? []).subarray(0, 12);
  const magic = start.toString('hex', 0, 4);
  return magic === '89504e47' || magic.startsWith('ffd8ff') || start.toString('latin1', 8, 12) === 'WEBP';
}

/** Below it are control characters that no text has; 9 is a tab. */
const FIRST_OF_TEXT = 9;

function isText(bytes: Uint8Array | undefined): boolean {
  const text = Buffer.from(bytes ?? []).toString('utf8');
  return !text.includes('\ufffd') && (bytes ?? []).every((byte) => byte >= FIRST_OF_TEXT);
}
