/**
 * zarr, as Diffusion Policy writes it: `data/img`, `data/state`, `data/action` over all steps of all episodes, and
 * `meta/episode_ends`. Row t is observation t and the action chosen on it; an episode's last action has no
 * observation after it and is dropped.
 */

import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { InputError } from '../../src/errors.js';
import { imageName } from '../imageName.js';
import { type ZarrArray, ZarrStore } from '../sources/zarr.js';
import type { ConversionSource, SourceEpisode } from './conversion.js';
import { followingEpisode } from './followingRows.js';
import { channelsLast } from './imageLayout.js';
import type { OpenOptions } from './openOptions.js';
import { resizeFrames } from './resizeFrames.js';
import { hashOnce } from './sourceHash.js';

interface Arrays {
  readonly images: ZarrArray;
  readonly actions: ZarrArray;
  readonly states: readonly ZarrArray[];
  readonly rewards: ZarrArray | null;
}

export async function openZarr(source: string, options: OpenOptions): Promise<ConversionSource> {
  const store = await ZarrStore.open(source);
  try {
    const arrays = await findArrays(store, options);
    const layout = imageLayout(arrays.images);
    const ends = await store.requiredArray('meta/episode_ends');
    const bounds = [0, ...(await ends.floats(0, ends.rows))];
    const size = options.imageSize;
    const name = basename(resolve(source));
    // A folder of chunks has no one hash.
    const hash = (await stat(source)).isFile() ? hashOnce({ path: source, name }) : null;
    return {
      name: 'zarr',
      header: {
        task: options.task ?? null,
        actionRepeat: options.actionRepeat ?? 1,
        controlTimestep: null,
        images: [
          {
            name: imageName(options.camera ?? 'img'),
            height: size ?? layout.height,
            width: size ?? layout.width,
            channels: layout.channels,
          },
        ],
        renderer: null,
        actionSize: arrays.actions.rowSize,
        stateSize: arrays.states.reduce((sum, array) => sum + array.rowSize, 0),
      },
      lossy: size !== undefined && (size !== layout.height || size !== layout.width),
      defaultCodec: 'brotli',
      details: {},
      units: bounds.slice(1).map((to, i) => ({
        name: `episode_${i}`,
        read: async () => ({
          episodes: [await readEpisode(name, `episode_${i}`, arrays, layout, [bounds[i] ?? 0, to], options)],
          files: hash === null ? [] : [await hash()],
        }),
      })),
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function findArrays(store: ZarrStore, options: OpenOptions): Promise<Arrays> {
  const rewardKey = options.reward === undefined || options.reward === 'dense' ? 'reward' : options.reward;
  return {
    images: await store.requiredArray(`data/${options.camera ?? 'img'}`),
    actions: await store.requiredArray('data/action'),
    states: await Promise.all((options.stateKeys ?? []).map((key) => store.requiredArray(`data/${key}`))),
    rewards: await store.array(`data/${rewardKey}`),
  };
}

interface Layout {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly channelsFirst: boolean;
}

function imageLayout(images: ZarrArray): Layout {
  const [, a = 0, b = 0, c = 0] = images.shape;
  if (images.shape.length === 4 && (c === 3 || c === 1))
    return { height: a, width: b, channels: c, channelsFirst: false };
  if (images.shape.length === 4 && (a === 3 || a === 1))
    return { height: b, width: c, channels: a, channelsFirst: true };
  throw new InputError(
    `${images.name} is of shape [${images.shape}], expected [steps, height, width, 3 or 1].`,
  );
}

async function readEpisode(
  file: string,
  id: string,
  { images, actions, states, rewards }: Arrays,
  layout: Layout,
  [from, to]: readonly [number, number],
  options: OpenOptions,
): Promise<SourceEpisode> {
  const rows = to - from;
  const recorded = toBytes(await images.readWhole(from, to), images.name);
  const pixels = layout.channelsFirst
    ? channelsLast(recorded, layout.channels, layout.height * layout.width)
    : recorded;
  const columns = await Promise.all(states.map((array) => array.floats(from, to)));
  const state = Array.from({ length: rows }, (_, row) =>
    columns.flatMap((values, i) => {
      const size = states[i]?.rowSize ?? 0;
      return [...values.subarray(row * size, (row + 1) * size)];
    }),
  ).flat();
  return followingEpisode(
    {
      id,
      observations: rows,
      images: {
        [imageName(options.camera ?? 'img')]:
          options.imageSize === undefined
            ? pixels
            : await resizeFrames(pixels, { ...layout, frames: rows }, options.imageSize),
      },
      ...(states.length > 0 && { state: Float32Array.from(state) }),
      actions: await actions.floats(from, to),
      actionSize: actions.rowSize,
      rewards: (await rewards?.floats(from, to)) ?? null,
      terminated: false,
      truncated: true,
      source: { file, rows: [from, to] },
    },
    options.reward,
  );
}

/** Some stores keep 0 … 255 as floats; a fraction would be lost silently, so it is refused. */
function toBytes(values: ArrayLike<number | bigint>, name: string): Uint8Array {
  if (values instanceof Uint8Array) return values;
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number(values[i]);
    if (bytes[i] !== Number(values[i]))
      throw new InputError(`${name} holds ${values[i]}; whole numbers from 0 to 255 are expected.`);
  }
  return bytes;
}
