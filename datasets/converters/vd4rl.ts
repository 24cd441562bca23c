/**
 * V-D4RL: the published image datasets of the dm_control suite. At 64 px a file is one episode (`.npz`), at 84 px
 * a file is many (`.hdf5`).
 *
 * Row t of a file holds image t with the action that led to it and the reward received on arriving there (row 0:
 * zeros). Here action t follows observation t, so row t ≥ 1 becomes o[t−1] = image[t−1], a[t−1] = action[t],
 * r[t−1] = reward[t]. Rewards are already summed over the action repeat.
 */
import { dirname, join } from 'node:path';
import { InputError } from '../../src/errors.js';
import type { ConversionSource } from './conversionSource.js';
import { CHOICES_OF_ARRAYS, type OpenOptions, refuseOptions } from './openOptions.js';
import { findSourceFiles } from './sourceFiles.js';
import { openVd4rlHdf5 } from './vd4rlHdf5.js';
import { openVd4rlNpz } from './vd4rlNpz.js';
import { placeOf } from './vd4rlPlace.js';

export async function openVd4rl(source: string, options: OpenOptions): Promise<ConversionSource> {
  refuseOptions('V-D4RL', options, CHOICES_OF_ARRAYS);
  const files = await findSourceFiles(source, ['.npz', '.hdf5']);
  const isHdf5 = files.map((file) => file.name.toLowerCase().endsWith('.hdf5'));
  if (isHdf5.includes(true) && isHdf5.includes(false))
    throw new InputError(`${source} has .npz and .hdf5 files: convert its 64px and 84px folders one by one.`);
  const place = placeOf(source);
  const task = options.task ?? place.task;
  if (task === null)
    throw new InputError(
      `The task cannot be read off ${source}: say which with --task, for example --task walker-walk.`,
    );
  const folders = [...new Set(files.map(({ name }) => dirname(name)))].sort();
  const tasks = new Set(folders.map((folder) => placeOf(join(source, folder)).task));
  if (tasks.size > 1)
    throw new InputError(
      `${source} has files of several tasks (${[...tasks].join(', ')}): convert the folder of each by itself.`,
    );
  const opening = { ...options, place: source, task, level: place.level };
  const opened = await (isHdf5[0] === true ? openVd4rlHdf5(files, opening) : openVd4rlNpz(files, opening));
  if (folders.length > 1)
    opened.remarks.add(
      `The files lie in ${folders.length} folders, which are converted together: ${folders.slice(0, 10).join(', ')}${folders.length > 10 ? ' …' : ''}.`,
    );
  return opened;
}
