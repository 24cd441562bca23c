/**
 * LeRobotDataset v3 and v2.1 with images in its parquet files or as videos: a row a frame, with `action`, `observation.*`,
 * `next.reward`, `next.done`, `next.success` and `episode_index`. The row after an end is the final observation; where
 * the end comes in the last row, there is none.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { imageNames } from '../../envs/imageName.js';
import { InputError } from '../../src/errors.js';
import { FileSource } from '../sources/byteSource.js';
import { cellNumber, type ParquetColumn, parquetColumns, readParquetRows } from '../sources/parquet.js';
import { decodeVideo, requireFfmpeg } from '../sources/video.js';
import type { PictureColumn } from './camera.js';
import { usualColumns } from './columnNames.js';
import type { ConversionSource, SourceProblem } from './conversionSource.js';
import { remarkEpisodes, statedEpisodes } from './lerobotEpisodes.js';
import { taskTexts } from './lerobotTasks.js';
import { type EpisodeVideo, findVideos } from './lerobotVideos.js';
import { chooseSplits, type OpenOptions } from './openOptions.js';
import { Remarks } from './remarks.js';
import { issuesOf } from './schemaIssues.js';
import { findSourceFiles, type SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';
import { statedAlignment } from './statedConventions.js';
import { openSteps } from './steps.js';
import type { NumberColumn, StepFormat, StepTable } from './stepTable.js';
import type { PictureSize } from './treatment.js';

const infoSchema = z.looseObject({
  codebase_version: z.string(),
  fps: z.number().positive(),
  total_episodes: z.number().optional(),
  total_frames: z.number().optional(),
  splits: z.record(z.string(), z.unknown()).catch({}),
  features: z.record(
    z.string(),
    z.looseObject({ dtype: z.string(), shape: z.array(z.int().min(0)), names: z.unknown().optional() }),
  ),
});
export type LerobotInfo = z.output<typeof infoSchema>;

interface EpisodeRows {
  readonly file: SourceFile;
  readonly source: FileSource;
  /** The file's columns. */
  readonly columns: readonly ParquetColumn[];
  readonly index: number;
  readonly rows: readonly [number, number];
  readonly problems: readonly SourceProblem[];
}

/** An episode's rows are read at once. */
const MAX_EPISODE_ROWS = 1_000_000;

export async function openLerobot(source: string, options: OpenOptions): Promise<ConversionSource> {
  return openSteps(openFolder(source, options), options);
}

