/** The buffer that datasets are loaded into: in memory, or with a part of its frames in files of the run's folder. */
import { statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '../errors.js';
import { FrameSpill } from '../replay/frameSpill.js';
import { frameBytes, ReplayBuffer, type ReplayLayout } from '../replay/replayBuffer.js';
import { gigabytes, type MemoryEstimate } from './replayMemory.js';

/**
 * @param rows of the datasets, and of what people may do in the run
 * @param folder the run's, which exists
 */
export function createPriorBuffer(
  layout: ReplayLayout,
  rows: number,
  { spill }: MemoryEstimate,
  folder: string,
): ReplayBuffer {
  if (spill === undefined) return new ReplayBuffer(layout, rows);
  const { residentFrames: resident, batchRows } = spill;
  const spills = layout.images.map((image, i) => {
    const path = join(folder, `dataset-frames-${process.pid}-${i}.scratch`);
    const framesPerRow = spill.framesPerRow[i] as number;
    return new FrameSpill({ frameBytes: frameBytes(image), resident, batchRows, framesPerRow, path });
  });
  return new ReplayBuffer(layout, rows, 0, spills);
}

/** @throws InputError where the disk of `folder`, which need not exist yet, has no room for so many bytes */
export async function requireDisk(folder: string, bytes: number): Promise<void> {
  const free = await freeBytes(resolve(folder));
  if (bytes > free)
    throw new InputError(
      `The part of the datasets that is not held in memory takes ${gigabytes(bytes)} in ${folder}, and its disk has ${gigabytes(free)} free: give another --out, more --dataset-memory, or a smaller dataset.`,
    );
}

/** Of the disk that holds `path`, or will once it is made. */
async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    return freeBytes(dirname(path));
  }
}
