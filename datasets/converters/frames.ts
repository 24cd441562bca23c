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
import { namesIn } from '../sources/namesIn.js';
import { readTable, type Table } from '../sources/table.js';
import type { PictureColumn } from './camera.js';
import { usualColumns } from './columnNames.js';
import type { ConversionSource, SourceProblem } from './conversionSource.js';
import { chooseSplits, type OpenOptions } from './openOptions.js';
import { Remarks } from './remarks.js';
import { findSourceFiles, isHidden, type SourceFile } from './sourceFiles.js';
import { hashFile } from './sourceHash.js';
import { openSteps } from './steps.js';
import type { NumberColumn, StepFormat, StepTable } from './stepTable.js';

const TABLES = ['steps.csv', 'steps.jsonl'];
const IMAGES = ['.png', '.jpg', '.jpeg', '.webp'];
/** Pictures, and not of those: named rather than passed over. */
const OTHER_IMAGES = [
  '.bmp',
  '.tif',
  '.tiff',
  '.gif',
  '.ppm',
  '.pgm',
  '.pnm',
  '.exr',
  '.hdr',
  '.avif',
  '.heic',
  '.jp2',
  '.jxl',
  '.npy',
  '.raw',
];
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
    place: source,
    task: null,
    controlTimestep: null,
    columns: usualColumns(),
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

/** Folders called `train` and `val` above those of episodes are splits. */
async function tablesOf(source: string, options: OpenOptions, remarks: Remarks): Promise<SourceFile[]> {
  const files = await findSourceFiles(source, [...TABLES, ...IMAGES]);
  const tables = files.filter(({ name }) => TABLES.includes(basename(name).toLowerCase()));
  if (tables.length === 0)
    throw new InputError(`${source} has no ${TABLES.join(' or ')} file: check the folder and the format.`);
  requireOneTable(tables);
  remarkNoTable(files, tables, remarks);
  const splitOf = ({ name }: SourceFile): string =>
    name
      .split('/')
      .slice(0, -2)
      .find((folder) => SPLITS.includes(folder.toLowerCase())) ?? '';
  const counts = new Map<string, number>();
  for (const table of tables) {
    const split = splitOf(table);
    if (split !== '') counts.set(split, (counts.get(split) ?? 0) + 1);
  }
  const chosen = chooseSplits(counts, options.split, source, (sentence) => remarks.add(sentence));
  if (chosen === null) return tables;
  const others = tables.filter((table) => splitOf(table) === '').length;
  if (others > 0) remarks.add(`${others} episodes lie in no split, and are left out.`);
  return tables.filter((table) => chosen.includes(splitOf(table)));
}

/** @throws InputError where a folder has two: which of them is the episode's? */
function requireOneTable(tables: readonly SourceFile[]): void {
  const seen = new Map<string, SourceFile>();
  for (const table of tables) {
    const folder = dirname(table.name);
    const other = seen.get(folder);
    if (other !== undefined)
      throw new InputError(`${other.name} and ${table.name} lie side by side: take one of them away.`);
    seen.set(folder, table);
  }
}

/** Folders of pictures that no table is about: beside it, or a folder further in, as those of cameras are. */
function remarkNoTable(files: readonly SourceFile[], tables: readonly SourceFile[], remarks: Remarks): void {
  const withTable = new Set(tables.map(({ name }) => dirname(name)));
  const without = new Set(
    files
      .map(({ name }) => dirname(name))
      .filter((folder) => !withTable.has(folder) && !withTable.has(dirname(folder))),
  );
  if (without.size > 0)
    remarks.add(
      `${[...without].slice(0, 10).join(', ')}${without.size > 10 ? ' …' : ''}: pictures without a ${TABLES.join(' or ')} beside them, which are left out.`,
    );
}

