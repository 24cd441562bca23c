/**
 * LeRobotDataset v3 with images as PNG in its parquet files: a row a frame with the action chosen on it. An episode
 * of T actions has T + 1 rows, since the last holds its final observation: that row repeats the last action, with a
 * reward of 0, and follows the one that `next.done` or `next.truncated` marks.
 */

import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SchemaElement } from 'hyparquet';
import { type ColumnSource, fileWriter, ParquetWriter } from 'hyparquet-writer';
import sharp from 'sharp';
import { PARTIAL_ENDING, writeFileAtomic } from '../../src/files/atomicFile.js';
import { makeFolder } from '../../src/files/makeFolder.js';
import { type Episode, type FrameLayout, frameAt } from '../episode.js';
import type { Manifest } from '../manifest.js';
import { requireColourImages } from './colourImages.js';
import type { Exporter } from './exportDataset.js';
import { ImageStatistics, NumberStatistics } from './featureStatistics.js';

/** A data file ends with the episode that takes it past this. */
const FILE_BYTES = 100e6;
const FILES_IN_CHUNK = 1000;
/** Frames that are packed at once. */
const FRAMES_UNDER_WAY = 8;
/** Frames a second where the dataset does not say how long a step is: LeRobot wants a number. */
const DEFAULT_FPS = 10;

/** A column of numbers: `size` of them in a row, as a list unless it is one. */
interface NumberColumn {
  readonly name: string;
  readonly dtype: 'float32' | 'int64' | 'bool';
  readonly size: number;
  readonly isList: boolean;
}

interface EpisodeEntry {
  readonly length: number;
  readonly file: number;
  readonly firstRow: number;
  readonly task: string;
}

export const exportLerobot: Exporter = async (out, manifest) => {
  requireColourImages(manifest, 'for LeRobot');
  const cameras = manifest.images.map((image) => ({
    image,
    key: manifest.images.length === 1 ? 'observation.image' : `observation.images.${image.name}`,
    statistics: new ImageStatistics(image.channels),
  }));
  const columns = numberColumns(manifest);
  const statistics = new Map(columns.map(({ name, size }) => [name, new NumberStatistics(size)]));
  const fps = framesPerSecond(manifest);
  const entries: EpisodeEntry[] = [];
  /** Texts, in the order of their numbers. */
  const tasks: string[] = [];
  let firstRow = 0;
  let file = 0;
  let parquet: ParquetFile | undefined;
  return {
    async write(episode, number) {
      parquet ??= await ParquetFile.create(
        join(out, dataPath(file)),
        schemaOf([...cameras.map(({ key }) => imageSchema(key)), ...columns.map(columnSchema)]),
      );
      const rows = episode.length + 1;
      const text = episode.instruction ?? manifest.task ?? 'unknown';
      if (!tasks.includes(text)) tasks.push(text);
      const values = columnValues(episode, number, firstRow, fps, tasks.indexOf(text), manifest);
      for (const { name, size } of columns) {
        const data = values.get(name) ?? [];
        for (let t = 0; t < rows; t++) statistics.get(name)?.add(rowOf(data, t, size));
      }
      const images: ColumnSource[] = [];
      for (const { image, key, statistics } of cameras) {
        statistics.add(episode.images[image.name] ?? new Uint8Array(), rows);
        const files = await packFrames(episode, image);
        images.push({
          name: key,
          data: files.map((bytes, t) => ({ bytes, path: `frame-${firstRow + t}.png` })),
          codec: 'UNCOMPRESSED',
        });
      }
      parquet.write([
        ...images,
        ...columns.map((column) => toColumn(column, values.get(column.name) ?? [], rows)),
      ]);
      entries.push({ length: rows, file, firstRow, task: text });
      firstRow += rows;
      if (parquet.bytes < FILE_BYTES) return;
      await parquet.finish();
      parquet = undefined;
      file++;
    },
    async finish() {
      await parquet?.finish();
      await writeTable(join(out, 'meta', 'tasks.parquet'), tasksTable(tasks), PANDAS_INDEX);
      await writeTable(join(out, 'meta', 'episodes', chunkPath(0)), episodesTable(entries));
      const features = {
        ...Object.fromEntries(
          cameras.map(({ image, key }) => [
            key,
            {
              dtype: 'image',
              shape: [image.height, image.width, 3],
              names: ['height', 'width', 'channels'],
            },
          ]),
        ),
        ...Object.fromEntries(
          columns.map(({ name, dtype, size }) => [
            name,
            { dtype, shape: [size], names: dimensionNames(name, manifest) },
          ]),
        ),
      };
      await writeJson(join(out, 'meta', 'stats.json'), {
        ...Object.fromEntries(cameras.map(({ key, statistics }) => [key, statistics.value])),
        ...Object.fromEntries([...statistics].map(([name, { value }]) => [name, value])),
      });
      // Last, and in one step: a folder without it is no dataset.
      await writeJson(join(out, 'meta', 'info.json'), {
        codebase_version: 'v3.0',
        robot_type: manifest.task ?? 'unknown',
        total_episodes: entries.length,
        total_frames: firstRow,
        total_tasks: tasks.length,
        chunks_size: FILES_IN_CHUNK,
        data_files_size_in_mb: FILE_BYTES / 1e6,
        video_files_size_in_mb: 200,
        fps,
        splits: { train: `0:${entries.length}` },
        data_path: 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet',
        video_path: null,
        features,
      });
    },
  };
};

