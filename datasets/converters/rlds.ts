/**
 * RLDS in TensorFlow Datasets: TFRecord files, an episode a record, its steps flattened to lists under `steps/…`.
 * Step t holds observation t, the action chosen on it and the reward that came of it; in the last step action and
 * reward mean nothing and are dropped.
 */

import { basename } from 'node:path';
import { InputError } from '../../src/errors.js';
import { imageName } from '../imageName.js';
import { FileSource } from '../sources/byteSource.js';
import { type Example, indexRecords, readExample } from '../sources/tfrecord.js';
import type { ConversionSource, ConversionUnit, SourceEpisode } from './conversion.js';
import { decodeImages, type ImageSize, imageSizeOf } from './decodeImages.js';
import { followingEpisode } from './followingRows.js';
import type { OpenOptions } from './openOptions.js';
import { findSourceFiles, type SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';

const STEPS = 'steps/';
const OBSERVATION = 'steps/observation/';

export async function openRlds(source: string, options: OpenOptions): Promise<ConversionSource> {
  // A shard is called NAME.tfrecord-00000-of-00010.
  const files = await findSourceFiles(source, ['.tfrecord'], 'anywhere');
  const opened: FileSource[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened) await file.close();
  };
  try {
    let first: { example: Example; name: string } | null = null;
    const readers: { file: SourceFile; source: FileSource; record: { offset: number; bytes: number } }[] = [];
    for (const file of files) {
      const tfrecord = await FileSource.open(file.path);
      opened.push(tfrecord);
      for (const record of await indexRecords(tfrecord, file.name)) {
        first ??= { example: await readExample(tfrecord, record, file.name), name: file.name };
        readers.push({ file, source: tfrecord, record });
      }
    }
    if (first === null)
      throw new InputError(`${source} has no episodes: no .tfrecord file with a record in it.`);
    const { example, name } = first;
    const camera = chooseCamera(example, name, options.camera);
    const images = byteValues(example, OBSERVATION + camera, name);
    const recorded = await imageSizeOf(images[0] ?? new Uint8Array(), `${name}: ${camera}`);
    const size =
      options.imageSize === undefined ? recorded : { height: options.imageSize, width: options.imageSize };
    const rowSize = (key: string): number => numberValues(example, key, name).length / images.length;
    const stateKeys = options.stateKeys ?? [];
    const hashes = new Map(files.map((file) => [file.name, hashOnce(file)]));
    return {
      name: 'RLDS',
      header: {
        task: options.task ?? null,
        actionRepeat: options.actionRepeat ?? 1,
        controlTimestep: null,
        images: [{ name: imageName(camera), height: size.height, width: size.width, channels: 3 }],
        renderer: null,
        actionSize: rowSize(`${STEPS}action`),
        stateSize: stateKeys.reduce((sum, key) => sum + rowSize(OBSERVATION + key), 0),
      },
      lossy: recorded.format === 'jpeg' || options.imageSize !== undefined,
      defaultCodec: 'brotli',
      details: {},
      units: readers.map(({ file, source: tfrecord, record }, number): ConversionUnit => {
        const id = `episode_${number}`;
        return {
          name: id,
          read: async () => ({
            episodes: [
              await readEpisode(
                id,
                await readExample(tfrecord, record, file.name),
                file,
                camera,
                size,
                options,
              ),
            ],
            files: [await (hashes.get(file.name) ?? hashOnce(file))()],
          }),
        };
      }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readEpisode(
  id: string,
  example: Example,
  file: SourceFile,
  camera: string,
  size: ImageSize,
  options: OpenOptions,
): Promise<SourceEpisode> {
  const images = byteValues(example, OBSERVATION + camera, id);
  const actions = numberValues(example, `${STEPS}action`, id);
  const rewardKey = options.reward === undefined || options.reward === 'dense' ? 'reward' : options.reward;
  const reward = example.get(STEPS + rewardKey);
  const terminal = example.get(`${STEPS}is_terminal`);
  const terminated = terminal?.kind === 'numbers' && terminal.values.at(-1) === 1;
  const columns = (options.stateKeys ?? []).map((key) => numberValues(example, OBSERVATION + key, id));
  const state = images.flatMap((_, row) =>
    columns.flatMap((values) => {
      const width = values.length / images.length;
      return [...values.subarray(row * width, (row + 1) * width)];
    }),
  );
  return followingEpisode(
    {
      id,
      observations: images.length,
      images: {
        [imageName(camera)]: await decodeImages(
          images,
          size,
          options.imageSize !== undefined,
          (i) => `${id}, step ${i}`,
        ),
      },
      ...(columns.length > 0 && { state: Float32Array.from(state) }),
      actions,
      actionSize: actions.length / images.length,
      rewards: reward?.kind === 'numbers' ? reward.values : null,
      terminated,
      truncated: !terminated,
      source: { file: basename(file.name), rows: [0, images.length] },
    },
    options.reward,
  );
}

function chooseCamera(example: Example, name: string, wanted: string | undefined): string {
  const cameras = [...example]
    .filter(
      ([key, feature]) =>
        key.startsWith(OBSERVATION) && feature.kind === 'bytes' && isImage(feature.values[0]),
    )
    .map(([key]) => key.slice(OBSERVATION.length));
  const [only, ...others] = wanted === undefined ? cameras : cameras.filter((camera) => camera === wanted);
  if (only === undefined || others.length > 0)
    throw new InputError(
      `${name}: choose the images with --camera; there are ${cameras.join(', ') || 'none'}.`,
    );
  return only;
}

/** PNG or JPEG, by the first bytes. */
function isImage(file: Uint8Array | undefined): boolean {
  const start = Buffer.from(file ?? []).toString('hex', 0, 4);
  return start === '89504e47' || start.startsWith('ffd8ff');
}

function byteValues(example: Example, key: string, name: string): readonly Uint8Array[] {
  const feature = example.get(key);
  if (feature?.kind === 'bytes') return feature.values;
  throw new InputError(`${name} has no images ${key}; it has ${[...example.keys()].join(', ')}.`);
}

function numberValues(example: Example, key: string, name: string): Float32Array {
  const feature = example.get(key);
  if (feature?.kind === 'numbers') return feature.values;
  throw new InputError(`${name} has no numbers ${key}; it has ${[...example.keys()].join(', ')}.`);
}
