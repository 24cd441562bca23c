/** Which runs the list shows, and in which order: what runs comes first, what failed next. */
import type { RunSummary } from '../serve/protocol.js';

export const runShows = {
  all: 'all',
  running: 'running',
  stopped: 'stopped',
  finished: 'finished',
  failed: 'failed',
} as const;

const ranks: Readonly<Record<RunSummary['state'], number>> = {
  running: 0,
  failed: 1,
  stopped: 2,
  finished: 3,
};

/** @param text part of a name or task; '' for any */
export function chooseRuns(
  runs: readonly RunSummary[],
  show: keyof typeof runShows,
  text: string,
): RunSummary[] {
  const wanted = text.toLowerCase();
  return runs
    .filter(({ state }) => show === 'all' || state === show)
    .filter(({ id, task }) => `${id} ${task}`.toLowerCase().includes(wanted))
    .sort((a, b) => ranks[a.state] - ranks[b.state]);
}
