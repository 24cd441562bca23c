/** A part of an episode, as an episode. */
import { type Episode, type EpisodeLayout, frameBytes } from '../episode.js';

/**
 * Observations `first` to `last`, with the steps between them. Where the end is cut off, what follows is a recording
 * that stops: it is truncated, and a success that was recorded may lie in what is gone, so that nothing says it any more.
 */
export function cutEpisode(episode: Episode, layout: EpisodeLayout, first: number, last: number): Episode {
  const { id, length, images, state, actions, rewards, terminated, truncated, success } = episode;
  const { interventions, instruction, extra, source } = episode;
  const isEndCut = last < length;
  const keepsSuccess = success !== undefined && !(success && isEndCut);
  const observations = <A extends Uint8Array | Float32Array>(values: A, size: number) =>
    values.slice(first * size, (last + 1) * size) as A;
  const steps = <A extends Uint8Array | Float32Array>(values: A, size: number) =>
    values.slice(first * size, last * size) as A;
  return {
    id,
    length: last - first,
    images: Object.fromEntries(
      layout.images.flatMap((image) => {
        const frames = images[image.name];
        return frames === undefined ? [] : [[image.name, observations(frames, frameBytes(image))]];
      }),
    ),
    ...(state && { state: observations(state, layout.stateSize) }),
    actions: steps(actions, layout.actionSize),
    rewards: steps(rewards, 1),
    terminated: terminated && !isEndCut,
    truncated: truncated || isEndCut,
    ...(keepsSuccess && { success }),
    ...(interventions && { interventions: steps(interventions, 1) }),
    ...(instruction !== undefined && { instruction }),
    ...(extra && {
      extra: Object.fromEntries(
        Object.entries(extra).map(([name, values]) => {
          const { per, size } = layout.extra[name] ?? { per: 'action', size: 1 };
          return [name, (per === 'observation' ? observations : steps)(values, size)];
        }),
      ),
    }),
    ...(source && {
      source: {
        file: source.file,
        rows: [source.rows[0] + first, source.rows[1] - (length - last)] as const,
      },
    }),
  };
}
