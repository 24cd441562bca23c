/** Datasets as the page asks for them: what there is, an episode's numbers, an episode's pictures. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE, type Manifest } from '../../datasets/manifest.js';
import { type Dataset, openDataset } from '../../datasets/reader.js';
import { formatBytes } from '../words.js';
import type { DatasetDetails, DatasetSummary, EpisodeValues } from './protocol.js';

/** Datasets by folder. One that has grown since, as a run's replay does, is opened anew. */
export class OpenDatasets {
  readonly #open = new Map<string, { readonly version: string; readonly dataset: Dataset }>();

  /** @throws InputError where it is no dataset */
  async get(folder: string): Promise<Dataset> {
    const version = await stat(join(folder, MANIFEST_FILE)).then(
      ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
      () => '',
    );
    const known = this.#open.get(folder);
    if (known?.version === version) return known.dataset;
    const dataset = await openDataset(folder);
    this.#open.set(folder, { version, dataset });
    return dataset;
  }
}

/** Never throws: what cannot be read says why. */
export async function summariseDataset(
  id: string,
  folder: string,
  open: OpenDatasets,
): Promise<DatasetSummary> {
  try {
    const { manifest } = await open.get(folder);
    const { task, episodes, steps, bytes, returns, images } = manifest;
    const names = images.map(({ name }) => name);
    return {
      id,
      task,
      episodes,
      steps,
      bytes,
      meanReturn: returns?.mean ?? null,
      images: names,
      problem: null,
    };
  } catch (error) {
    const nothing = { task: null, episodes: 0, steps: 0, bytes: 0, meanReturn: null, images: [] };
    return { id, ...nothing, problem: (error as Error).message };
  }
}

export function describe(id: string, dataset: Dataset): DatasetDetails {
  const { manifest } = dataset;
  const { task, images, actionSize, actionNames, stateSize, stateNames, controlTimestep } = manifest;
  const episodes = Array.from({ length: dataset.length }, (_, i) => {
    const { id: name, steps, return: total, success } = dataset.entry(i);
    return { id: name, steps, return: total, success: success ?? null };
  });
  const secondsPerStep = controlTimestep === null ? null : controlTimestep * manifest.actionRepeat;
  const sizes = { actionSize, actionNames, stateSize, stateNames };
  return { id, task, images, ...sizes, secondsPerStep, facts: factsOf(manifest), episodes };
}

function factsOf(manifest: Manifest): [string, string][] {
  const { provenance, images, actionBox, returns, renderer } = manifest;
  const details = Object.entries(provenance.details).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  const facts: [string, string | null][] = [
    ['task', manifest.task ?? 'unknown'],
    ['source', `${provenance.source}${provenance.lossy ? ' (lossy)' : ''}`],
    ['written by', `${provenance.writer} ${provenance.writerVersion}`],
    ['episodes', `${manifest.episodes}${manifest.complete ? '' : ' (still written, or interrupted)'}`],
    ['agent steps', `${manifest.steps} (action repeat ${manifest.actionRepeat})`],
    ['control step', manifest.controlTimestep === null ? null : `${manifest.controlTimestep} s`],
    ['images', images.map(({ name, width, height }) => `${name} ${width}×${height}`).join(', ') || 'none'],
    ['renderer', renderer],
    ['state', manifest.stateSize === 0 ? 'none' : `${manifest.stateSize} numbers`],
    ['action', `${manifest.actionSize} numbers`],
    ['action box', actionBox?.low.map((low, i) => `[${low}, ${actionBox.high[i]}]`).join(' × ') ?? null],
    [
      'return',
      returns &&
        `mean ${returns.mean.toFixed(1)}, median ${returns.median.toFixed(1)}, ${returns.min.toFixed(1)} to ${returns.max.toFixed(1)}`,
    ],
    ['size', `${formatBytes(manifest.bytes)} in ${manifest.shards.length} shards (${manifest.codec})`],
    ...details,
  ];
  return facts.flatMap(([name, value]): [string, string][] => (value === null ? [] : [[name, value]]));
}

/** @throws InputError where there is no such episode, or it is damaged */
export async function episodeValues(dataset: Dataset, number: number): Promise<EpisodeValues> {
  const episode = await dataset.episode(number, { images: false });
  return {
    actions: [...episode.actions],
    rewards: [...episode.rewards],
    state: episode.state === undefined ? null : [...episode.state],
    interventions: episode.interventions === undefined ? null : [...episode.interventions],
    terminated: episode.terminated,
    truncated: episode.truncated,
    success: episode.success ?? null,
    instruction: episode.instruction ?? null,
  };
}

/** Reads every episode: the manifest does not say it. */
export async function countInterventions(dataset: Dataset): Promise<(number | null)[]> {
  const counts: (number | null)[] = [];
  for await (const { interventions } of dataset.episodes({ images: false }))
    counts.push(interventions?.reduce((sum, mark) => sum + mark, 0) ?? null);
  return counts;
}
