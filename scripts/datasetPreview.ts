/** The pictures of `rlpd dataset preview`: what the data looks like, how good it is, what its actions do. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Episode, frameAt } from '../datasets/episode.js';
import { type Dataset, openDataset } from '../datasets/reader.js';
import { InputError } from '../src/errors.js';
import { makeFolder } from '../src/files/makeFolder.js';
import { histogramSvg, writeChart } from '../src/media/chart.js';
import { contactSheet } from '../src/media/contactSheet.js';
import type { Image } from '../src/media/image.js';
import { joinImages } from '../src/media/joinImages.js';
import { writeVideo } from '../src/media/video.js';

export interface Preview {
  /** Paths of what was written. */
  readonly files: readonly string[];
  /** Ids of the episodes shown, from the smallest return to the greatest. */
  readonly episodes: readonly string[];
}

const SHEET_COLUMNS = 8;
/** A minute or so of video at most; longer episodes are shown in even strides. */
const MAX_VIDEO_FRAMES = 500;
const DEFAULT_FPS = 20;
/** Browsers and viewers drop frames beyond this. */
const MAX_FPS = 50;
/** Actions are drawn from so many episodes, spread over the dataset. */
const ACTION_EPISODES = 50;

/**
 * Writes contact-sheet.png, returns.png, actions.png and episodes.webp to `out`.
 * @param count episodes to show, spread evenly over the returns
 */
export async function previewDataset(folder: string, out: string, count: number): Promise<Preview> {
  const dataset = await openDataset(folder);
  if (dataset.length === 0) throw new InputError(`${folder} has no episodes to preview.`);
  await makeFolder(out);
  const title = `${dataset.manifest.task ?? 'Unknown task'} · ${dataset.length} episodes`;
  const files: string[] = [];
  const add = async (name: string, write: (path: string) => Promise<unknown>): Promise<void> => {
    await write(join(out, name));
    files.push(join(out, name));
  };
  await add('returns.png', (path) => writeChart(path, returnHistogram(dataset, title)));
  await add('actions.png', async (path) => writeChart(path, await actionHistogram(dataset, title)));
  const chosen = spreadByReturn(dataset, count);
  if (dataset.manifest.images.length > 0) {
    const episodes = await Promise.all(chosen.map((index) => dataset.episode(index)));
    await add('contact-sheet.png', async (path) =>
      writeFile(path, await episodeSheet(dataset, episodes, title)),
    );
    await add('episodes.webp', (path) =>
      writeVideo(path, sideBySide(dataset, episodes), { fps: fpsOf(dataset, episodes) }),
    );
  }
  return { files, episodes: chosen.map((index) => dataset.entry(index).id) };
}

/** Episode numbers at even ranks of the return, from the smallest to the greatest. */
function spreadByReturn(dataset: Dataset, count: number): number[] {
  const ranked = Array.from({ length: dataset.length }, (_, i) => i).sort(
    (a, b) => dataset.entry(a).return - dataset.entry(b).return || a - b,
  );
  return evenly(ranked.length, count).map((rank) => ranked[rank] as number);
}

/** At most `count` distinct numbers of [0, total), the first and the last among them. */
function evenly(total: number, count: number): number[] {
  if (count >= total) return Array.from({ length: total }, (_, i) => i);
  if (count === 1) return [Math.floor((total - 1) / 2)];
  return Array.from({ length: count }, (_, i) => Math.round((i * (total - 1)) / (count - 1)));
}

function returnHistogram(dataset: Dataset, title: string): string {
  const { returns } = dataset.manifest;
  return histogramSvg({
    title,
    subtitle: `return: mean ${returns?.mean.toFixed(1)}, median ${returns?.median.toFixed(1)}, ${returns?.min.toFixed(1)} to ${returns?.max.toFixed(1)}`,
    xLabel: 'return of an episode',
    yLabel: 'episodes',
    values: dataset.entries.map((entry) => entry.return),
  });
}

async function actionHistogram(dataset: Dataset, title: string): Promise<string> {
  const values: number[] = [];
  const indices = evenly(dataset.length, ACTION_EPISODES);
  for await (const { actions } of dataset.episodes({ indices, images: false }))
    for (const action of actions) values.push(action);
  const { actionSize } = dataset.manifest;
  return histogramSvg({
    title,
    subtitle: `actions of ${indices.length} episodes, all ${actionSize} dimensions`,
    xLabel: 'action',
    values,
    binWidth: 0.125,
  });
}

function episodeSheet(dataset: Dataset, episodes: readonly Episode[], title: string): Promise<Buffer> {
  const cells = episodes.flatMap((episode) =>
    evenly(episode.length + 1, SHEET_COLUMNS).map((t, column) => ({
      image: frameOf(dataset, episode, t),
      label: column === 0 ? `return ${sum(episode.rewards).toFixed(1)}` : `step ${t}`,
    })),
  );
  const columns = Math.min(SHEET_COLUMNS, ...episodes.map((episode) => episode.length + 1));
  return contactSheet(cells, { columns, title });
}

/** All episodes at once in a row; one that has ended stands still. */
function* sideBySide(dataset: Dataset, episodes: readonly Episode[]): Generator<Image> {
  for (const t of evenly(Math.max(...episodes.map((episode) => episode.length)) + 1, MAX_VIDEO_FRAMES))
    yield joinImages(episodes.map((episode) => frameOf(dataset, episode, Math.min(t, episode.length))));
}

/** Real time where the control step is known. */
function fpsOf({ manifest }: Dataset, episodes: readonly Episode[]): number {
  const frames = Math.max(...episodes.map((episode) => episode.length)) + 1;
  const stride = Math.max(1, frames / MAX_VIDEO_FRAMES);
  const seconds = manifest.controlTimestep;
  return Math.min(MAX_FPS, seconds === null ? DEFAULT_FPS : 1 / (seconds * manifest.actionRepeat * stride));
}

/** All cameras side by side. */
function frameOf({ manifest }: Dataset, episode: Episode, t: number): Image {
  return joinImages(
    manifest.images.map((image) => {
      const { height, width, channels } = image;
      return { height, width, channels, data: frameAt(episode, image, t) };
    }),
  );
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