async function episodeTable(file: SourceFile, id: string): Promise<StepTable> {
  const table = await readTable(file.path, file.name);
  if (table.rows === 0) throw new InputError(`${file.name} has no rows.`);
  const { pictures, unread } = await picturesBeside(file, id, table);
  const columns = new Map(table.names.map((name) => [name, columnOf(table, name, file.name)]));
  return {
    id,
    source: { file: file.name, rows: [0, table.rows] },
    pictures,
    numbers: columns,
    steps: columns,
    unread,
    problems: orderProblems(table),
  };
}

const INDICES = ['frame_index', 'frame', 'frame_id', 'step', 'step_index', 'timestep', 'index', 'idx'];
const TIMES = ['timestamp', 'time', 'stamp', 't'];
const EPISODES = ['episode_index', 'episode', 'episode_id', 'traj', 'trajectory'];

/** Columns that count rows: where one leaps or goes back, rows are missing, repeated or out of order. */
function orderProblems(table: Table): SourceProblem[] {
  const numbersOf = (names: readonly string[]): [string, Float32Array][] =>
    names.flatMap((name): [string, Float32Array][] => {
      if (!table.names.includes(name) || table.text(name) !== null) return [];
      const found = plainNumbers(table, name);
      return found === null ? [] : [[name, found]];
    });
  const fault = (message: string): SourceProblem => ({
    kind: 'row-order',
    severity: 'fault',
    message,
    repaired: false,
  });
  for (const [name, values] of numbersOf(EPISODES)) {
    const at = values.findIndex((value) => value !== values[0]);
    if (at > 0)
      return [
        fault(
          `Its ${name} is ${values[0]}, and ${values[at]} from row ${at + 1} on: one folder is one episode.`,
        ),
      ];
  }
  for (const [name, values] of numbersOf(INDICES)) {
    if (!values.every(Number.isInteger)) continue;
    const stride = (values[1] ?? 0) - (values[0] ?? 0);
    const at = values.findIndex(
      (value, i) => i > 0 && (value - (values[i - 1] as number) !== stride || stride <= 0),
    );
    if (at > 0)
      return [
        fault(
          `Its ${name} is ${values[at]} after ${values[at - 1]}, in row ${at + 1} of ${values.length}: rows are missing, repeated or out of order.`,
        ),
      ];
  }
  for (const [name, values] of numbersOf(TIMES)) {
    const at = values.findIndex((value, i) => i > 0 && value < (values[i - 1] as number));
    if (at > 0)
      return [
        fault(
          `Its ${name} goes back, from ${values[at - 1]?.toPrecision(7)} to ${values[at]?.toPrecision(7)} in row ${at + 1}: rows are out of order.`,
        ),
      ];
  }
  return [];
}