function numberColumns({ actionSize, stateSize, extra, shards }: Manifest): NumberColumn[] {
  // The column has no word for "not known".
  const saysSuccess = shards.every(({ index }) => index.every(({ success }) => success !== undefined));
  const list = (name: string, size: number): NumberColumn => ({
    name,
    dtype: 'float32',
    size,
    isList: size > 1,
  });
  const one = (name: string, dtype: NumberColumn['dtype']): NumberColumn => ({
    name,
    dtype,
    size: 1,
    isList: false,
  });
  return [
    ...(stateSize > 0 ? [list('observation.state', stateSize)] : []),
    ...Object.entries(extra).flatMap(([name, { per, size }]) =>
      per === 'observation' ? [list(`observation.${name}`, size)] : [],
    ),
    list('action', actionSize),
    one('next.reward', 'float32'),
    one('next.done', 'bool'),
    one('next.truncated', 'bool'),
    ...(saysSuccess ? [one('next.success', 'bool')] : []),
    one('is_intervention', 'bool'),
    one('timestamp', 'float32'),
    one('frame_index', 'int64'),
    one('episode_index', 'int64'),
    one('index', 'int64'),
    one('task_index', 'int64'),
  ];
}

/** T + 1 rows of every number column. */
function columnValues(
  episode: Episode,
  number: number,
  firstRow: number,
  fps: number,
  task: number,
  { actionSize }: Manifest,
): Map<string, ArrayLike<number>> {
  const { length, state, actions, rewards, extra = {}, terminated, truncated } = episode;
  const rows = length + 1;
  const each = (value: (t: number) => number) => Float64Array.from({ length: rows }, (_, t) => value(t));
  const flag = (isSet: boolean) => each((t) => Number(isSet && t === length - 1));
  const allActions = new Float32Array(rows * actionSize);
  allActions.set(actions);
  allActions.set(actions.subarray(-actionSize), length * actionSize);
  return new Map<string, ArrayLike<number>>([
    ...(state ? [['observation.state', state] as const] : []),
    ...Object.entries(extra).map(([name, values]) => [`observation.${name}`, values] as const),
    ['action', allActions],
    ['next.reward', each((t) => rewards[t] ?? 0)],
    ['next.done', flag(terminated)],
    ['next.truncated', flag(truncated)],
    ['next.success', flag(episode.success ?? false)],
    ['is_intervention', each((t) => episode.interventions?.[t] ?? 0)],
    ['timestamp', each((t) => Math.fround(t / fps))],
    ['frame_index', each((t) => t)],
    ['episode_index', each(() => number)],
    ['index', each((t) => firstRow + t)],
    ['task_index', each(() => task)],
  ]);
}

function dimensionNames(column: string, { actionNames, stateNames }: Manifest): readonly string[] | null {
  if (column === 'action') return actionNames;
  return column === 'observation.state' ? stateNames : null;
}

function rowOf(values: ArrayLike<number>, row: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => values[row * size + i] as number);
}

function toColumn(
  { name, dtype, size, isList }: NumberColumn,
  values: ArrayLike<number>,
  rows: number,
): ColumnSource {
  const row = (t: number): unknown => {
    if (isList) return rowOf(values, t, size);
    const value = values[t] as number;
    return dtype === 'int64' ? BigInt(value) : dtype === 'bool' ? value === 1 : value;
  };
  return { name, data: Array.from({ length: rows }, (_, t) => row(t)) };
}

async function packFrames(episode: Episode, image: FrameLayout): Promise<Buffer[]> {
  const { height, width } = image;
  const packed: Buffer[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next <= episode.length) {
      const t = next++;
      packed[t] = await sharp(frameAt(episode, image, t), { raw: { height, width, channels: 3 } })
        .png()
        .toBuffer();
    }
  };
  await Promise.all(Array.from({ length: FRAMES_UNDER_WAY }, worker));
  return packed;
}

/** Rows a second: one for each action. */
function framesPerSecond({ controlTimestep, actionRepeat }: Manifest): number {
  const fps = controlTimestep === null ? DEFAULT_FPS : 1 / (controlTimestep * actionRepeat);
  const whole = Math.round(fps);
  return whole > 0 && Math.abs(fps - whole) < 1e-6 ? whole : fps;
}

const chunkPath = (file: number): string => {
  const digits = (number: number): string => String(number).padStart(3, '0');
  return join(
    `chunk-${digits(Math.floor(file / FILES_IN_CHUNK))}`,
    `file-${digits(file % FILES_IN_CHUNK)}.parquet`,
  );
};
const dataPath = (file: number): string => join('data', chunkPath(file));

