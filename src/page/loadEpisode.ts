/** An episode with its pictures, as the server has it. */
import { type DatasetDetails, type EpisodeValues, episodeSchema } from '../serve/protocol.js';
import { ask, askBytes, type Query } from './server.js';

export interface LoadedEpisode {
  readonly values: EpisodeValues;
  /** By image, in the dataset's order. */
  readonly pixels: readonly Uint8Array[];
}

export async function loadEpisode({ id, images }: DatasetDetails, number: number): Promise<LoadedEpisode> {
  const query: Query = [
    ['dataset', id],
    ['episode', String(number)],
  ];
  const frames = images.map(({ name }) => askBytes('frames', [...query, ['image', name]]));
  const [values, pixels] = await Promise.all([ask(episodeSchema, 'episode', query), Promise.all(frames)]);
  return { values, pixels };
}
