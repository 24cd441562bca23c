/**
 * The repairs of `--on-problem fix`, each the smallest that makes an episode usable: it is cut before the first
 * number that is not finite, actions are clipped to [−1, 1], and one that never ends is marked as truncated.
 */
import { type Episode, type EpisodeLayout, frameBytes } from '../episode.js';
import { findFaults, findSuspicions, floatArrays } from '../problems.js';

/** @returns null where no repair leaves at least one usable step. */
export function fixEpisode(episode: Episode, layout: EpisodeLayout): Episode | null {
  if (findFaults(episode, layout).some((fault) => fault.kind === 'length')) return null;
  const steps = finiteSteps(episode, layout);
  if (steps < 1) return null;
  const cut = steps === episode.length ? episode : cutEpisode(episode, layout, steps);
  const fixed: Episode = {
    ...cut,
    actions: cut.actions.map((value) => Math.min(1, Math.max(-1, value))),
    truncated: cut.truncated || !cut.terminated,
  };
  return findSuspicions(fixed, layout).some((problem) => problem.severity === 'fault') ? null : fixed;
}

/** The first `steps` transitions; the rest was there but is not kept, so the end is a truncation. */
export function cutEpisode(episode: Episode, layout: EpisodeLayout, steps: number): Episode {
  // Whether it succeeded was said of its end.
  const { images, state, interventions, extra, source, success: _, ...rest } = episode;
  return {
    ...rest,
    length: steps,
    images: Object.fromEntries(
      layout.images.flatMap((image) => {
        const pixels = images[image.name];
        return pixels ? [[image.name, pixels.subarray(0, (steps + 1) * frameBytes(image))]] : [];
      }),
    ),
    ...(state && { state: state.slice(0, (steps + 1) * layout.stateSize) }),
    actions: episode.actions.slice(0, steps * layout.actionSize),
    rewards: episode.rewards.slice(0, steps),
    ...(interventions && { interventions: interventions.slice(0, steps) }),
    terminated: false,
    truncated: true,
    ...(extra && {
      extra: Object.fromEntries(
        Object.entries(extra).map(([name, values]) => {
          const { per, size } = layout.extra[name] ?? { per: 'action', size: 1 };
          return [name, values.slice(0, (per === 'action' ? steps : steps + 1) * size)];
        }),
      ),
    }),
    ...(source && { source: { file: source.file, rows: [source.rows[0], source.rows[0] + steps + 1] } }),
  };
}

/** How many transitions come before the first number that is not finite. */
function finiteSteps(episode: Episode, layout: EpisodeLayout): number {
  let steps = episode.length;
  for (const { name, values, rowSize } of floatArrays(episode, layout)) {
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    const row = Math.floor(at / rowSize);
    const perAction = name === 'actions' || name === 'rewards' || layout.extra[name]?.per === 'action';
    // Transition t needs observations t and t + 1.
    steps = Math.min(steps, perAction ? row : row - 1);
  }
  return steps;
}
