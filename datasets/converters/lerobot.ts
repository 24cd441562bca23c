/**
 * LeRobotDataset v3 and v2.1 with images in its parquet files or as videos: a row a frame, with `action`, `observation.*`,
 * `next.reward`, `next.done` and `episode_index`. Where `next.done` comes in the row before the last, the last row is
 * the final observation. Else there is none after the last row: where the episode is done there, that observation's
 * value is never used and the last one is repeated; else the last action is dropped.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { imageName } from '../imageName.js';
import { FileSource } from '../sources/byteSource.js';
import { readParquetRows } from '../sources/parquet.js';
import { decodeVideo, requireFfmpeg } from '../sources/video.js';
import type { ConversionSource, ConversionUnit, SourceEpisode } from './conversion.js';
import { decodeImages, type ImageSize } from './decodeImages.js';
import { followingEpisode } from './followingRows.js';
import { findVideos } from './lerobotVideos.js';
import type { OpenOptions } from './openOptions.js';
import { resizeFrames } from './resizeFrames.js';
import { findSourceFiles, type SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';

const infoSchema = z.object({
  codebase_version: z.string(),
  fps: z.number().positive(),
  features: z.record(
    z.string(),
    z.object({ dtype: z.string(), shape: z.array(z.int().min(0)), names: z.unknown().optional() }),
  ),
});
type Info = z.output<typeof infoSchema>;

interface Parquet {
  readonly file: SourceFile;
  readonly source: FileSource;
}

interface EpisodeRows extends Parquet {
  readonly index: number;
  readonly rows: readonly [number, number];
}

/** An episode's rows are read at once. */
const MAX_EPISODE_ROWS = 1_000_000;

