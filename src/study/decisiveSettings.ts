/** Which settings decide a run's numbers, and which leave them open. */
import type { RunConfig } from '../training/config.js';

/** Where a run's data lie, and what it keeps and says on its way: its numbers are the same whatever these are. */
const bookkeeping: readonly (keyof RunConfig)[] = [
  'dataset',
  'datasetMemory',
  'rewardClassifier',
  'checkpointInterval',
  'keepCheckpoints',
  'snapshots',
  'films',
  'logInterval',
];

/** Where a run computes, too: rounding apart, the numbers are the same. */
const placement: readonly (keyof RunConfig)[] = ['backend', 'precision', 'device', 'replayDevice', 'threads'];

const undecided: ReadonlySet<string> = new Set(bookkeeping);
const incidental: ReadonlySet<string> = new Set([...bookkeeping, ...placement]);

/** Whether two runs of these settings answer the same question; their data are compared elsewhere. */
export function isSameQuestion(asked: RunConfig, config: RunConfig): boolean {
  const names = Object.keys(asked) as (keyof RunConfig)[];
  return names.every(
    (name) => incidental.has(name) || JSON.stringify(asked[name]) === JSON.stringify(config[name]),
  );
}

/** One text for all settings with which a machine computes the same numbers, bit for bit, of the same data. */
export function decisiveText(config: RunConfig): string {
  const entries = Object.entries(config).filter(([name]) => !undecided.has(name));
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
