/** Every position has an address, in the fragment of the page's: `#/dataset?dataset=data/walker&episode=3&step=120`. */
import { episodeOrders, episodeShows } from './episodeChoice.js';

/** What curves may be drawn over, with its name for people. */
export const axisNames = { envFrames: 'env frames', updates: 'updates', minutes: 'minutes' } as const;
export type Axis = keyof typeof axisNames;

export interface RunsAddress {
  readonly view: 'runs';
  /** Ids of the runs whose curves are shown. */
  readonly chosen: readonly string[];
  readonly x: Axis;
  /** Whether each is a curve of its own. */
  readonly each: boolean;
  /** Where there is room for one of them only: whether that is the list, from which more are being chosen. */
  readonly choosing: boolean;
  /** Number of the evaluation that is shown as a film; undefined: the latest. */
  readonly film: number | undefined;
}

export interface DatasetAddress {
  readonly view: 'dataset';
  readonly dataset: string;
  /** Undefined: the first of the list. */
  readonly episode: number | undefined;
  readonly step: number;
  readonly order: keyof typeof episodeOrders;
  readonly show: keyof typeof episodeShows;
}

export interface DriveAddress {
  readonly view: 'drive';
  /** The one that is large; undefined: the first. */
  readonly camera: string | undefined;
}

export type Address = RunsAddress | { readonly view: 'datasets' } | DatasetAddress | DriveAddress;

export const allRuns: RunsAddress = {
  view: 'runs',
  chosen: [],
  x: 'envFrames',
  each: false,
  choosing: false,
  film: undefined,
};

export function datasetAddress(dataset: string): DatasetAddress {
  return { view: 'dataset', dataset, episode: undefined, step: 0, order: 'recorded', show: 'all' };
}

/** What an address leaves out, or has wrong, is as it is at first. */
export function parseAddress(fragment: string): Address {
  const [path = '', query = ''] = fragment.replace(/^#\/?/, '').split('?');
  const given = new URLSearchParams(query);
  if (path === 'datasets') return { view: 'datasets' };
  const dataset = given.get('dataset');
  if (path === 'dataset' && dataset !== null)
    return {
      view: 'dataset',
      dataset,
      episode: wholeNumber(given.get('episode')),
      step: wholeNumber(given.get('step')) ?? 0,
      order: keyOf(episodeOrders, given.get('order')) ?? 'recorded',
      show: keyOf(episodeShows, given.get('show')) ?? 'all',
    };
  if (path === 'drive') return { view: 'drive', camera: given.get('camera') ?? undefined };
  return {
    view: 'runs',
    chosen: given.getAll('run'),
    x: keyOf(axisNames, given.get('x')) ?? allRuns.x,
    each: given.get('each') === '1',
    choosing: given.get('choosing') === '1',
    film: wholeNumber(given.get('film')),
  };
}

export function addressOf(address: Address): string {
  const query = new URLSearchParams();
  if (address.view === 'runs') {
    for (const id of address.chosen) query.append('run', id);
    if (address.x !== allRuns.x) query.set('x', address.x);
    if (address.each) query.set('each', '1');
    if (address.choosing) query.set('choosing', '1');
    if (address.film !== undefined) query.set('film', String(address.film));
  } else if (address.view === 'dataset') {
    query.set('dataset', address.dataset);
    if (address.episode !== undefined) query.set('episode', String(address.episode));
    if (address.step > 0) query.set('step', String(address.step));
    if (address.order !== 'recorded') query.set('order', address.order);
    if (address.show !== 'all') query.set('show', address.show);
  } else if (address.view === 'drive' && address.camera !== undefined) query.set('camera', address.camera);
  const words = query.toString().replaceAll('%2F', '/');
  return `#/${address.view}${words === '' ? '' : `?${words}`}`;
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function keyOf<K extends string>(table: Readonly<Record<K, unknown>>, name: string | null): K | undefined {
  return (Object.keys(table) as K[]).find((key) => key === name);
}
