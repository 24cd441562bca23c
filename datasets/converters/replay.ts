/**
 * A run's online replay as a dataset of its own: episodes pass as they are. A run keeps it in `RUN/replay`, in
 * shards that end where its checkpoints were; what the manifest lists so far is what is converted.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../src/errors.js';
import { headerOf, MANIFEST_FILE } from '../manifest.js';
import { openDataset } from '../reader.js';
import type { ConversionSource } from './conversion.js';
import type { OpenOptions } from './openOptions.js';
import { resizeFrames } from './resizeFrames.js';

const REPLAY_FOLDER = 'replay';

/** @param source a run's folder, or a dataset's @throws InputError where it is neither */
export async function openReplay(source: string, options: OpenOptions): Promise<ConversionSource> {
  for (const [flag, value] of [
    ['--state', options.stateKeys],
    ['--camera', options.camera],
    ['--reward', options.reward],
    ['--action-repeat', options.actionRepeat],
  ] as const)
    if (value !== undefined)
      throw new InputError(`${flag} does not go with a replay, which says itself what its arrays are.`);
  const inRun = join(source, REPLAY_FOLDER);
  const folder = (await stat(join(inRun, MANIFEST_FILE)).catch(() => null)) === null ? source : inRun;
  const dataset = await openDataset(folder);
  const { manifest } = dataset;
  const { codec, provenance, ...header } = headerOf(manifest);
  const size = options.imageSize;
  const images = manifest.images.map((image) => ({
    ...image,
    height: size ?? image.height,
    width: size ?? image.width,
  }));
  const isResized = manifest.images.some(
    ({ height, width }) => (size ?? height) !== height || (size ?? width) !== width,
  );
  const numbers = Array.from({ length: dataset.length }, (_, number) => number);
  return {
    name: provenance.source,
    header: { ...header, task: options.task ?? header.task, images },
    lossy: provenance.lossy || isResized,
    defaultCodec: codec,
    details: provenance.details,
    units: numbers.map((number) => ({
      name: dataset.entry(number).id,
      read: async () => {
        const episode = await dataset.episode(number);
        if (!isResized || size === undefined) return { episodes: [{ episode, problems: [] }], files: [] };
        const resized: Record<string, Uint8Array> = {};
        for (const { name, height, width, channels } of manifest.images) {
          const shape = { frames: episode.length + 1, height, width, channels };
          resized[name] = await resizeFrames(episode.images[name] ?? new Uint8Array(), shape, size);
        }
        return { episodes: [{ episode: { ...episode, images: resized }, problems: [] }], files: [] };
      },
    })),
    close: async () => {},
  };
}
