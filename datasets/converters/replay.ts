/**
 * A run's online replay as a dataset of its own: episodes pass as they are. A run keeps it in `RUN/replay`, in
 * shards that end where its checkpoints were; what the manifest lists so far is what is converted.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { headerOf, MANIFEST_FILE } from '../manifest.js';
import { openDataset } from '../reader.js';
import type { ConversionSource } from './conversionSource.js';
import { CHOICES_OF_ARRAYS, type OpenOptions, refuseOptions } from './openOptions.js';
import { Remarks } from './remarks.js';
import { Treatment } from './treatment.js';

const REPLAY_FOLDER = 'replay';

/** @param source a run's folder, or a dataset's @throws InputError where it is neither */
export async function openReplay(source: string, options: OpenOptions): Promise<ConversionSource> {
  refuseOptions('a replay', options, ['stateKeys', 'actionRepeat', ...CHOICES_OF_ARRAYS]);
  const inRun = join(source, REPLAY_FOLDER);
  const folder = (await stat(join(inRun, MANIFEST_FILE)).catch(() => null)) === null ? source : inRun;
  const dataset = await openDataset(folder);
  const { manifest } = dataset;
  const { codec, provenance, ...header } = headerOf(manifest);
  const remarks = new Remarks();
  if (provenance.lossy) remarks.addLossy();
  const treatments = new Map(
    manifest.images.map(({ name }) => [name, new Treatment(options.pictures ?? {}, [name], remarks)]),
  );
  const images = manifest.images.map((image) => ({
    ...image,
    ...treatments.get(image.name)?.sizeOf(image, image.name),
  }));
  const isTreated = manifest.images.some((image) => !treatments.get(image.name)?.isIdentity(image));
  const numbers = Array.from({ length: dataset.length }, (_, number) => number);
  return {
    name: provenance.source,
    place: folder,
    header: { ...header, task: options.task ?? header.task, images },
    actionBox: null,
    hasUnitActions: true,
    remarks,
    defaultCodec: codec,
    details: provenance.details,
    units: numbers.map((number) => ({
      name: dataset.entry(number).id,
      read: async () => {
        const episode = await dataset.episode(number);
        if (!isTreated) return { episodes: [{ episode, problems: [] }], files: [] };
        const treated: Record<string, Uint8Array> = {};
        for (const { name, height, width, channels } of manifest.images) {
          const shape = { frames: episode.length + 1, height, width, channels };
          const pixels = episode.images[name] ?? new Uint8Array();
          treated[name] = (await treatments.get(name)?.ofFrames(pixels, shape, name)) ?? pixels;
        }
        return { episodes: [{ episode: { ...episode, images: treated }, problems: [] }], files: [] };
      },
    })),
    close: async () => {},
  };
}
