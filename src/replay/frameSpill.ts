/**
 * More frames than memory is to hold: the first `resident` of them stay in memory, all others lie in a file, and
 * those that a batch needs are read into slots just before the learner gathers them. Rows are drawn at random from
 * all there are, so no frame is likelier to be needed than another, and which ones stay in memory does not matter:
 * it changes neither what is drawn nor what is learnt, only how much is read.
 */
import { closeSync, openSync, readv, unlinkSync, writeSync } from 'node:fs';
import { FrameMemory } from './frameMemory.js';

export interface FrameSpillOptions {
  /** Bytes of one frame, H·W·C. */
  readonly frameBytes: number;
  /** Frames that stay in memory. */
  readonly resident: number;
  /** Transitions of a whole batch: so many can be staged at once. */
  readonly batchRows: number;
  /** Frames that a transition needs at most: a stack, and those up to the end of the one it arrives at. */
  readonly framesPerRow: number;
  /** The file: made, and gone when the process ends, however it ends. */
  readonly path: string;
}

export class FrameSpill {
  /** What a gather reads: the resident frames, then the slots. */
  readonly memory: FrameMemory;
  readonly #options: FrameSpillOptions;
  readonly #file: number;

  /** @throws Error where the file cannot be made */
  constructor(options: FrameSpillOptions) {
    const { frameBytes, resident, batchRows, framesPerRow, path } = options;
    this.#options = options;
    this.memory = new FrameMemory(frameBytes, resident + batchRows * framesPerRow);
    this.memory.allocate();
    this.#file = openSync(path, 'wx+', 0o600);
    // Without a name the file lives as long as it is open: even a killed run leaves nothing behind.
    unlinkSync(path);
  }

  /** Keeps frame `index`, in memory or in the file. @throws Error where the disk is full */
  write(index: number, frame: Uint8Array): void {
    const { resident, frameBytes, path } = this.#options;
    if (index < resident) {
      this.memory.write(index, frame);
      return;
    }
    const start = (index - resident) * frameBytes;
    try {
      for (let done = 0; done < frameBytes; )
        done += writeSync(this.#file, frame, done, frameBytes - done, start + done);
    } catch (error) {
      throw new Error(
        `The datasets' images could not be written to ${path}: ${(error as Error).message}. Free some of its disk, or hold more of them in memory with --dataset-memory.`,
        { cause: error },
      );
    }
  }

  /**
   * Brings the frames of one transition into memory and replaces their numbers by where they are then. They stay
   * until the slot is used again.
   * @param slot    in [0, batchRows)
   * @param numbers frame numbers of the transition, which lie within `framesPerRow` of each other
   */
  async stage(slot: number, numbers: readonly Int32Array[]): Promise<void> {
    const { resident, framesPerRow, frameBytes } = this.#options;
    let [first, last] = [Number.POSITIVE_INFINITY, -1];
    for (const list of numbers)
      for (const number of list)
        if (number >= resident) [first, last] = [Math.min(first, number), Math.max(last, number)];
    if (last < 0) return;
    const place = resident + slot * framesPerRow;
    const frames = Array.from({ length: last - first + 1 }, (_, i) => this.memory.view(place + i));
    await this.#read(frames, (first - resident) * frameBytes);
    this.memory.changed(place, place + frames.length);
    for (const list of numbers)
      for (const [i, number] of list.entries()) if (number >= resident) list[i] = place + number - first;
  }

  close(): void {
    closeSync(this.#file);
  }

  #read(frames: readonly Uint8Array[], position: number): Promise<void> {
    const wanted = frames.length * this.#options.frameBytes;
    return new Promise((resolve, reject) => {
      readv(this.#file, frames, position, (error, bytes) => {
        if (error === null && bytes === wanted) resolve();
        else
          reject(
            new Error(
              `The datasets' images cannot be read back from ${this.#options.path}: ${error?.message ?? `${bytes} of ${wanted} bytes came`}.`,
            ),
          );
      });
    });
  }
}
