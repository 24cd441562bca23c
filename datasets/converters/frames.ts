/**
 * Folders of pictures: one folder an episode, with its frames as PNG, JPEG or WebP files in the order of their names
 * (or a folder of them for each camera) and one table, `steps.csv` or `steps.jsonl`. Row t of the table belongs to frame
 * t: the action chosen on seeing it (`action`, or `action_0`, `action_1` …), the `reward` that came of it, optionally
 * `state…` (one row for each frame), `terminated`, `truncated` and `success`. The last frame needs no row.
 */

import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UNNAMED_IMAGE } from '../../envs/imageName.js';
import { InputError } from '../../src/errors.js';
import { readTable, type Table } from '../sources/table.js';
import type { PictureColumn } from './camera.js';
import type { ConversionSource } from './conversionSource.js';
import { chooseSplits, type OpenOptions } from './openOptions.js';
import { Remarks } from './remarks.js';
import { findSourceFiles, isHidden, type SourceFile } from './sourceFiles.js';
import { hashFile } from './sourceHash.js';
import { type NumberColumn, openSteps, type StepFormat, type StepTable } from './steps.js';

const TABLES = ['steps.csv', 'steps.jsonl'];
const IMAGES = ['.png', '.jpg', '.jpeg', '.webp'];
const SPLITS = ['train', 'training', 'val', 'valid', 'validation', 'test', 'eval'];

export async function openFrames(source: string, options: OpenOptions): Promise<ConversionSource> {
  return openSteps(openFolder(source, options), options);
}

async function openFolder(source: string, options: OpenOptions): Promise<StepFormat> {
  const remarks = new Remarks();
  const tables = await tablesOf(source, options, remarks);
  return {
    name: 'folders of frames',
    path: source,
    task: null,
    controlTimestep: null,
    columns: {
      action: ['action', 'actions'],
      reward: ['reward', 'rewards'],
      terminated: ['terminated', 'terminal'],
      truncated: ['truncated', 'timeout'],
      done: ['done'],
      success: ['success', 'is_success'],
    },
    endsOf: 'step',
    alignment: 'chosen',
    stateKeys: ['state'],
    actionBox: null,
    rewardIsSuccess: false,
    details: {},
    remarks,
    units: tables.map((file) => {
      const name = dirname(file.name) === '.' ? basename(dirname(file.path)) : dirname(file.name);
      return {
        name,
        read: async () => ({
          table: await episodeTable(file, name),
          files: async () => [await hashFile(file)],
        }),
      };
    }),
    close: async () => {},
  };
}

/** Folders called `train` and `val` at the top are splits. */
async function tablesOf(source: string, options: OpenOptions, remarks: Remarks): Promise<SourceFile[]> {
  const tables = await findSourceFiles(source, TABLES);
  const splitOf = ({ name }: SourceFile): string => {
    const [top = '', ...rest] = name.split('/');
    return rest.length > 1 && SPLITS.includes(top.toLowerCase()) ? top : '';
  };
  const counts = new Map<string, number>();
  for (const table of tables) {
    const split = splitOf(table);
    if (split !== '') counts.set(split, (counts.get(split) ?? 0) + 1);
  }
  const chosen = chooseSplits(counts, options.split, source, (sentence) => remarks.add(sentence));
  return chosen === null ? tables : tables.filter((table) => chosen.includes(splitOf(table)));
}

async function episodeTable(file: SourceFile, id: string): Promise<StepTable> {
  const table = await readTable(file.path, file.name);
  const pictures = await picturesBeside(file, id);
  const columns = new Map(table.names.map((name) => [name, columnOf(table, name, file.name)]));
  return {
    id,
    source: { file: file.name, rows: [0, table.rows] },
    pictures,
    numbers: columns,
    steps: columns,
  };
}

/** Looked at when asked for: columns that nobody reads may hold text. */
function columnOf(table: Table, name: string, file: string): NumberColumn {
  const found = () => table.column(name) ?? { values: new Float32Array(), size: 0 };
  return {
    name: `${file}: ${name}`,
    rows: table.rows,
    get size() {
      return found().size;
    },
    get isWhole() {
      return looksDiscrete(found().values);
    },
    read: (from, to) => {
      const { values, size } = found();
      return values.slice(from * size, to * size);
    },
  };
}

/** Text does not tell 1 from 1.0: choices are counted from 0, and are not all the same. */
function looksDiscrete(values: Float32Array): boolean {
  return (
    values.every((value) => Number.isInteger(value) && value >= 0) &&
    values.some((value) => value !== values[0])
  );
}

async function picturesBeside(table: SourceFile, id: string): Promise<Map<string, PictureColumn>> {
  const folder = dirname(table.path);
  const pictures = new Map<string, PictureColumn>();
  const beside = await imagesIn(folder);
  if (beside.length > 0) pictures.set(UNNAMED_IMAGE, picturesOf(beside, folder, id));
  for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    if (isHidden(entry.name) || !(entry.isDirectory() || entry.isSymbolicLink())) continue;
    const within = join(folder, entry.name);
    const images = await imagesIn(within);
    if (images.length > 0) pictures.set(entry.name, picturesOf(images, within, `${id}/${entry.name}`));
  }
  if (pictures.size === 0) throw new InputError(`${folder} has no image files beside its table.`);
  return pictures;
}

/** In the order of their numbers: 9.png comes before 10.png. */
async function imagesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => !isHidden(name) && IMAGES.some((ending) => name.toLowerCase().endsWith(ending)))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

function picturesOf(names: readonly string[], folder: string, id: string): PictureColumn {
  requireNoGap(names, id);
  return {
    kind: 'files',
    name: id,
    rows: names.length,
    nameOf: (i) => join(id, names[i] ?? ''),
    read: (from, to) => names.slice(from, to).map((name) => join(folder, name)),
  };
}

/** @throws InputError where numbers that go up evenly leave one out */
function requireNoGap(names: readonly string[], id: string): void {
  const numbers = names.map((name) => /(\d+)\D*$/.exec(name)?.[1]);
  const steps = numbers.slice(1).map((number, i) => Number(number) - Number(numbers[i]));
  const [stride] = [...new Set(steps)].sort(
    (a, b) => steps.filter((step) => step === b).length - steps.filter((step) => step === a).length,
  );
  if (stride === undefined || !(stride > 0)) return;
  const gap = steps.findIndex((step) => step !== stride);
  // Numbers that go up unevenly, such as times of day, say nothing about what is missing.
  if (gap < 0 || steps.some((step) => step % stride !== 0)) return;
  const before = numbers[gap] as string;
  const missing = String(Number(before) + stride).padStart(before.length, '0');
  const name = (names[gap] as string).replace(new RegExp(`${before}(\\D*)$`), `${missing}$1`);
  throw new InputError(
    `${id} has ${names.length} pictures, and ${name} is missing between ${names[gap]} and ${names[gap + 1]}.`,
  );
}
