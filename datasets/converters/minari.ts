/**
 * Minari: a folder with `main_data.hdf5` (and `metadata.json`), `episode_k` with `observations` (T + 1 rows; nested
 * groups for Dict and Tuple spaces), `actions`, `rewards`, `terminations`, `truncations`. Images are raw arrays or,
 * by default in newer versions, JPEG files as rows: which of the two is seen from the data.
 */

import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { imageName } from '../imageName.js';
import { Hdf5File } from '../sources/hdf5.js';
import type { ConversionSource, SourceEpisode } from './conversion.js';
import { followingEpisode } from './followingRows.js';
import {
  chooseCamera,
  datasetPaths,
  describeImages,
  joined,
  type RecordedImages,
  readImages,
  readState,
} from './hdf5Episodes.js';
import type { OpenOptions } from './openOptions.js';
import type { SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';

const DATA_FILE = 'main_data.hdf5';
const metadataSchema = z.object({ dataset_id: z.string().optional(), data_format: z.string().optional() });

export async function openMinari(source: string, options: OpenOptions): Promise<ConversionSource> {
  const file = await dataFile(source);
  const metadata = await readMetadata(dirname(file.path));
  const hdf5 = await Hdf5File.open(file.path, file.name);
  try {
    const episodes = hdf5
      .keys('/')
      .filter((name) => /^episode_\d+$/.test(name))
      .sort((a, b) => Number(a.slice(8)) - Number(b.slice(8)));
    const first = episodes[0];
    if (first === undefined) throw new InputError(`${file.name} has no episodes (episode_0, …).`);
    const camera = chooseCamera(hdf5, `${first}/observations`, observationPaths(hdf5, first), options.camera);
    const recorded = await describeImages(
      hdf5.requiredDataset(joined(`${first}/observations`, camera)),
      camera,
    );
    const stateKeys = options.stateKeys ?? [];
    const hash = hashOnce(file);
    const size = options.imageSize;
    return {
      name: 'Minari',
      header: {
        task: options.task ?? metadata.dataset_id ?? null,
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
        actionSize: hdf5.requiredDataset(`${first}/actions`).rowSize,
        stateSize: stateKeys.reduce(
          (sum, key) => sum + hdf5.requiredDataset(`${first}/observations/${key}`).rowSize,
          0,
        ),
      },
      lossy: recorded.isJpeg || (size !== undefined && (size !== recorded.height || size !== recorded.width)),
      defaultCodec: 'brotli',
      details: { dataset: metadata.dataset_id ?? null },
      units: episodes.map((episode) => ({
        name: episode,
        read: async () => ({
          episodes: [await readEpisode(hdf5, file, episode, camera, recorded, stateKeys, options)],
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

async function readEpisode(
  hdf5: Hdf5File,
  file: SourceFile,
  id: string,
  camera: string,
  recorded: RecordedImages,
  stateKeys: readonly string[],
  options: OpenOptions,
): Promise<SourceEpisode> {
  const observations = `${id}/observations`;
  const images = hdf5.requiredDataset(joined(observations, camera));
  const actions = hdf5.requiredDataset(`${id}/actions`);
  const rewardKey = options.reward === undefined || options.reward === 'dense' ? 'rewards' : options.reward;
  const rewards = hdf5.dataset(`${id}/${rewardKey}`);
  const rows = images.rows;
  const ends = (key: string): boolean => {
    const flags = hdf5.dataset(`${id}/${key}`);
    return flags !== null && flags.rows > 0 && flags.floats(flags.rows - 1, flags.rows)[0] === 1;
  };
  return followingEpisode(
    {
      id,
      observations: rows,
      images: {
        [imageName(camera)]: await readImages(
          images,
          0,
          rows,
          options.imageSize,
          recorded,
          `${id}/${camera}`,
        ),
      },
      ...(stateKeys.length > 0 && {
        state: readState(hdf5, observations, stateKeys, (dataset) => dataset.floats(0, rows), rows),
      }),
      actions: actions.floats(0, actions.rows),
      actionSize: actions.rowSize,
      rewards: rewards?.floats(0, rewards.rows) ?? null,
      terminated: ends('terminations'),
      truncated: ends('truncations'),
      source: { file: file.name, rows: [0, rows] },
    },
    options.reward,
  );
}

/** A Box observation is a dataset itself; its path is then empty. */
function observationPaths(hdf5: Hdf5File, episode: string): string[] {
  const path = `${episode}/observations`;
  return hdf5.dataset(path) === null ? datasetPaths(hdf5, path) : [''];
}

async function dataFile(source: string): Promise<SourceFile> {
  for (const path of [source, join(source, DATA_FILE), join(source, 'data', DATA_FILE)])
    if ((await stat(path).catch(() => null))?.isFile()) return { path, name: DATA_FILE };
  throw new InputError(
    `${source} has no ${DATA_FILE}: give the folder of a Minari dataset in its HDF5 format (not arrow).`,
  );
}

async function readMetadata(folder: string): Promise<z.output<typeof metadataSchema>> {
  const text = await readFile(join(folder, 'metadata.json'), 'utf8').catch(() => null);
  if (text === null) return {};
  try {
    return metadataSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new InputError(`metadata.json cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}
