/** Which of a dataset's episodes the list shows, and in which order. */
import { type Labels, labelledSuccess, qualityOf } from '../../datasets/editing/labels.js';
import type { EpisodeSummary } from '../serve/protocol.js';

/** As they lie, or by one of their numbers. */
export const episodeOrders = {
  recorded: 'as recorded',
  best: 'highest return first',
  worst: 'lowest return first',
  longest: 'longest first',
  shortest: 'shortest first',
} as const;

export const episodeShows = {
  all: 'all',
  success: 'successes',
  failure: 'failures',
  intervention: 'with interventions',
  good: 'marked good',
  bad: 'marked bad',
  notBad: 'not marked bad',
  unmarked: 'neither good nor bad',
} as const;

export interface EpisodeChoice {
  readonly order: keyof typeof episodeOrders;
  readonly show: keyof typeof episodeShows;
  /** Part of an id; '' for any. */
  readonly text: string;
}

const compare: Readonly<
  Record<EpisodeChoice['order'], ((a: EpisodeSummary, b: EpisodeSummary) => number) | undefined>
> = {
  recorded: undefined,
  best: (a, b) => b.return - a.return,
  worst: (a, b) => a.return - b.return,
  longest: (a, b) => b.steps - a.steps,
  shortest: (a, b) => a.steps - b.steps,
};

/**
 * Numbers of the episodes; equal ones stay as they lie. A label says in place of the record whether one succeeded.
 * @param interventions steps in which a person took over, by episode; undefined where that is not known yet
 */
export function chooseEpisodes(
  episodes: readonly EpisodeSummary[],
  { order, show, text }: EpisodeChoice,
  interventions: readonly (number | null)[] | undefined,
  labels: Labels = {},
): number[] {
  const wanted = text.toLowerCase();
  const numbers = episodes.flatMap((episode, number) => {
    const label = labels[episode.id];
    const [success, quality] = [labelledSuccess(label, episode.success), qualityOf(label)];
    const shown: Readonly<Record<EpisodeChoice['show'], boolean>> = {
      all: true,
      success: success === true,
      failure: success === false,
      intervention: (interventions?.[number] ?? 0) > 0,
      good: quality === 'good',
      bad: quality === 'bad',
      notBad: quality !== 'bad',
      unmarked: quality === 'none',
    };
    const isShown = shown[show];
    return isShown && episode.id.toLowerCase().includes(wanted) ? [number] : [];
  });
  const before = compare[order];
  if (before === undefined) return numbers;
  return numbers.sort((a, b) => before(episodes[a] as EpisodeSummary, episodes[b] as EpisodeSummary));
}
