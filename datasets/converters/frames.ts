/**
 * Folders of pictures: one folder an episode, with its frames as PNG, JPEG or WebP files in the order of their names
 * and one table, `steps.csv` or `steps.jsonl`. Row t of the table belongs to frame t: the action chosen on seeing it
 * (`action`, or `action_0`, `action_1` …), the `reward` that came of it, optionally `state…` (one row for each frame),
 * `terminated` and `truncated`. The last frame needs no row.
 */

import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../../src/errors.js';
import { imageName } from '../imageName.js';
import { readTable, type Table } from '../sources/table.js';
import type { ConversionSource, UnitContent } from './conversion.js';
import { decodeImages, type ImageSize, imageSizeOf } from './decodeImages.js';
import { followingEpisode } from './followingRows.js';
import type { OpenOptions } from './openOptions.js';
import { findSourceFiles, type SourceFile } from './sourceFiles.js';
import { hashFile } from './sourceHash.js';

const TABLES = ['steps.csv', 'steps.jsonl'];
const IMAGES = ['.png', '.jpg', '.jpeg', '.webp'];

export async function openFrames(source: string, options: OpenOptions): Promise<ConversionSource> {
  const tables = await findSourceFiles(source, TABLES);
  const first = tables[0] as SourceFile;
  const table = await readTable(first.path, first.name);
  const images = await imagesBeside(first, options.camera);
  const recorded = await imageSizeOf(images[0] as string, first.name);
  const size =
    options.imageSize === undefined ? recorded : { height: options.imageSize, width: options.imageSize };
  const stateKeys = options.stateKeys ?? (table.column('state') === null ? [] : ['state']);
  return {
    name: 'folders of frames',
    header: {
      task: options.task ?? null,
      actionRepeat: options.actionRepeat ?? 1,
      controlTimestep: null,
      images: [{ name: imageName(options.camera), height: size.height, width: size.width, channels: 3 }],
      renderer: null,
      actionSize: requiredColumn(table, 'action', first.name).size,
      stateSize: stateKeys.reduce((sum, key) => sum + requiredColumn(table, key, first.name).size, 0),
    },
    lossy: options.imageSize !== undefined || recorded.format === 'jpeg',
    defaultCodec: 'brotli',
    details: {},
    units: tables.map((file) => ({
      name: dirname(file.name) === '.' ? basename(dirname(file.path)) : dirname(file.name),
      read: () => readEpisode(file, size, stateKeys, options),
    })),
    close: async () => {},
  };
}

async function readEpisode(
  file: SourceFile,
  size: ImageSize,
  stateKeys: readonly string[],
  options: OpenOptions,
): Promise<UnitContent> {
  const table = await readTable(file.path, file.name);
  const images = await imagesBeside(file, options.camera);
  const pixels = await decodeImages(images, size, options.imageSize !== undefined, (i) =>
    basename(images[i] ?? ''),
  );
  const action = requiredColumn(table, 'action', file.name);
  const rewardKey = options.reward === undefined || options.reward === 'dense' ? 'reward' : options.reward;
  const isLast = (key: string): boolean =>
    table
      .column(key)
      ?.values.subarray(0, images.length - 1)
      .at(-1) === 1;
  const terminated = isLast('terminated');
  const found = followingEpisode(
    {
      id: dirname(file.name) === '.' ? basename(dirname(file.path)) : dirname(file.name),
      observations: images.length,
      images: { [imageName(options.camera)]: pixels },
      ...(stateKeys.length > 0 && { state: joinColumns(table, stateKeys, images.length, file.name) }),
      actions: action.values,
      actionSize: action.size,
      rewards: table.column(rewardKey)?.values ?? null,
      terminated,
      // A folder is a whole recording, unless its table says otherwise.
      truncated: table.column('truncated') === null ? !terminated : isLast('truncated'),
      source: { file: file.name, rows: [0, images.length] },
    },
    options.reward,
  );
  return { episodes: [found], files: [await hashFile(file)] };
}

async function imagesBeside(table: SourceFile, camera: string | undefined): Promise<string[]> {
  const folder = camera === undefined ? dirname(table.path) : join(dirname(table.path), camera);
  const names = await readdir(folder).catch(() => []);
  const images = names.filter((name) => IMAGES.some((ending) => name.toLowerCase().endsWith(ending)));
  if (images.length < 2)
    throw new InputError(`${folder} has ${images.length} image files; an episode needs at least two.`);
  // By number where names hold numbers: 9.png comes before 10.png.
  return images.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((name) => join(folder, name));
}

function requiredColumn(table: Table, column: string, name: string): { values: Float32Array; size: number } {
  const found = table.column(column);
  if (found === null)
    throw new InputError(`${name} has no column "${column}" (or "${column}_0", "${column}_1" …).`);
  return found;
}

function joinColumns(table: Table, keys: readonly string[], rows: number, name: string): Float32Array {
  const columns = keys.map((key) => requiredColumn(table, key, name));
  const size = columns.reduce((sum, column) => sum + column.size, 0);
  if (table.rows < rows)
    throw new InputError(
      `${name} has ${table.rows} rows of state for ${rows} frames; the last frame needs one too.`,
    );
  const joined = new Float32Array(rows * size);
  for (let row = 0, at = 0; row < rows; row++)
    for (const { values, size: width } of columns) {
      joined.set(values.subarray(row * width, (row + 1) * width), at);
      at += width;
    }
  return joined;
}
