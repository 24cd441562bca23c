/** The same small recording in each format that keeps an episode as rows: what holds for one has to hold for all. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ConversionSource } from '../../datasets/converters/conversionSource.js';
import { openFrames } from '../../datasets/converters/frames.js';
import { openLerobot } from '../../datasets/converters/lerobot.js';
import { openMinari } from '../../datasets/converters/minari.js';
import type { OpenOptions } from '../../datasets/converters/openOptions.js';
import { openRlds } from '../../datasets/converters/rlds.js';
import { openRobomimic } from '../../datasets/converters/robomimic.js';
import { openZarr } from '../../datasets/converters/zarr.js';
import { temporaryFolder } from './samples.js';
import {
  type Block,
  csv,
  type Feature,
  HEIGHT,
  type LerobotColumn,
  type Numbers,
  numbered,
  png,
  WIDTH,
  writeFrames,
  writeHdf5,
  writeLerobot,
  writeTfRecords,
  writeZarr,
} from './writtenSources.js';

export interface Recorded {
  /** `[rows, …]`; RGB of HEIGHT × WIDTH where the format keeps files. */
  readonly images: Block;
  readonly actions: Block;
  /** By name: rewards and flags, `[rows]` each. */
  readonly columns: Readonly<Record<string, Block>>;
}

export type Format = 'robomimic' | 'minari' | 'zarr' | 'rlds' | 'frames' | 'lerobot';
type Writer = (folder: string, episodes: readonly Recorded[]) => Promise<void>;

const hdf5 =
  (file: string, group: (i: number) => string, images: string): Writer =>
  async (folder, episodes) => {
    const arrays = episodes.flatMap(({ images: pixels, actions, columns }, i) =>
      Object.entries({ [images]: pixels, actions, ...columns }).map(([key, block]) => [
        `${group(i)}/${key}`,
        block,
      ]),
    );
    await writeHdf5(join(folder, file), { arrays: Object.fromEntries(arrays) });
  };

function concatenated(blocks: readonly Block[]): Block {
  const [first] = blocks as [Block];
  const Kind = first.data.constructor as new (size: number) => Numbers;
  const data = new Kind(blocks.reduce((sum, block) => sum + block.data.length, 0));
  let at = 0;
  for (const block of blocks) {
    data.set(block.data as never, at);
    at += block.data.length;
  }
  return {
    shape: [blocks.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0), ...first.shape.slice(1)],
    data,
  };
}

export function files({ shape, data }: Block): Promise<Buffer[]> {
  const size = data.length / (shape[0] as number);
  return Promise.all(
    Array.from({ length: shape[0] as number }, (_, t) =>
      png(data.slice(t * size, (t + 1) * size) as Uint8Array, HEIGHT, WIDTH),
    ),
  );
}

const isWhole = (data: Numbers): boolean => !(data instanceof Float32Array || data instanceof Float64Array);