/** null where it is not one number in each row: it then counts something else. */
function plainNumbers(table: Table, name: string): Float32Array | null {
  try {
    const found = table.column(name);
    return found?.size === 1 ? found.values : null;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/** Looked at when asked for: columns that nobody reads may hold text. */
function columnOf(table: Table, name: string, file: string): NumberColumn {
  let column: { readonly values: Float32Array; readonly size: number } | undefined;
  const found = () => {
    column ??= table.column(name) ?? { values: new Float32Array(), size: 0 };
    return column;
  };
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

async function picturesBeside(
  file: SourceFile,
  id: string,
  table: Table,
): Promise<Required<Pick<StepTable, 'pictures' | 'unread'>>> {
  const folder = dirname(file.path);
  const pictures = new Map<string, PictureColumn>();
  const unread: string[] = [];
  const beside = await imagesIn(folder, id, unread);
  if (beside.length > 0) {
    requireNamedInOrder(beside, table, file.name);
    pictures.set(UNNAMED_IMAGE, picturesOf(beside, folder, id));
  }
  for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    if (isHidden(entry.name) || !(entry.isDirectory() || entry.isSymbolicLink())) continue;
    const within = join(folder, entry.name);
    const images = await imagesIn(within, `${id}/${entry.name}`, unread);
    if (images.length > 0) pictures.set(entry.name, picturesOf(images, within, `${id}/${entry.name}`));
  }
  if (pictures.size === 0)
    throw new InputError([`${folder} has no image files beside its table.`, ...unread].join(' '));
  return { pictures, unread };
}

/** @throws InputError where a column names the pictures, and in another order than that of their names */
function requireNamedInOrder(names: readonly string[], table: Table, file: string): void {
  for (const column of table.names) {
    const named = table.text(column)?.map((name) => basename(name));
    if (named === undefined || !named.every((name) => names.includes(name))) continue;
    const at = named.findIndex((name, i) => name !== names[i]);
    if (at >= 0)
      throw new InputError(
        `${file}, row ${at + 1}: ${column} names ${named[at]}, where ${names[at]} is the next in order: sort the rows, or name the pictures in their order.`,
      );
  }
}

/**
 * In the order of their numbers: 9.png comes before 10.png, and 0.15.png before 0.9.png.
 * @param unread receives a sentence about a folder whose pictures are all of kinds that are not read
 * @throws InputError where some of them are: frames would be lost
 */
async function imagesIn(folder: string, id: string, unread: string[]): Promise<string[]> {
  const all = (await namesIn(folder)).filter((name) => !isHidden(name));
  const hasEnding = (name: string, endings: readonly string[]): boolean =>
    endings.some((ending) => name.toLowerCase().endsWith(ending));
  const names = all.filter((name) => hasEnding(name, IMAGES));
  const other = all.find((name) => hasEnding(name, OTHER_IMAGES));
  if (other !== undefined) {
    const sentence = `${id} has ${other}, a kind of picture that is not read: ${IMAGES.join(', ')} are; convert it, or take it away.`;
    if (names.length > 0) throw new InputError(sentence);
    unread.push(sentence);
  }
  const times = names.map(timeOf);
  if (times.every((time) => time !== null))
    return names
      .map((name, i) => ({ name, time: times[i] as number }))
      .sort((a, b) => a.time - b.time || (a.name < b.name ? -1 : 1))
      .map(({ name }) => name);
  return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** Of a name that ends in a decimal number, such as a time in seconds; null where it does not. */
function timeOf(name: string): number | null {
  const [, text] = /(?:^|[^\d.])(\d+\.\d+)\.[a-z]+$/i.exec(name) ?? [];
  return text === undefined ? null : Number(text);
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

/** @throws InputError where numbers that go up evenly leave one out, or one stands twice */
function requireNoGap(names: readonly string[], id: string): void {
  // Times of day go up as they please.
  if (names.every((name) => timeOf(name) !== null)) return;
  const numbers = names.map((name) => /(\d+)\D*$/.exec(name)?.[1]);
  const steps = numbers.slice(1).map((number, i) => Number(number) - Number(numbers[i]));
  const twice = names.findIndex(
    (name, i) => i > 0 && steps[i - 1] === 0 && stem(name) === stem(names[i - 1] ?? ''),
  );
  if (twice > 0)
    throw new InputError(
      `${id} has ${names[twice - 1]} and ${names[twice]}, two pictures of one number: take one of them away.`,
    );
  const [stride] = [...new Set(steps)].sort(
    (a, b) => steps.filter((step) => step === b).length - steps.filter((step) => step === a).length,
  );
  if (stride === undefined || !(stride > 0)) return;
  const gap = steps.findIndex((step) => step !== stride);
  // Numbers that go up unevenly, such as times of day, say nothing about what is missing.
  if (gap < 0 || steps.some((step) => step <= 0 || step % stride !== 0)) return;
  const before = numbers[gap] as string;
  const missing = String(Number(before) + stride).padStart(before.length, '0');
  const name = (names[gap] as string).replace(new RegExp(`${before}(\\D*)$`), `${missing}$1`);
  throw new InputError(
    `${id} has ${names.length} pictures, and ${name} is missing between ${names[gap]} and ${names[gap + 1]}.`,
  );
}

function stem(name: string): string {
  return name.replace(/\.[^.]*$/, '');
}
