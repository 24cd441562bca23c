/**
 * The one place where image bytes live: frames of equal size, stored once, in shared memory, in blocks that are
 * allocated as they fill (one typed array cannot exceed 4 GiB on Node 20, and a young replay should be small).
 * A frame's number is its position; the native gather reads the blocks directly.
 */
export class FrameMemory {
  readonly frameBytes: number;
  readonly capacity: number;
  readonly framesPerBlock: number;
  readonly blocks: Uint8Array[] = [];
  /** Ranges [from, to) of frames written since they were last taken; kept for who has taken them once. */
  #changes: [from: number, to: number][] | undefined;

  /**
   * @param frameBytes bytes of one frame, H·W·C
   * @param capacity   the greatest number of frames
   * @param blockBytes bytes of one block, about
   */
  constructor(frameBytes: number, capacity: number, blockBytes = 64 * 1024 * 1024) {
    this.frameBytes = frameBytes;
    this.capacity = capacity;
    this.framesPerBlock = Math.max(1, Math.min(capacity, Math.floor(blockBytes / frameBytes)));
  }

  /** Copies one frame to place `index`; the block is allocated when first touched. */
  write(index: number, frame: Uint8Array): void {
    if (index < 0 || index >= this.capacity)
      throw new RangeError(`Frame ${index} is outside the memory's ${this.capacity} frames.`);
    this.#reach(index);
    this.view(index).set(frame);
    this.changed(index, index + 1);
  }

  /** Says that frames [from, to) were written through their views. */
  changed(from: number, to: number): void {
    const last = this.#changes?.at(-1);
    if (last !== undefined && last[1] === from) last[1] = to;
    else this.#changes?.push([from, to]);
  }

  /**
   * Ranges [from, to) of the frames that changed since the last call; at the first call, all that have memory. For
   * one taker: whoever keeps a copy of the frames elsewhere.
   */
  takeChanges(): readonly (readonly [from: number, to: number])[] {
    const whole = Math.min(this.blocks.length * this.framesPerBlock, this.capacity);
    const taken = this.#changes ?? (whole > 0 ? [[0, whole] as const] : []);
    this.#changes = [];
    return taken;
  }

  /** Allocates all blocks; the system gives them memory as they are touched. */
  allocate(): void {
    if (this.capacity > 0) this.#reach(this.capacity - 1);
  }

  /** The bytes of frame `index`: a view, valid as long as the frame is not overwritten. */
  view(index: number): Uint8Array {
    const block = this.blocks[Math.floor(index / this.framesPerBlock)];
    if (block === undefined) throw new RangeError(`Frame ${index} was never written.`);
    const start = (index % this.framesPerBlock) * this.frameBytes;
    return block.subarray(start, start + this.frameBytes);
  }

  #reach(index: number): void {
    const blockNumber = Math.floor(index / this.framesPerBlock);
    while (this.blocks.length <= blockNumber) {
      const frames = Math.min(this.framesPerBlock, this.capacity - this.blocks.length * this.framesPerBlock);
      this.blocks.push(new Uint8Array(new SharedArrayBuffer(frames * this.frameBytes)));
    }
  }
}
