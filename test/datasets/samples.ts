/** Small datasets for the tests: frames that carry their step number and the action that follows. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Episode } from '../../datasets/episode.js';
import type { DatasetHeader } from '../../datasets/manifest.js';
import { Generator } from '../../src/random/generator.js';

export function sampleHeader(changes: Partial<DatasetHeader> = {}): DatasetHeader {
  return {
    task: 'walker-walk',
    actionRepeat: 2,
    controlTimestep: 0.025,
    imageHeight: 9,
    imageWidth: 7,
    imageChannels: 3,
    camera: 'side',
    renderer: 'test',
    actionSize: 2,
    stateSize: 4,
    extra: { height: { per: 'observation', size: 1 }, torque: { per: 'action', size: 2 } },
    provenance: { source: 'test', writer: 'test', writerVersion: '1', lossy: false },
    ...changes,
  };
}

/** An episode that fits `sampleHeader()`: a gradient with a bright column that moves, plus a little noise. */
export function sampleEpisode(
  number: number,
  length = 5,
  size: [number, number, number] = [9, 7, 3],
): Episode {
  const generator = new Generator(number).child('episode');
  const floats = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => generator.uniform(-1, 1));
  const [height, width, channels] = size;
  const bytes = height * width * channels;
  const pixels = new Uint8Array((length + 1) * bytes);
  for (let i = 0; i < pixels.length; i++) {
    const [step, column] = [Math.floor(i / bytes), Math.floor((i % (width * channels)) / channels)];
    pixels[i] = column === step % width ? 250 : 100 + column + (generator.uniform() < 0.05 ? 9 : 0);
  }
  return {
    id: `episode-${number}`,
    length,
    pixels,
    state: floats((length + 1) * 4),
    actions: floats(length * 2),
    rewards: floats(length),
    terminated: number % 2 === 0,
    truncated: number % 2 === 1,
    extra: { height: floats(length + 1), torque: floats(length * 2) },
  };
}

/** Files that other libraries wrote, with the scripts that made them write. */
export const golden = fileURLToPath(new URL('../../../test/golden/datasets/', import.meta.url));

/** A folder that is deleted when the test ends. */
export function temporaryFolder(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rlpd-dataset-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
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
