/** What columns mean under the names that formats, and programs that write them, give them. */

/** The first that is there counts. */
export interface ColumnNames {
  readonly action: readonly string[];
  readonly reward: readonly string[];
  readonly terminated: readonly string[];
  readonly truncated: readonly string[];
  readonly done: readonly string[];
  readonly success: readonly string[];
}

/** Of a row whose action is meant: it earned this, it ended the episode. */
const USUAL: ColumnNames = {
  action: ['action', 'actions'],
  reward: ['reward', 'rewards', 'next.reward'],
  terminated: ['terminated', 'terminations', 'terminal', 'terminals', 'next.terminated'],
  truncated: ['truncated', 'truncations', 'timeout', 'timeouts', 'next.truncated'],
  done: ['done', 'dones', 'next.done'],
  success: ['success', 'successes', 'is_success', 'next.success'],
};

/** @param own the format's own names, which come before the usual ones */
export function usualColumns(own: Partial<ColumnNames> = {}): ColumnNames {
  const both = (key: keyof ColumnNames): string[] => [...new Set([...(own[key] ?? []), ...USUAL[key]])];
  return {
    action: both('action'),
    reward: both('reward'),
    terminated: both('terminated'),
    truncated: both('truncated'),
    done: both('done'),
    success: both('success'),
  };
}

const END_WORDS = new Set(
  (
    'done dones end ends ended terminal terminals terminate terminated terminates termination terminations ' +
    'truncate truncated truncation truncations timeout timeouts last final finish finished complete completed ' +
    'over abort aborted'
  ).split(' '),
);
const GOES_ON = new Set('discount discounts mask masks alive nonterminal nonterminals continue'.split(' '));

/** Whether a column of that name says, as far as its name tells, where an episode ends. */
export function looksLikeAnEnd(key: string): boolean {
  const words = wordsOf(key);
  return END_WORDS.has(words.at(-1) ?? '') && !words.includes('not');
}

/** Whether a column of that name is 0 where an episode ends, as a discount is. */
export function looksLikeGoingOn(key: string): boolean {
  const words = wordsOf(key);
  const last = words.at(-1) ?? '';
  return GOES_ON.has(last) || (words.includes('not') && END_WORDS.has(last));
}

/** `isDone` and `next.is_done` end in the same word. */
function wordsOf(key: string): string[] {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '');
}
