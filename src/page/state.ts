/** What the whole page shares: where it is, what the folders hold, whether it is dark. */
import { signal } from '@preact/signals';
import { type Overview, overviewSchema } from '../serve/protocol.js';
import { type Address, addressOf, parseAddress } from './address.js';
import { listen } from './server.js';

export const address = signal<Address>(parseAddress(location.hash));
/** Undefined until the server has answered. */
export const overview = signal<Overview | undefined>(undefined);
export const problem = signal<string | null>(null);

const darkness = matchMedia('(prefers-color-scheme: dark)');
export const isDark = signal(darkness.matches);

/** Goes there, with a place in the browser's history. */
export function go(to: Address): void {
  location.hash = addressOf(to);
}

/** Says where the page is by now, as it plays or scrolls, without a place in the history. */
export function stay(at: Address): void {
  history.replaceState(null, '', addressOf(at));
  address.value = at;
}

/**
 * As `stay`, for what moves by itself: nothing happens where a person has gone elsewhere, of which the browser may not
 * have told yet.
 */
export function follow(from: Address, to: Address): void {
  if (addressOf(address.value) === addressOf(from) && parsedHere() === addressOf(from)) stay(to);
}

function parsedHere(): string {
  return addressOf(parseAddress(location.hash));
}

export function start(): void {
  addEventListener('hashchange', () => {
    address.value = parseAddress(location.hash);
  });
  darkness.addEventListener('change', () => {
    isDark.value = darkness.matches;
  });
  listen(overviewSchema, 'overview', [], 'overview', {
    onValue: (value) => {
      overview.value = value;
    },
    onProblem: (words) => {
      problem.value = words;
    },
  });
}
