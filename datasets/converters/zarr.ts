/**
 * zarr, as Diffusion Policy writes it: `data/img`, `data/state`, `data/action` over all steps of all episodes, and
 * `meta/episode_ends`. Row t is observation t and the action chosen on it.
 */

import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { InputError } from '../../src/errors.js';
import { type ZarrArray, ZarrStore } from '../sources/zarr.js';
import type { PictureColumn } from './camera.js';
import { usualColumns } from './columnNames.js';
import type { ConversionSource } from './conversionSource.js';
import { type OpenOptions, refuseOptions } from './openOptions.js';
import { isPictureLike } from './pictureArrays.js';
import { Remarks } from './remarks.js';
import { hashOnce } from './sourceHash.js';
import { statedAlignment, statedChannelOrder } from './statedConventions.js';
import { openSteps } from './steps.js';
import type { NumberColumn, StepFormat, StepTable } from './stepTable.js';

const DATA = 'data';
const ENDS = 'meta/episode_ends';

export async function openZarr(source: string, options: OpenOptions): Promise<ConversionSource> {
  refuseOptions('a zarr store', options, ['split']);
  return openSteps(openStore(source), options);
}

async function openStore(source: string): Promise<StepFormat> {
  const store = await ZarrStore.open(source);
  try {
    const remarks = new Remarks();
    const { arrays, unread } = await arraysOf(store);
    const bounds = await episodeBounds(store, arrays, remarks);
    const name = basename(resolve(source));
    // A folder of chunks has no one hash.
    const hash = (await stat(source)).isFile() ? hashOnce({ path: source, name }) : null;
    const attributes = await Promise.all(
      ['', DATA, 'meta', ENDS, ...[...arrays.keys()].map((key) => `${DATA}/${key}`)].map((path) =>
        store.attributes(path),
      ),
    );
    const orders = new Map(
      await Promise.all(
        [...arrays.keys()].map(
          async (key) => [key, statedChannelOrder(await store.attributes(`${DATA}/${key}`))] as const,
        ),
      ),
    );
    return {
      name: 'zarr',
      path: name,
      place: source,
      task: null,
      controlTimestep: null,
      columns: usualColumns(),
      endsOf: 'step',
      alignment: statedAlignment(attributes, remarks) ?? 'chosen',
      stateKeys: [],
      actionBox: null,
      rewardIsSuccess: false,
      details: {},
      remarks,
      units: bounds.slice(1).map((to, i) => ({
        name: `episode_${i}`,
        read: async () => ({
          table: {
            ...episodeTable(name, `episode_${i}`, arrays, orders, [bounds[i] ?? 0, to], remarks),
            unread,
          },
          files: async () => (hash === null ? [] : [await hash()]),
        }),
      })),
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface FoundArrays {
  /** By their paths within `data`. */
  readonly arrays: ReadonlyMap<string, ZarrArray>;
  /** Sentences about what cannot be read. */
  readonly unread: readonly string[];
}

async function arraysOf(store: ZarrStore, group = DATA): Promise<FoundArrays> {
  const arrays = new Map<string, ZarrArray>();
  const unread: string[] = [];
  for (const key of await store.list(group)) {
    const path = `${group}/${key}`;
    const array = await store.array(path);
    const type = array === null ? await store.typeName(path) : null;
    if (array !== null) arrays.set(path.slice(DATA.length + 1), array);
    else if (type !== null)
      unread.push(`${path} is of type ${type}, which cannot be read here: write it as float32 or uint8.`);
    else {
      const inner = await arraysOf(store, path);
      for (const [name, found] of inner.arrays) arrays.set(name, found);
      unread.push(...inner.unread);
    }
  }
  return { arrays, unread };
}

/** 0, and where each episode ends. @throws InputError where ends and rows do not fit each other */
async function episodeBounds(
  store: ZarrStore,
  arrays: ReadonlyMap<string, ZarrArray>,
  remarks: Remarks,
): Promise<number[]> {
  const ends = await store.requiredArray(ENDS);
  const bounds = [0, ...Array.from(await ends.read(0, ends.rows), Number)];
  if (ends.shape.length !== 1 || !bounds.every(Number.isInteger))
    throw new InputError(
      `${ends.name} is not one row of whole numbers: where each episode ends is expected.`,
    );
  const lost = ends.missingChunk();
  if (lost !== undefined) throw new InputError(`${ends.name} lacks its chunk ${lost}: it is not whole.`);
  const wrong = bounds.findIndex((end, i) => i > 0 && !(end > (bounds[i - 1] as number)));
  if (wrong > 0)
    throw new InputError(
      `${ends.name} says ${bounds[wrong]} after ${bounds[wrong - 1]}: where episodes end has to grow.`,
    );
  const [[first, { rows = 0 } = {}] = ['', {}], ...others] = arrays;
  const other = others.find(([, array]) => array.rows !== rows);
  if (other !== undefined)
    throw new InputError(
      `${store.name} has ${rows} rows of data/${first} and ${other[1].rows} of data/${other[0]}; as many are expected.`,
    );
  const last = bounds.at(-1) ?? 0;
  if (last > rows)
    throw new InputError(`${ends.name} ends the last episode at row ${last}; the arrays have ${rows} rows.`);
  if (last < rows)
    remarks.add(
      `The arrays have ${rows} rows, and the last episode ends at row ${last}: ${rows - last === 1 ? '1 row belongs' : `${rows - last} rows belong`} to no episode and ${rows - last === 1 ? 'is' : 'are'} left out.`,
    );
  return bounds;
}

function episodeTable(
  file: string,
  id: string,
  arrays: ReadonlyMap<string, ZarrArray>,
  orders: ReadonlyMap<string, PictureColumn['channelOrder']>,
  [start, end]: readonly [number, number],
  remarks: Remarks,
): StepTable {
  const pictures = new Map<string, PictureColumn>();
  const numbers = new Map<string, NumberColumn>();
  const rows = end - start;
  for (const [key, array] of arrays) {
    const shape = array.shape.slice(1);
    if (isPictureLike(shape, array.dtype)) {
      const read = (from: number, to: number) => array.readWhole(start + from, start + to);
      const channelOrder = orders.get(key);
      pictures.set(key, {
        kind: 'array',
        name: `${id}/${key}`,
        rows,
        shape,
        type: array.dtype,
        read,
        ...(channelOrder && { channelOrder }),
      });
    } else if (/^(u?int|float|bool)/.test(array.dtype))
      numbers.set(key, {
        name: `${id}/${key}`,
        rows,
        size: array.rowSize,
        isWhole: /^(u?int|bool)/.test(array.dtype),
        read: async (from, to) => {
          const values = await array.floats(start + from, start + to);
          const lost = array.missingChunk();
          if (lost !== undefined)
            remarks.add(
              `data/${key} lacks its chunk ${lost}: its numbers are read as the fill value, as zarr has it where all of them are equal to it.`,
            );
          return values;
        },
      });
  }
  return { id, source: { file, rows: [start, end] }, pictures, numbers, steps: numbers };
}