async function openFolder(source: string, options: OpenOptions): Promise<StepFormat> {
  const info = await readInfo(source);
  const remarks = new Remarks();
  const files = await findSourceFiles(join(source, 'data'), ['.parquet']);
  const opened: FileSource[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened) await file.close();
  };
  try {
    const all: EpisodeRows[] = [];
    for (const file of files) {
      const parquet = await FileSource.open(file.path);
      opened.push(parquet);
      all.push(...(await findEpisodes(file, parquet, info.fps)));
    }
    requireOnce(all);
    remarkMissing(info, all, source, remarks);
    remarkEpisodes(await statedEpisodes(source), all, remarks);
    const episodes = inSplit(info, all, options, source, remarks);
    const videos = await videosOf(source, info, options);
    const tasks = await taskTexts(source);
    const hashes = new Map(files.map((file) => [file.name, hashOnce(file)]));
    const { action } = info.features;
    return {
      name: `LeRobotDataset ${info.codebase_version}`,
      path: source,
      place: source,
      task: null,
      controlTimestep: 1 / info.fps,
      columns: usualColumns({
        reward: ['next.reward'],
        terminated: ['next.terminated'],
        truncated: ['next.truncated'],
        done: ['next.done'],
        success: ['next.success'],
      }),
      endsOf: 'step',
      alignment: statedAlignment([info, ...(action === undefined ? [] : [action])], remarks) ?? 'chosen',
      stateKeys: ['observation.state'],
      actionBox: null,
      actionNames: action === undefined ? null : dimensionNames(action),
      stateNames: (key) => {
        const feature = info.features[key];
        return feature === undefined ? null : dimensionNames(feature);
      },
      rewardIsSuccess: false,
      statedSize: (camera) => statedSize(info, camera),
      details: {
        finalObservation:
          'the row after next.done or next.truncated; the last one repeated where it is done in its last row',
      },
      remarks,
      units: episodes.map((episode) => ({
        name: `episode_${episode.index}`,
        read: async () => ({
          table: await episodeTable(source, episode, info, videos, tasks),
          files: async () => [await (hashes.get(episode.file.name) ?? hashOnce(episode.file))()],
        }),
      })),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** By camera. */
type Videos = ReadonlyMap<string, (episode: number) => EpisodeVideo>;

async function videosOf(source: string, info: LerobotInfo, options: OpenOptions): Promise<Videos> {
  const videos = new Map<string, (episode: number) => EpisodeVideo>();
  const cameras = Object.keys(info.features).filter((key) =>
    ['image', 'video'].includes(info.features[key]?.dtype ?? ''),
  );
  const names = imageNames(cameras);
  for (const [i, camera] of cameras.entries()) {
    const isWanted = options.cameras?.some((wanted) => wanted === camera || wanted === names[i]) ?? true;
    if (info.features[camera]?.dtype !== 'video' || !isWanted) continue;
    // Here, and not as a problem of every episode.
    if (videos.size === 0) await requireFfmpeg(source);
    videos.set(
      camera,
      await findVideos(source, { version: info.codebase_version, camera, framesPerSecond: info.fps }),
    );
  }
  return videos;
}

async function episodeTable(
  source: string,
  episode: EpisodeRows,
  info: LerobotInfo,
  videos: Videos,
  tasks: ReadonlyMap<number, string>,
): Promise<StepTable> {
  const { file, index, rows, columns } = episode;
  const id = `episode_${index}`;
  const count = rows[1] - rows[0];
  const has = (key: string): boolean => columns.some(({ name }) => name === key);
  // By the file's own word, whatever info.json says.
  const isWhole = (key: string): boolean =>
    columns.some((column) => column.name === key && column.isWhole) ||
    /^(u?int|bool)/.test(info.features[key]?.dtype ?? '');
  const pictures = new Map<string, PictureColumn>();
  const steps = new Map<string, NumberColumn>();
  const cells = async (key: string, from: number, to: number): Promise<unknown[]> => {
    const parquet = { name: file.name, source: episode.source };
    const read = await readParquetRows(parquet, [key], [rows[0] + from, rows[0] + to]);
    return read.map((row) => row[key]);
  };
  for (const [key, { dtype, shape }] of Object.entries(info.features)) {
    const find = videos.get(key);
    if (find !== undefined)
      pictures.set(key, {
        kind: 'film',
        name: `${id}, ${key}`,
        rows: count,
        read: async (from, to) => {
          const { file: video, first, isLast, isOwn, frames: stated } = find(index);
          if (stated !== null && stated !== count)
            throw new InputError(
              `${id}: meta/episodes gives it ${stated} frames of ${video}, and its table has ${count} rows; as many are expected.`,
            );
          const film = await decodeVideo(join(source, video), video, {
            first: first + from,
            count: to - from,
            framesPerSecond: info.fps,
            isLast: isLast && to === count,
          });
          if (film.goesOn && isOwn)
            throw new InputError(`${video} goes on after the ${count} frames that the table has rows for.`);
          const after = `${video} goes on after its last episode, and what follows is left out.`;
          return { ...film, remarks: [...film.remarks, ...(film.goesOn ? [after] : [])] };
        },
      });
    else if (dtype === 'image')
      pictures.set(key, {
        kind: 'files',
        name: `${id}, ${key}`,
        rows: count,
        nameOf: (row) => `${id}, ${key} of row ${row}`,
        read: async (from, to) =>
          (await cells(key, from, to)).map((cell, i) => imageBytes(cell, `${id}, ${key} of row ${from + i}`)),
      });
    else if (dtype !== 'video' && dtype !== 'string' && has(key))
      steps.set(key, numberColumn(id, key, count, size(shape), isWhole(key), cells));
  }
  // What info.json does not list is a column all the same: a flag, say.
  for (const { name } of columns)
    if (info.features[name] === undefined)
      steps.set(name, numberColumn(id, name, count, 1, isWhole(name), cells));
  const [task] = has('task_index') && count > 0 ? await cells('task_index', 0, 1) : [];
  const instruction = tasks.get(cellNumber(task));
  return {
    id,
    source: { file: file.name, rows },
    pictures,
    numbers: steps,
    steps,
    ...(instruction !== undefined && { instruction }),
    problems: episode.problems,
  };
}

function numberColumn(
  id: string,
  key: string,
  rows: number,
  size: number,
  isWhole: boolean,
  cells: (key: string, from: number, to: number) => Promise<unknown[]>,
): NumberColumn {
  return {
    name: `${id}: ${key}`,
    rows,
    size,
    isWhole,
    read: async (from, to) => {
      const values = (await cells(key, from, to)).map((cell, i) =>
        numbers(cell, `${id}: ${key} of row ${from + i}`),
      );
      const uneven = values.findIndex((row) => row.length !== size);
      if (uneven >= 0)
        throw new InputError(
          `${id}: ${key} of row ${from + uneven} has ${values[uneven]?.length} numbers, expected ${size}.`,
        );
      return Float32Array.from(values.flat());
    },
  };
}

/** Runs of equal `episode_index`; in v3 a file has many, in v2.1 one. */
async function findEpisodes(
  file: SourceFile,
  source: FileSource,
  framesPerSecond: number,
): Promise<EpisodeRows[]> {
  const parquet = { name: file.name, source };
  const columns = await parquetColumns(parquet);
  const has = (key: string): boolean => columns.some(({ name }) => name === key);
  const keys = ['episode_index', ...['frame_index', 'timestamp'].filter(has)];
  const table = await readParquetRows(parquet, keys, [0, Number.POSITIVE_INFINITY]);
  const episodes: EpisodeRows[] = [];
  let start = 0;
  table.forEach((row, i) => {
    const index = cellNumber(row.episode_index);
    if (table[i + 1] !== undefined && cellNumber(table[i + 1]?.episode_index) === index) return;
    if (!Number.isInteger(index))
      throw new InputError(`${file.name}: episode_index of row ${i} is not a number.`);
    if (i + 1 - start > MAX_EPISODE_ROWS) throw new InputError(`${file.name}: episode ${index} is too long.`);
    const own = table.slice(start, i + 1);
    episodes.push({
      file,
      source,
      columns,
      index,
      rows: [start, i + 1],
      problems: [
        ...(has('frame_index') ? frameProblems(own.map((row) => row.frame_index)) : []),
        ...(has('timestamp')
          ? timeProblems(
              own.map((row) => cellNumber(row.timestamp)),
              framesPerSecond,
            )
          : []),
      ],
    });
    start = i + 1;
  });
  return episodes;
}

/** A recording that stopped for a while has its rows one after the other all the same. */
function timeProblems(times: readonly number[], framesPerSecond: number): SourceProblem[] {
  const at = times.findIndex((time, i) => {
    const step = time - (times[i - 1] ?? Number.NaN);
    return i > 0 && !(step > 0.5 / framesPerSecond && step < 1.5 / framesPerSecond);
  });
  if (at < 0 || !times.every(Number.isFinite)) return [];
  const message = `Its timestamp goes from ${seconds(times[at - 1])} to ${seconds(times[at])} in row ${at} of ${times.length}, at ${framesPerSecond} frames a second: frames may be missing there.`;
  return [{ kind: 'timestamp', severity: 'suspicion', message, repaired: true }];
}

/** float32 in a file, which reads back with digits that nobody wrote. */
function seconds(time: number | undefined): string {
  return String(Number((time ?? 0).toPrecision(7)));
}

/** Frames are numbered from 0 on; a recording that lost some, or has them out of order, is not one of steps. */
function frameProblems(frames: readonly unknown[]): SourceProblem[] {
  const at = frames.findIndex((frame, i) => cellNumber(frame) !== i);
  if (at < 0) return [];
  const message = `Its frame_index is ${frames[at]} where ${at} is expected, in row ${at} of ${frames.length}: frames are missing, repeated or out of order.`;
  return [{ kind: 'frame-index', severity: 'fault', message, repaired: false }];
}

/** @throws InputError where an episode stands twice, or in two pieces */
function requireOnce(episodes: readonly EpisodeRows[]): void {
  const seen = new Map<number, EpisodeRows>();
  for (const episode of episodes) {
    const before = seen.get(episode.index);
    if (before !== undefined)
      throw new InputError(
        `episode_index ${episode.index} stands twice: in rows ${before.rows[0]} to ${before.rows[1] - 1} of ${before.file.name}, and again in rows ${episode.rows[0]} to ${episode.rows[1] - 1} of ${episode.file.name}. Number the episodes anew, or take one of the two away.`,
      );
    seen.set(episode.index, episode);
  }
}

function remarkMissing(
  info: LerobotInfo,
  episodes: readonly EpisodeRows[],
  source: string,
  remarks: Remarks,
): void {
  const { total_episodes: announced = episodes.length, total_frames: frames } = info;
  if (announced !== episodes.length) {
    const there = new Set(episodes.map(({ index }) => index));
    const missing = Array.from({ length: announced }, (_, i) => i).filter((i) => !there.has(i));
    const named =
      missing.length > 0
        ? `: ${missing.slice(0, 10).join(', ')}${missing.length > 10 ? ' …' : ''} ${missing.length === 1 ? 'is' : 'are'} missing`
        : '';
    remarks.add(
      `meta/info.json announces ${announced} episodes (total_episodes); ${episodes.length} of ${announced} are in ${source}${named}.`,
    );
  }
  const rows = episodes.reduce((sum, episode) => sum + episode.rows[1] - episode.rows[0], 0);
  if (frames !== undefined && frames !== rows)
    remarks.add(`meta/info.json announces ${frames} frames (total_frames); ${rows} rows are there.`);
}

/** Splits are ranges of episode_index, {"train": "0:40", "val": "40:50"}, or lists of them. */
function inSplit(
  { splits }: LerobotInfo,
  episodes: readonly EpisodeRows[],
  options: OpenOptions,
  source: string,
  remarks: Remarks,
): readonly EpisodeRows[] {
  const holds = new Map<string, (index: number) => boolean>();
  for (const [name, value] of Object.entries(splits)) {
    const [, from, to] = typeof value === 'string' ? (/^(\d+):(\d+)$/.exec(value) ?? []) : [];
    if (Array.isArray(value)) holds.set(name, (index) => value.includes(index));
    else if (from !== undefined && to !== undefined)
      holds.set(name, (index) => index >= Number(from) && index < Number(to));
    else
      remarks.add(
        `meta/info.json gives the split ${name} as ${JSON.stringify(value)}, which is not understood: a range such as "0:40" is expected; ${options.split === undefined ? 'all episodes are converted' : 'it cannot be chosen'}.`,
      );
  }
  const within = (name: string): readonly EpisodeRows[] =>
    episodes.filter(({ index }) => holds.get(name)?.(index));
  const counts = new Map([...holds.keys()].map((name) => [name, within(name).length]));
  const chosen = chooseSplits(counts, options.split, source, (sentence) => remarks.add(sentence));
  const outside = episodes.filter(({ index }) => ![...holds.values()].some((holds) => holds(index)));
  if (holds.size > 0 && outside.length > 0)
    remarks.add(
      `${outside
        .map(({ index }) => index)
        .slice(0, 10)
        .join(
          ', ',
        )}${outside.length > 10 ? ' …' : ''}: episodes that are in none of the splits ${[...holds.keys()].join(', ')} of meta/info.json; they are ${chosen === null ? 'converted' : 'left out'}.`,
    );
  if (chosen === null) return episodes;
  return episodes.filter(({ index }) => chosen.some((name) => holds.get(name)?.(index)));
}

async function readInfo(source: string): Promise<LerobotInfo> {
  const path = join(source, 'meta', 'info.json');
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null)
    throw new InputError(`${source} has no meta/info.json: give the folder of a LeRobotDataset.`);
  try {
    return infoSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new InputError(`${path} is not LeRobot's: ${issuesOf(error)}.`, { cause: error });
  }
}

/** LeRobot writes [height, width, channels], older datasets [channels, height, width]; `names` says which. */
function statedSize(info: LerobotInfo, camera: string): PictureSize | undefined {
  const { shape = [], names } = info.features[camera] ?? {};
  const first = Array.isArray(names) ? String(names[0]) : '';
  const [height, width] = /^c(hannels?)?$/.test(first) ? shape.slice(1) : shape;
  return height === undefined || width === undefined ? undefined : { height, width };
}

/** A list, or lists by a name of their own, such as `{motors: […]}`; null where they do not name each number. */
function dimensionNames({ shape, names }: LerobotInfo['features'][string]): readonly string[] | null {
  const lists = Array.isArray(names) ? names : typeof names === 'object' ? Object.values(names ?? {}) : [];
  const flat = lists.flat().map(String);
  return flat.length === size(shape) ? flat : null;
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function imageBytes(value: unknown, name: string): Uint8Array {
  const bytes = typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes : value;
  if (bytes instanceof Uint8Array) return bytes;
  throw new InputError(`${name} has no image bytes.`);
}

function numbers(value: unknown, name: string): number[] {
  const cells: unknown[] =
    Array.isArray(value) || ArrayBuffer.isView(value) ? [...(value as Iterable<unknown>)] : [value];
  return cells.map((cell) => {
    const number = cellNumber(cell);
    // NaN in the file is a number's damage, and is judged with those of other formats.
    if (Number.isNaN(number) && typeof cell !== 'number')
      throw new InputError(`${name} holds ${JSON.stringify(cell) ?? 'nothing'}; numbers are expected.`);
    return number;
  });
}