const imageSchema = (name: string): SchemaElement[] => [
  { name, repetition_type: 'OPTIONAL', num_children: 2 },
  { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
  { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
];

const PARQUET_TYPES = { float32: 'FLOAT', int64: 'INT64', bool: 'BOOLEAN' } as const;

function columnSchema({ name, dtype, isList }: NumberColumn): SchemaElement[] {
  const type = PARQUET_TYPES[dtype];
  return isList ? listSchema(name, { name: 'element', type }) : [{ name, type, repetition_type: 'OPTIONAL' }];
}

/** A list as the parquet format spells it: three levels. */
function listSchema(name: string, element: SchemaElement): SchemaElement[] {
  return [
    { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { ...element, repetition_type: 'OPTIONAL' },
  ];
}

function schemaOf(columns: readonly (readonly SchemaElement[])[]): SchemaElement[] {
  return [{ name: 'root', num_children: columns.length }, ...columns.flat()];
}

interface Table {
  readonly schema: SchemaElement[];
  readonly columns: ColumnSource[];
}

/** What makes pandas take the column `task` as the table's index, as LeRobot expects. */
const PANDAS_INDEX = [
  {
    key: 'pandas',
    value: JSON.stringify({
      index_columns: ['task'],
      column_indexes: [],
      columns: [
        {
          name: 'task_index',
          field_name: 'task_index',
          pandas_type: 'int64',
          numpy_type: 'int64',
          metadata: null,
        },
        { name: 'task', field_name: 'task', pandas_type: 'unicode', numpy_type: 'object', metadata: null },
      ],
      pandas_version: '2.0.0',
    }),
  },
];

function tasksTable(tasks: readonly string[]): Table {
  return {
    schema: schemaOf([
      [{ name: 'task_index', type: 'INT64', repetition_type: 'OPTIONAL' }],
      [{ name: 'task', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' }],
    ]),
    columns: [
      { name: 'task_index', data: tasks.map((_, i) => BigInt(i)) },
      { name: 'task', data: [...tasks] },
    ],
  };
}

function episodesTable(entries: readonly EpisodeEntry[]): Table {
  const numbers: Readonly<Record<string, (entry: EpisodeEntry, i: number) => number>> = {
    episode_index: (_, i) => i,
    length: ({ length }) => length,
    'data/chunk_index': ({ file }) => Math.floor(file / FILES_IN_CHUNK),
    'data/file_index': ({ file }) => file % FILES_IN_CHUNK,
    dataset_from_index: ({ firstRow }) => firstRow,
    dataset_to_index: ({ firstRow, length }) => firstRow + length,
    'meta/episodes/chunk_index': () => 0,
    'meta/episodes/file_index': () => 0,
  };
  return {
    schema: schemaOf([
      ...Object.keys(numbers).map((name): SchemaElement[] => [
        { name, type: 'INT64', repetition_type: 'OPTIONAL' },
      ]),
      listSchema('tasks', { name: 'element', type: 'BYTE_ARRAY', converted_type: 'UTF8' }),
    ]),
    columns: [
      ...Object.entries(numbers).map(([name, value]) => ({
        name,
        data: entries.map((entry, i) => BigInt(value(entry, i))),
      })),
      { name: 'tasks', data: entries.map(({ task }) => [task]) },
    ],
  };
}

async function writeTable(
  path: string,
  { schema, columns }: Table,
  kvMetadata: { key: string; value: string }[] = [],
): Promise<void> {
  const file = await ParquetFile.create(path, schema, kvMetadata);
  file.write(columns);
  await file.finish();
}

async function writeJson(path: string, value: object): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** A parquet file in progress, under its own name once it is whole; what is written goes to the disk. */
class ParquetFile {
  readonly #path: string;
  readonly #writer: ReturnType<typeof fileWriter>;
  readonly #parquet: ParquetWriter;

  private constructor(path: string, schema: SchemaElement[], kvMetadata: { key: string; value: string }[]) {
    this.#path = path;
    this.#writer = fileWriter(path + PARTIAL_ENDING);
    this.#parquet = new ParquetWriter({ writer: this.#writer, schema, kvMetadata });
  }

  static async create(
    path: string,
    schema: SchemaElement[],
    kvMetadata: { key: string; value: string }[] = [],
  ): Promise<ParquetFile> {
    await makeFolder(dirname(path));
    return new ParquetFile(path, schema, kvMetadata);
  }

  get bytes(): number {
    return this.#writer.offset;
  }

  /** One row group. */
  write(columnData: ColumnSource[]): void {
    this.#parquet.write({ columnData, rowGroupSize: Number.MAX_SAFE_INTEGER });
  }

  async finish(): Promise<void> {
    this.#parquet.finish();
    await rename(this.#path + PARTIAL_ENDING, this.#path);
  }
}
