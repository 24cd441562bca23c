/** A resumed run's experience as it was at its checkpoint, from the episodes that lie on the disk. */
import type { Dataset } from '../../datasets/reader.js';
import type { PriorInterventions } from '../replay/priorInterventions.js';
import { ReplayBuffer, type ReplayLayout } from '../replay/replayBuffer.js';
import type { Checkpoint } from './checkpoint.js';
import { wantedEpisodes } from './priorData.js';

/** What a resumed run had seen until its checkpoint. */
export interface Seen {
  readonly checkpoint: Checkpoint;
  /** Its finished episodes. */
  readonly replay: Dataset;
}

/** Adds what people did until the checkpoint, in the order in which they did it. */
export async function recallInterventions(
  interventions: PriorInterventions,
  layout: ReplayLayout,
  { checkpoint, replay }: Seen,
  signal: AbortSignal,
): Promise<void> {
  const indices: number[] = [];
  const finished = Array.from({ length: checkpoint.state.replayEpisodes }, (_, index) => index);
  let index = 0;
  // Images of the other episodes are not unpacked.
  for await (const episode of replay.episodes({ indices: finished, images: false })) {
    if (signal.aborted) return;
    if (episode.interventions?.includes(1)) indices.push(index);
    index++;
  }
  for await (const episode of wantedEpisodes(replay, layout, indices)) {
    if (signal.aborted) return;
    interventions.addEpisode(episode);
  }
  if (checkpoint.episode !== null) interventions.addEpisode({ ...checkpoint.episode, terminated: false });
}

/** The replay as it was at the checkpoint: every row under its old number, as far as it is still held. */
export async function refill(
  layout: ReplayLayout,
  capacity: number,
  seeds: readonly Dataset[],
  resumed: Seen | undefined,
  signal: AbortSignal,
): Promise<ReplayBuffer> {
  const { checkpoint, replay: recorded } = resumed ?? {};
  const sources = [
    ...seeds.map((dataset) => ({ dataset, episodes: dataset.length })),
    ...(recorded && checkpoint ? [{ dataset: recorded, episodes: checkpoint.state.replayEpisodes }] : []),
  ];
  const episodes = sources.flatMap(({ dataset, episodes }) =>
    Array.from({ length: episodes }, (_, index) => ({
      dataset,
      index,
      rows: dataset.entry(index).steps + 1,
    })),
  );
  const total =
    episodes.reduce((sum, { rows }) => sum + rows, 0) +
    (checkpoint?.episode == null ? 0 : checkpoint.episode.length + 1);
  let firstRow = 0;
  let skipped = 0;
  for (const { rows } of episodes) {
    if (firstRow + rows > total - capacity) break;
    firstRow += rows;
    skipped++;
  }
  const buffer = new ReplayBuffer(layout, capacity, firstRow);
  for (const { dataset } of sources) {
    const indices = episodes
      .slice(skipped)
      .flatMap((entry) => (entry.dataset === dataset ? entry.index : []));
    for await (const episode of wantedEpisodes(dataset, layout, indices)) {
      if (signal.aborted) return buffer;
      buffer.addEpisode(episode);
    }
  }
  if (checkpoint?.episode != null) buffer.addEpisode({ ...checkpoint.episode, terminated: false });
  return buffer;
}