export async function openLerobot(source: string, options: OpenOptions): Promise<ConversionSource> {
  const info = await readInfo(source);
  const camera = chooseCamera(info, source, options.camera);
  const [height = 0, width = 0] = imageShape(info, camera);
  const size: ImageSize =
    options.imageSize === undefined
      ? { height, width }
      : { height: options.imageSize, width: options.imageSize };
  const isVideo = info.features[camera]?.dtype === 'video';
  const stateKeys = options.stateKeys ?? (info.features['observation.state'] ? ['observation.state'] : []);
  const files = await findSourceFiles(join(source, 'data'), ['.parquet']);
  const opened: FileSource[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened) await file.close();
  };
  try {
    const episodes: EpisodeRows[] = [];
    for (const file of files) {
      const parquet = { file, source: await FileSource.open(file.path) };
      opened.push(parquet.source);
      episodes.push(...(await findEpisodes(parquet)));
    }
    const readImages = isVideo
      ? await videoReader(source, info, camera, size)
      : imageReader(camera, size, options.imageSize !== undefined);
    const hashes = new Map(files.map((file) => [file.name, hashOnce(file)]));
    return {
      name: `LeRobotDataset ${info.codebase_version}`,
      header: {
        task: options.task ?? null,
        actionRepeat: options.actionRepeat ?? 1,
        controlTimestep: 1 / info.fps,
        images: [{ name: imageName(camera), height: size.height, width: size.width, channels: 3 }],
        renderer: null,
        actionSize: featureSize(info, 'action'),
        stateSize: stateKeys.reduce((sum, key) => sum + featureSize(info, key), 0),
      },
      lossy: isVideo || options.imageSize !== undefined,
      defaultCodec: 'brotli',
      details: {
        finalObservation:
          'the row after next.done or next.truncated; the last one repeated where it is done in its last row',
      },
      units: episodes.map(
        (episode): ConversionUnit => ({
          name: `episode_${episode.index}`,
          read: async () => ({
            episodes: [await readEpisode(episode, info, stateKeys, readImages, options)],
            files: [await (hashes.get(episode.file.name) ?? hashOnce(episode.file))()],
          }),
        }),
      ),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readEpisode(
  { file, source, index, rows }: EpisodeRows,
  info: Info,
  stateKeys: readonly string[],
  readImages: ImageReader,
  options: OpenOptions,
): Promise<SourceEpisode> {
  const rewardKey =
    options.reward === undefined || options.reward === 'dense' ? 'next.reward' : options.reward;
  const optional = [rewardKey, 'next.done', 'next.truncated'].filter(
    (key) => info.features[key] !== undefined,
  );
  const recorded = await readParquetRows(
    { name: file.name, source },
    [...readImages.columns, 'action', ...stateKeys, ...optional],
    rows,
  );
  const done = recorded.findIndex((row) => row['next.done'] === true || row['next.truncated'] === true);
  // The row after an episode's end is its final observation; what would follow that belongs to no episode.
  const table = done < 0 ? recorded : recorded.slice(0, done + 2);
  const id = `episode_${index}`;
  const isDone = table.at(-1)?.['next.done'] === true;
  const ends = (key: string): boolean => table.some((row) => row[key] === true);
  const decoded = await readImages.read(table, index);
  const state = table.flatMap((row) => stateKeys.flatMap((key) => numbers(row[key], `${id}: ${key}`)));
  const frame = decoded.length / table.length;
  return followingEpisode(
    {
      id,
      observations: table.length + (isDone ? 1 : 0),
      images: {
        [imageName(readImages.camera)]: isDone ? Buffer.concat([decoded, decoded.subarray(-frame)]) : decoded,
      },
      ...(stateKeys.length > 0 && {
        state: Float32Array.from(isDone ? [...state, ...state.slice(-state.length / table.length)] : state),
      }),
      actions: Float32Array.from(table.flatMap((row) => numbers(row.action, `${id}: action`))),
      actionSize: featureSize(info, 'action'),
      rewards: optional.includes(rewardKey)
        ? Float32Array.from(table.flatMap((row) => numbers(row[rewardKey], `${id}: ${rewardKey}`)))
        : null,
      terminated: ends('next.done'),
      truncated: optional.includes('next.truncated') ? ends('next.truncated') : !ends('next.done'),
      source: { file: file.name, rows },
    },
    options.reward,
  );
}

/** How an episode's images are come by, a frame a row. */
interface ImageReader {
  /** The images' key. */
  readonly camera: string;
  /** Columns that it needs. */
  readonly columns: readonly string[];
  read(table: readonly Record<string, unknown>[], episode: number): Promise<Uint8Array>;
}

function imageReader(camera: string, size: ImageSize, resize: boolean): ImageReader {
  return {
    camera,
    columns: [camera],
    read: (table, episode) => {
      const name = (i: number): string => `episode_${episode}, row ${i}`;
      const files = table.map((row, i) => imageBytes(row[camera], name(i)));
      return decodeImages(files, size, resize, name);
    },
  };
}

async function videoReader(
  source: string,
  info: Info,
  camera: string,
  size: ImageSize,
): Promise<ImageReader> {
  // Here, and not as a problem of every episode.
  await requireFfmpeg(source);
  const framesPerSecond = info.fps;
  const [height = 0, width = 0] = imageShape(info, camera);
  const find = await findVideos(source, { version: info.codebase_version, camera, framesPerSecond });
  return {
    camera,
    columns: [],
    read: async (table, episode) => {
      const { file, first } = find(episode);
      const shape = { height, width, channels: 3 };
      const frames = { first, count: table.length, framesPerSecond, height, width };
      const pixels = await decodeVideo(join(source, file), file, frames);
      return size.height === height && size.width === width
        ? pixels
        : resizeFrames(pixels, { frames: table.length, ...shape }, size.height);
    },
  };
}

/** Runs of equal `episode_index`; in v3 a file has many, in v2.1 one. */
async function findEpisodes(parquet: Parquet): Promise<EpisodeRows[]> {
  const table = await readParquetRows(
    { name: parquet.file.name, source: parquet.source },
    ['episode_index'],
    [0, Number.POSITIVE_INFINITY],
  );
  const episodes: EpisodeRows[] = [];
  let start = 0;
  table.forEach((row, i) => {
    const index = Number(row.episode_index);
    if (table[i + 1] !== undefined && Number(table[i + 1]?.episode_index) === index) return;
    if (!Number.isInteger(index))
      throw new InputError(`${parquet.file.name}: episode_index of row ${i} is not a number.`);
    if (i + 1 - start > MAX_EPISODE_ROWS)
      throw new InputError(`${parquet.file.name}: episode ${index} is too long.`);
    episodes.push({ ...parquet, index, rows: [start, i + 1] });
    start = i + 1;
  });
  return episodes;
}

async function readInfo(source: string): Promise<Info> {
  const path = join(source, 'meta', 'info.json');
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null)
    throw new InputError(`${source} has no meta/info.json: give the folder of a LeRobotDataset.`);
  try {
    return infoSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new InputError(`${path} is not LeRobot's: ${(error as Error).message}.`, { cause: error });
  }
}

function chooseCamera(info: Info, source: string, wanted: string | undefined): string {
  const ofType = (dtype: string): string[] =>
    Object.keys(info.features).filter((key) => info.features[key]?.dtype === dtype);
  const cameras = [...ofType('image'), ...ofType('video')];
  const [only, ...others] = wanted === undefined ? cameras : cameras.filter((key) => key === wanted);
  if (only !== undefined && others.length === 0) return only;
  throw new InputError(`Choose the images with --camera; ${source} has ${cameras.join(', ') || 'none'}.`);
}

/** LeRobot writes [height, width, channels], older datasets [channels, height, width]; `names` says which. */
function imageShape(info: Info, camera: string): readonly number[] {
  const { shape = [], names } = info.features[camera] ?? {};
  const first = Array.isArray(names) ? String(names[0]) : '';
  return first.startsWith('channel') ? shape.slice(1) : shape;
}

function featureSize(info: Info, key: string): number {
  const feature = info.features[key];
  if (feature === undefined)
    throw new InputError(
      `The dataset has no feature "${key}"; it has ${Object.keys(info.features).join(', ')}.`,
    );
  return feature.shape.reduce((product, size) => product * size, 1);
}

function imageBytes(value: unknown, name: string): Uint8Array {
  const bytes = typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes : value;
  if (bytes instanceof Uint8Array) return bytes;
  throw new InputError(`${name} has no image bytes.`);
}

function numbers(value: unknown, name: string): number[] {
  const values = (
    Array.isArray(value) || ArrayBuffer.isView(value) ? [...(value as Iterable<unknown>)] : [value]
  ).map(Number);
  if (values.some(Number.isNaN)) throw new InputError(`${name} does not hold numbers.`);
  return values;
}
