/**
 * Minari's HDF5 layout: `data/main_data.hdf5` with a group an episode, and `data/metadata.json`. Observations are the
 * images alone, or a Dict of `pixels` (several images by their names), `state` and the further arrays that go with
 * observations; images are kept as arrays, not as Minari's JPEG, so nothing is lost. Actions are in the environment's own
 * units where the dataset knows its box.
 */
import { mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../src/errors.js';
import { PARTIAL_ENDING, writeFileAtomic } from '../../src/files/atomicFile.js';
import type { Episode } from '../episode.js';
import type { Manifest } from '../manifest.js';
import { Hdf5Writer } from '../sources/hdf5Writer.js';
import type { Exporter } from './exportDataset.js';

/** The version whose layout this is. */
const MINARI_VERSION = '0.5.4';
const FLOAT32_MAX = 3.4028234663852886e38;

interface Observation {
  readonly name: string;
  readonly dtype: 'uint8' | 'float32';
  /** Of one observation. */
  readonly shape: readonly number[];
  values(episode: Episode): Uint8Array | Float32Array;
}

export const exportMinari: Exporter = async (out, manifest) => {
  const folder = join(out, 'data');
  await mkdir(folder);
  const path = join(folder, 'main_data.hdf5');
  const file = await Hdf5Writer.create(path + PARTIAL_ENDING);
  const observations = observationsOf(manifest);
  return {
    async write(episode, number) {
      const group = `episode_${number}`;
      file.group(group, { id: number, total_steps: episode.length });
      if (observations.length > 1) file.group(`${group}/observations`);
      for (const { name, shape, values } of observations)
        file.array(
          observations.length > 1 ? `${group}/observations/${name}` : `${group}/observations`,
          [episode.length + 1, ...shape],
          values(episode),
          shape.length > 1,
        );
      const lastOnly = (isSet: boolean): Uint8Array =>
        Uint8Array.from({ length: episode.length }, (_, t) => Number(isSet && t === episode.length - 1));
      file.array(
        `${group}/actions`,
        [episode.length, manifest.actionSize],
        inUnits(episode.actions, manifest.actionBox),
      );
      file.array(`${group}/rewards`, [episode.length], episode.rewards);
      file.array(`${group}/terminations`, [episode.length], lastOnly(episode.terminated));
      file.array(`${group}/truncations`, [episode.length], lastOnly(episode.truncated));
      const { success, interventions } = episode;
      if (success !== undefined || interventions !== undefined) file.group(`${group}/infos`);
      if (success !== undefined) file.array(`${group}/infos/success`, [episode.length], lastOnly(success));
      if (interventions !== undefined)
        file.array(`${group}/infos/intervention`, [episode.length], interventions);
      for (const [name, { per, size }] of Object.entries(manifest.extra))
        if (per === 'action' && episode.extra?.[name] !== undefined) {
          file.group(`${group}/infos`);
          file.array(`${group}/infos/${name}`, [episode.length, size], episode.extra[name]);
        }
    },
    async finish() {
      file.close();
      await rename(path + PARTIAL_ENDING, path);
      const { size } = await stat(path);
      await writeFileAtomic(
        join(folder, 'metadata.json'),
        JSON.stringify(metadata(manifest, observations, size)),
      );
    },
    close: async () => file.close(),
  };
};

function observationsOf({ images, stateSize, extra }: Manifest) {
  const observations = images.map(
    ({ name, height, width, channels }): Observation => ({
      name: images.length === 1 ? 'pixels' : name,
      dtype: 'uint8',
      shape: [height, width, channels],
      values: (episode) => episode.images[name] ?? new Uint8Array(),
    }),
  );
  const clash = observations.find(({ name }) => name === 'state' || name in extra);
  if (clash !== undefined)
    throw new InputError(
      `Minari keeps images, state and further arrays side by side, and an image of this dataset is called "${clash.name}" as another of them: export it as lerobot.`,
    );
  if (stateSize > 0)
    observations.push({
      name: 'state',
      dtype: 'float32',
      shape: [stateSize],
      values: ({ state }) => state ?? new Float32Array(),
    });
  for (const [name, { per, size }] of Object.entries(extra))
    if (per === 'observation')
      observations.push({
        name,
        dtype: 'float32',
        shape: [size],
        values: (episode) => episode.extra?.[name] ?? new Float32Array(),
      });
  return observations;
}

function metadata(manifest: Manifest, observations: readonly Observation[], bytes: number): object {
  const boxes = observations.map(({ name, dtype, shape }) => {
    const [low, high] = dtype === 'uint8' ? [0, 255] : [-FLOAT32_MAX, FLOAT32_MAX];
    return [name, box(dtype, shape, low, high)] as const;
  });
  const observationSpace =
    boxes.length === 1 ? boxes[0]?.[1] : { type: 'Dict', subspaces: Object.fromEntries(boxes) };
  return {
    total_episodes: manifest.episodes,
    total_steps: manifest.steps,
    data_format: 'hdf5',
    jpeg_encoding: false,
    // Minari keeps spaces as JSON within JSON.
    observation_space: JSON.stringify(observationSpace),
    action_space: JSON.stringify(actionSpace(manifest)),
    dataset_id: `${manifest.task ?? 'rlpd-pixels'}-v0`,
    minari_version: MINARI_VERSION,
    dataset_size: Math.round(bytes / 1e5) / 10,
    description: `${manifest.provenance.source}; action repeat ${manifest.actionRepeat}.`,
  };
}

function actionSpace({ actionSize, actionBox }: Manifest): object {
  const shape = [actionSize];
  if (actionBox === null) return box('float32', shape, -1, 1);
  return { type: 'Box', dtype: 'float32', shape, low: actionBox.low, high: actionBox.high };
}

/** What Minari's environments take: numbers in the box that the action space states. */
function inUnits(actions: Float32Array, box: Manifest['actionBox']): Float32Array {
  if (box === null || (box.low.every((low) => low === -1) && box.high.every((high) => high === 1)))
    return actions;
  return actions.map((value, i) => {
    const [low = -1, high = 1] = [box.low[i % box.low.length], box.high[i % box.high.length]];
    return low + ((value + 1) / 2) * (high - low);
  });
}

function box(dtype: string, shape: readonly number[], low: number, high: number): object {
  return { type: 'Box', dtype, shape, low: nested(shape, low), high: nested(shape, high) };
}

/** An array of `shape` that holds one value throughout. */
function nested([size, ...rest]: readonly number[], value: number): unknown {
  return size === undefined ? value : Array.from({ length: size }, () => nested(rest, value));
}