const writers: Record<Format, Writer> = {
  robomimic: hdf5('demo.hdf5', (i) => `data/demo_${i}`, 'obs/front'),
  minari: hdf5('main_data.hdf5', (i) => `episode_${i}`, 'observations/front'),
  zarr: async (folder, episodes) => {
    const keys = Object.keys(episodes[0]?.columns ?? {});
    let end = 0;
    const ends = episodes.map(({ actions }) => {
      end += actions.shape[0] as number;
      return end;
    });
    writeZarr(join(folder, 'store.zarr'), {
      'data/front': concatenated(episodes.map(({ images }) => images)),
      'data/action': concatenated(episodes.map(({ actions }) => actions)),
      ...Object.fromEntries(
        keys.map((key) => [
          `data/${key}`,
          concatenated(episodes.map(({ columns }) => columns[key] as Block)),
        ]),
      ),
      'meta/episode_ends': { shape: [ends.length], data: Int32Array.from(ends) },
    });
  },
  rlds: async (folder, episodes) => {
    const features = (block: Block): Feature =>
      isWhole(block.data)
        ? Int32Array.from(block.data as Int32Array)
        : Float32Array.from(block.data as Float32Array);
    writeTfRecords(
      join(folder, 'arm-train.tfrecord-00000-of-00001'),
      await Promise.all(
        episodes.map(async ({ images, actions, columns }) => ({
          'steps/observation/front': await files(images),
          'steps/action': features(actions),
          ...Object.fromEntries(
            Object.entries(columns).map(([key, block]) => [`steps/${key}`, features(block)]),
          ),
        })),
      ),
    );
  },
  frames: async (folder, episodes) => {
    for (const [i, { images, actions, columns }] of episodes.entries()) {
      const cells = Object.entries(columns).map(([key, { data }]) => [key, [...data].map(Number)] as const);
      const rows = actions.shape[0] as number;
      const own = Array.from({ length: actions.data.length / rows }, (_, c) => [
        `action_${c}`,
        Array.from({ length: rows }, (_, t) => Number(actions.data[(t * actions.data.length) / rows + c])),
      ]);
      const table = csv(rows, Object.fromEntries(cells));
      const lines = table.split('\n').map((line) => line.split(',').slice(2));
      const joined = lines
        .slice(0, rows + 1)
        .map((line, t) =>
          [...own.map(([name, values]) => (t === 0 ? name : (values as number[])[t - 1])), ...line].join(','),
        );
      const pictured = numbered(await files(images));
      const inside = Object.fromEntries(
        Object.entries(pictured).map(([name, file]) => [`front/${name}`, file]),
      );
      writeFrames(join(folder, `episode_${i}`), inside, `${joined.join('\n')}\n`);
    }
  },
  lerobot: async (folder, episodes) => {
    writeLerobot(
      folder,
      await Promise.all(
        episodes.map(async ({ images, actions, columns }, i) => {
          const rows = actions.shape[0] as number;
          const size = actions.data.length / rows;
          const list = Array.from({ length: rows }, (_, t) =>
            [...actions.data.slice(t * size, (t + 1) * size)].map(Number),
          );
          const numbers = (block: Block): LerobotColumn => ({
            type: isWhole(block.data) ? 'INT64' : 'FLOAT',
            values: [...block.data].map(Number),
          });
          return {
            'observation.images.front': { type: 'image', values: await files(images) },
            action: { type: isWhole(actions.data) ? 'INT64' : 'FLOAT', values: list },
            ...Object.fromEntries(Object.entries(columns).map(([key, block]) => [key, numbers(block)])),
            episode_index: { type: 'INT64', values: Array(rows).fill(i) },
            frame_index: { type: 'INT64', values: [...Array(rows).keys()] },
          } satisfies Record<string, LerobotColumn>;
        }),
      ),
    );
  },
};

const openers: Record<Format, (source: string, options: OpenOptions) => Promise<ConversionSource>> = {
  robomimic: openRobomimic,
  minari: openMinari,
  zarr: (folder, options) => openZarr(join(folder, 'store.zarr'), options),
  rlds: openRlds,
  frames: openFrames,
  lerobot: openLerobot,
};

export const formats = Object.keys(writers) as Format[];
/** Those that keep pictures as arrays of numbers. */
export const arrayFormats = ['robomimic', 'minari', 'zarr'] as const satisfies readonly Format[];
/** Those that keep them as files. */
export const fileFormats = ['rlds', 'frames', 'lerobot'] as const satisfies readonly Format[];

/** What a format calls the reward that an action earned. */
export const rewardNames: Record<Format, string> = {
  robomimic: 'rewards',
  minari: 'rewards',
  zarr: 'reward',
  rlds: 'reward',
  frames: 'reward',
  lerobot: 'next.reward',
};

/** The folder of a recording in that format. */
export async function written(
  t: TestContext,
  format: Format,
  episodes: readonly Recorded[],
): Promise<string> {
  const folder = temporaryFolder(t);
  await writers[format](folder, episodes);
  return folder;
}

export async function opened(
  t: TestContext,
  format: Format,
  episodes: readonly Recorded[],
  options: OpenOptions = {},
): Promise<ConversionSource> {
  return openers[format](await written(t, format, episodes), options);
}
