/**
 * robomimic: one HDF5 file, `data/demo_i` with `actions`, `rewards`, `dones`, `obs/KEY` and usually `next_obs/KEY`,
 * all of N rows. Row t is observation t, the action chosen on it and what came of it; the observation after the last
 * action is the last row of `next_obs`. Without `next_obs` the last action is dropped.
 */

import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { imageName } from '../imageName.js';
import { type Hdf5Dataset, Hdf5File } from '../sources/hdf5.js';
import type { ConversionSource, SourceEpisode } from './conversion.js';
import { followingEpisode } from './followingRows.js';
import {
  chooseCamera,
  datasetPaths,
  describeImages,
  type RecordedImages,
  readImages,
  readState,
} from './hdf5Episodes.js';
import type { OpenOptions } from './openOptions.js';
import { findSourceFiles, type SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';

export interface RobomimicOptions extends OpenOptions {
  /** Only the demonstrations of this filter key, from `mask/`. */
  readonly split?: string;
}

const environmentArguments = z.object({ env_name: z.string() });

export async function openRobomimic(source: string, options: RobomimicOptions): Promise<ConversionSource> {
  const [file, ...others] = await findSourceFiles(source, ['.hdf5', '.h5']);
  if (file === undefined || others.length > 0)
    throw new InputError(`${source} has ${others.length + 1} HDF5 files: name the one to convert.`);
  const hdf5 = await Hdf5File.open(file.path, file.name);
  try {
    const demos = demonstrations(hdf5, options.split);
    const first = demos[0] as string;
    const observation = `data/${first}/obs`;
    const camera = chooseCamera(hdf5, observation, datasetPaths(hdf5, observation), options.camera);
    const recorded = await describeImages(hdf5.requiredDataset(`${observation}/${camera}`), camera);
    const stateKeys = options.stateKeys ?? [];
    const hash = hashOnce(file);
    const size = options.imageSize;
    return {
      name: 'robomimic',
      header: {
        task: options.task ?? environmentName(hdf5),
        actionRepeat: options.actionRepeat ?? 1,
        controlTimestep: null,
        images: [
          {
            name: imageName(camera),
            height: size ?? recorded.height,
            width: size ?? recorded.width,
            channels: recorded.channels,
          },
        ],
        renderer: null,
        actionSize: hdf5.requiredDataset(`data/${first}/actions`).rowSize,
        stateSize: stateKeys.reduce(
          (sum, key) => sum + hdf5.requiredDataset(`${observation}/${key}`).rowSize,
          0,
        ),
      },
      lossy: recorded.isJpeg || (size !== undefined && (size !== recorded.height || size !== recorded.width)),
      defaultCodec: 'brotli',
      details: { split: options.split ?? null },
      units: demos.map((demo) => ({
        name: demo,
        read: async () => ({
          episodes: [await readDemo(hdf5, file, demo, camera, recorded, stateKeys, options)],
          files: [await hash()],
        }),
      })),
      close: async () => hdf5.close(),
    };
  } catch (error) {
    hdf5.close();
    throw error;
  }
}

async function readDemo(
  hdf5: Hdf5File,
  file: SourceFile,
  demo: string,
  camera: string,
  recorded: RecordedImages,
  stateKeys: readonly string[],
  options: RobomimicOptions,
): Promise<SourceEpisode> {
  const group = `data/${demo}`;
  const actions = hdf5.requiredDataset(`${group}/actions`);
  const rows = actions.rows;
  const hasNext = hdf5.dataset(`${group}/next_obs/${camera}`) !== null;
  const images = (part: string, from: number, to: number): Promise<Uint8Array> =>
    readImages(
      hdf5.requiredDataset(`${group}/${part}/${camera}`),
      from,
      to,
      options.imageSize,
      recorded,
      `${demo}/${camera}`,
    );
  const pixels = hasNext
    ? Buffer.concat([await images('obs', 0, rows), await images('next_obs', rows - 1, rows)])
    : await images('obs', 0, rows);
  const all = (dataset: Hdf5Dataset): Float32Array => dataset.floats(0, rows);
  const last = (dataset: Hdf5Dataset): Float32Array => dataset.floats(rows - 1, rows);
  const state = [
    ...readState(hdf5, `${group}/obs`, stateKeys, all, rows),
    ...(hasNext ? readState(hdf5, `${group}/next_obs`, stateKeys, last, 1) : []),
  ];
  const rewardKey = options.reward === undefined || options.reward === 'dense' ? 'rewards' : options.reward;
  const dones = hdf5.dataset(`${group}/dones`);
  const terminated = hasNext && dones !== null && dones.floats(rows - 1, rows)[0] === 1;
  return followingEpisode(
    {
      id: demo,
      observations: hasNext ? rows + 1 : rows,
      images: { [imageName(camera)]: pixels },
      ...(stateKeys.length > 0 && { state: Float32Array.from(state) }),
      actions: actions.floats(0, rows),
      actionSize: actions.rowSize,
      rewards: hdf5.dataset(`${group}/${rewardKey}`)?.floats(0, rows) ?? null,
      terminated,
      truncated: !terminated,
      source: { file: file.name, rows: [0, rows] },
    },
    options.reward,
  );
}

/** In the order of their numbers: demo_2 before demo_10. */
function demonstrations(hdf5: Hdf5File, split: string | undefined): string[] {
  const all = hdf5.keys('data').filter((name) => /^demo_\d+$/.test(name));
  const wanted = split === undefined ? null : hdf5.requiredDataset(`mask/${split}`).strings();
  const demos = all.filter((name) => wanted === null || wanted.includes(name));
  if (demos.length === 0)
    throw new InputError(`${hdf5.name} has no demonstrations (data/demo_0, …) to convert.`);
  return demos.sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
}

function environmentName(hdf5: Hdf5File): string | null {
  const text = hdf5.attribute('data', 'env_args');
  if (typeof text !== 'string') return null;
  try {
    return environmentArguments.parse(JSON.parse(text)).env_name;
  } catch {
    return null;
  }
}
