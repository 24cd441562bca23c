/** Small datasets for the tests: frames that carry their step number and the action that follows. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type ConversionOptions,
  type ConversionReport,
  convert,
} from '../../datasets/converters/conversion.js';
import type { ConversionSource } from '../../datasets/converters/conversionSource.js';
import { type Episode, type FrameLayout, frameBytes } from '../../datasets/episode.js';
import type { DatasetHeader } from '../../datasets/manifest.js';
import { openDataset } from '../../datasets/reader.js';
import { Generator } from '../../src/random/generator.js';

/** The one image of most samples. */
export const sideImage: FrameLayout = { name: 'side', height: 9, width: 7, channels: 3 };
/** Beside it, of another size. */
export const wristImage: FrameLayout = { name: 'wrist', height: 5, width: 8, channels: 3 };

export function sampleHeader(changes: Partial<DatasetHeader> = {}): DatasetHeader {
  return {
    task: 'walker-walk',
    actionRepeat: 2,
    controlTimestep: 0.025,
    images: [sideImage],
    renderer: 'test',
    actionSize: 2,
    stateSize: 4,
    extra: { height: { per: 'observation', size: 1 }, torque: { per: 'action', size: 2 } },
    provenance: { source: 'test', writer: 'test', writerVersion: '1', lossy: false },
    ...changes,
  };
}

/** An episode that fits `sampleHeader({ images })`. */
export function sampleEpisode(
  number: number,
  length = 5,
  images: readonly FrameLayout[] = [sideImage],
): Episode {
  const generator = new Generator(number).child('episode');
  const floats = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => generator.uniform(-1, 1));
  return {
    id: `episode-${number}`,
    length,
    images: Object.fromEntries(
      images.map((image) => [image.name, samplePixels(generator, length + 1, image)]),
    ),
    state: floats((length + 1) * 4),
    actions: floats(length * 2),
    rewards: floats(length),
    terminated: number % 2 === 0,
    truncated: number % 2 === 1,
    extra: { height: floats(length + 1), torque: floats(length * 2) },
  };
}

/** A gradient with a bright column that moves, plus a little noise. */
function samplePixels(generator: Generator, frames: number, image: FrameLayout): Uint8Array {
  const { width, channels } = image;
  const bytes = frameBytes(image);
  const pixels = new Uint8Array(frames * bytes);
  for (let i = 0; i < pixels.length; i++) {
    const [step, column] = [Math.floor(i / bytes), Math.floor((i % (width * channels)) / channels)];
    pixels[i] = column === step % width ? 250 : 100 + column + (generator.uniform() < 0.05 ? 9 : 0);
  }
  return pixels;
}

/** An episode's only image. */
export function onlyImage(episode: Episode): Uint8Array {
  const [image, ...others] = Object.values(episode.images);
  assert.ok(image !== undefined && others.length === 0, `${Object.keys(episode.images).length} images`);
  return image;
}

/** With its bytes in arrays of their own: a reader's may be views of a record. */
export function withPlainBytes(episode: Episode): Episode {
  const { interventions } = episode;
  const images = Object.entries(episode.images).map(([name, image]) => [name, Uint8Array.from(image)]);
  return {
    ...episode,
    images: Object.fromEntries(images),
    ...(interventions && { interventions: Uint8Array.from(interventions) }),
  };
}

/** Files that other libraries wrote, with the scripts that made them write. */
export const golden = fileURLToPath(new URL('../../../test/golden/datasets/', import.meta.url));

const roots = new WeakMap<TestContext, string>();

/** A new folder that is deleted when the test ends. */
export function temporaryFolder(test: TestContext): string {
  let root = roots.get(test);
  if (root === undefined) {
    const created = mkdtempSync(join(tmpdir(), 'rlpd-dataset-'));
    test.after(() => rmSync(created, { recursive: true, force: true }));
    roots.set(test, created);
    root = created;
  }
  return mkdtempSync(join(root, 'folder-'));
}

export interface Converted {
  readonly out: string;
  readonly report: ConversionReport;
  readonly episodes: readonly Episode[];
}

/** Converts an opened source into a temporary folder, closes it, and reads everything back. */
export async function convertAll(
  test: TestContext,
  source: ConversionSource,
  options: Partial<ConversionOptions> = {},
): Promise<Converted> {
  const out = options.out ?? join(temporaryFolder(test), 'out');
  try {
    const report = await convert(source, {
      out,
      onProblem: 'quarantine',
      dryRun: false,
      command: { format: 'test' },
      ...options,
    });
    const episodes: Episode[] = [];
    if (!report.dryRun)
      for await (const episode of (await openDataset(out)).episodes()) episodes.push(episode);
    return { out, report, episodes };
  } finally {
    await source.close();
  }
}

/** The first byte of each frame; the golden images write their row there. */
export function encodedRows(episode: Episode): number[] {
  const frames = episode.length + 1;
  const pixels = onlyImage(episode);
  const bytes = pixels.length / frames;
  return Array.from({ length: frames }, (_, i) => pixels[i * bytes] ?? -1);
}

/**
 * The golden files' rule: image t carries t; what led to it was action (t/scale, −t/scale) and earned reward t/4.
 * @param firstRow the row of the episode's first image
 */
export function assertEncodedRows(episode: Episode, firstRow = 0, scale = 16): void {
  const rows = Array.from({ length: episode.length + 1 }, (_, i) => firstRow + i);
  assert.deepEqual(encodedRows(episode), rows);
  assert.deepEqual(
    [...episode.actions],
    rows.slice(1).flatMap((t) => [t / scale, -t / scale]),
  );
  assert.deepEqual(
    [...episode.rewards],
    rows.slice(1).map((t) => t / 4),
  );
}

/** Fails loudly where a test expects a rejection. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('It was expected to fail, and succeeded.');
}
