/**
 * Experience as a ring of rows, one row an observation: row n holds oₙ, the action taken there, the reward that
 * followed, and whether the task ended with it; oₙ₊₁ is simply row n + 1. Nothing is stored twice: a frame stack
 * is a list of frame numbers, made when a transition is sampled, and it never reaches behind its episode's start.
 *
 * Rows are numbered from 0 and never renumbered; row n lies at place n mod capacity, and so does its frame.
 */
import type { Generator } from '../random/generator.js';
import { FrameMemory } from './frameMemory.js';
import type { FrameSpill } from './frameSpill.js';

/** One image of a row: a frame is `[H, W, C]`, an observation stacks K of them. */
export interface ImageLayout {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** K. */
  readonly frameStack: number;
}

/** What one row looks like. */
export interface ReplayLayout {
  /** None where only state is observed. */
  readonly images: readonly ImageLayout[];
  /** S; 0 where only pixels are observed. */
  readonly stateSize: number;
  /** A. */
  readonly actionSize: number;
}

/** One observation as it is stored: each image's newest frame (HWC uint8) by name, and its state `[S]`. */
export interface ReplayObservation {
  readonly frames: Readonly<Record<string, Uint8Array>>;
  readonly state?: Float32Array;
}

export interface ReplayStep {
  /** `[A]`, taken at the observation added last. */
  readonly action: Float32Array;
  readonly reward: number;
  /** The task's own end; a truncation is not one. */
  readonly terminated: boolean;
  /** Whether the action is a person's, who took over. Default false. */
  readonly isIntervention?: boolean;
  /** What was seen next. */
  readonly next: ReplayObservation;
}

/** A whole episode: T actions and the T + 1 observations around them. */
export interface ReplayEpisode {
  readonly length: number;
  /** By name, `[T+1, H, W, C]` each; others than the layout's are left alone. */
  readonly images: Readonly<Record<string, Uint8Array>>;
  /** `[T+1, S]`. */
  readonly state?: Float32Array;
  /** `[T, A]`. */
  readonly actions: Float32Array;
  /** `[T]`. */
  readonly rewards: Float32Array;
  readonly terminated: boolean;
  /** `[T]`: 1 where the action is a person's, who took over. Default: nowhere. */
  readonly interventions?: Uint8Array;
}

/** Bytes of a row's numbers other than its frame and state: action, reward, age, three flags. */
const scalarBytes = (actionSize: number): number => 4 * actionSize + 4 + 4 + 3;

/** Bytes of one row: what one transition costs, since an episode of T transitions has T + 1 rows. */
export function rowBytes(layout: ReplayLayout): number {
  const images = layout.images.reduce((sum, image) => sum + frameBytes(image), 0);
  return images + 4 * layout.stateSize + scalarBytes(layout.actionSize);
}

/** Bytes of a frame, H·W·C. */
export function frameBytes({ height, width, channels }: ImageLayout): number {
  return height * width * channels;
}

export class ReplayBuffer {
  readonly layout: ReplayLayout;
  /** Rows that are kept. */
  readonly capacity: number;
  /** One an image, in the layout's order. Frame number = place in the ring, once staged. */
  readonly frames: readonly FrameMemory[];
  readonly #spills: readonly FrameSpill[];
  readonly #states: Float32Array;
  readonly #actions: Float32Array;
  readonly #rewards: Float32Array;
  readonly #terminated: Uint8Array;
  /** 1 where a person's action was taken. */
  readonly #isIntervention: Uint8Array;
  /** 1 where row n + 1 belongs to the same episode, so that a transition starts here. */
  readonly #hasNext: Uint8Array;
  /** Rows since the episode's start. */
  readonly #age: Int32Array;
  /** Rows that a stack may reach back. */
  readonly #reach: number;
  #first: number;
  #written: number;
  /** Rows in the ring with `hasNext`. */
  #starts = 0;

  /**
   * @param capacity rows that are kept; an episode of T transitions takes T + 1
   * @param firstRow the number of the first row that will be written: a resumed run's rows keep their numbers
   * @param spills   one an image or none: they keep the frames instead of memory alone, in a buffer of whole
   *   episodes that is only sampled
   */
  constructor(layout: ReplayLayout, capacity: number, firstRow = 0, spills: readonly FrameSpill[] = []) {
    if (!Number.isInteger(capacity) || capacity < 2)
      throw new RangeError(`A replay buffer needs a capacity of at least 2 rows, not ${capacity}.`);
    this.layout = layout;
    this.capacity = capacity;
    this.#spills = spills;
    this.frames = layout.images.map(
      (image, i) => spills[i]?.memory ?? new FrameMemory(frameBytes(image), capacity),
    );
    this.#reach = Math.max(1, ...layout.images.map(({ frameStack }) => frameStack)) - 1;
    this.#states = new Float32Array(capacity * layout.stateSize);
    this.#actions = new Float32Array(capacity * layout.actionSize);
    this.#rewards = new Float32Array(capacity);
    this.#terminated = new Uint8Array(capacity);
    this.#isIntervention = new Uint8Array(capacity);
    this.#hasNext = new Uint8Array(capacity);
    this.#age = new Int32Array(capacity);
    this.#first = firstRow;
    this.#written = firstRow;
  }

  /** One past the last row's number. */
  get written(): number {
    return this.#written;
  }

  /** The number of the oldest row still held. */
  get oldest(): number {
    return Math.max(this.#first, this.#written - this.capacity);
  }

  /** Transitions that can be sampled. */
  get transitions(): number {
    let count = this.#starts;
    // Only the oldest few rows can have lost a part of their stack.
    const oldest = this.oldest;
    for (let row = oldest; row < Math.min(oldest + this.#reach, this.#written); row++) {
      if (this.#hasNext[this.#place(row)] === 1 && !this.isTransition(row)) count--;
    }
    return count;
  }

  /** Bytes held for the rows written so far, at most `capacity`. */
  get bytes(): number {
    return (this.#written - this.oldest) * rowBytes(this.layout);
  }

  /** Starts an episode with its first observation. */
  begin(observation: ReplayObservation): void {
    // An episode without a single transition leaves no row behind; so at least every second row starts one, and
    // sampling by rejection stays O(1).
    if (this.#written > this.oldest && this.#age[this.#place(this.#written - 1)] === 0) this.#written--;
    this.#append(observation, 0);
  }

  /** Adds a transition from the observation added last. */
  add(step: ReplayStep): void {
    if (this.#written === this.oldest) throw new Error('A transition needs an episode: call begin first.');
    const place = this.#place(this.#written - 1);
    if (step.action.length !== this.layout.actionSize)
      throw new RangeError(
        `The replay's actions have ${this.layout.actionSize} numbers, this one ${step.action.length}.`,
      );
    this.#actions.set(step.action, place * this.layout.actionSize);
    this.#rewards[place] = step.reward;
    this.#terminated[place] = step.terminated ? 1 : 0;
    this.#isIntervention[place] = step.isIntervention ? 1 : 0;
    this.#append(step.next, (this.#age[place] ?? 0) + 1);
    this.#hasNext[place] = 1;
    this.#starts++;
  }

  /** Goes on to the next observation of the episode without a transition that could be sampled. */
  skipTo(next: ReplayObservation): void {
    if (this.#written === this.oldest) throw new Error('An observation needs an episode: call begin first.');
    this.#append(next, (this.#age[this.#place(this.#written - 1)] ?? 0) + 1);
  }

  addEpisode(episode: ReplayEpisode): void {
    const { stateSize, actionSize } = this.layout;
    if (stateSize > 0 && episode.state === undefined)
      throw new RangeError('The replay holds states, and the episode has none.');
    const observation = (t: number): ReplayObservation => episodeObservation(this.layout, episode, t);
    this.begin(observation(0));
    for (let t = 0; t < episode.length; t++) {
      this.add({
        action: episode.actions.subarray(t * actionSize, (t + 1) * actionSize),
        reward: episode.rewards[t] as number,
        terminated: episode.terminated && t === episode.length - 1,
        isIntervention: episode.interventions?.[t] === 1,
        next: observation(t + 1),
      });
    }
  }

  /** Copies of the last `length + 1` rows, which are the episode in progress or the one that just ended. */
  lastEpisode(): Required<Pick<ReplayEpisode, 'interventions'>> & Omit<ReplayEpisode, 'terminated'> {
    const last = this.#written - 1;
    const length = this.#age[this.#place(last)] ?? 0;
    if (last - length < this.oldest)
      throw new RangeError(
        `The episode of ${length + 1} observations does not fit the replay's ${this.capacity} rows.`,
      );
    const { stateSize, actionSize } = this.layout;
    const images = this.frames.map((frames) => new Uint8Array(frames.frameBytes * (length + 1)));
    const state = new Float32Array(stateSize * (length + 1));
    const actions = new Float32Array(actionSize * length);
    const rewards = new Float32Array(length);
    const interventions = new Uint8Array(length);
    for (let t = 0; t <= length; t++) {
      const place = this.#place(last - length + t);
      for (const [i, frames] of this.frames.entries())
        images[i]?.set(frames.view(place), t * frames.frameBytes);
      state.set(this.#states.subarray(place * stateSize, (place + 1) * stateSize), t * stateSize);
      if (t === length) break;
      actions.set(this.#actions.subarray(place * actionSize, (place + 1) * actionSize), t * actionSize);
      rewards[t] = this.#rewards[place] as number;
      interventions[t] = this.#isIntervention[place] as number;
    }
    return {
      length,
      actions,
      rewards,
      interventions,
      images: this.#byName(images),
      ...(stateSize > 0 && { state }),
    };
  }

  /** What was added `back` observations before the last, in the same episode: frames are views, valid for now. */
  recentObservation(back: number): ReplayObservation {
    const row = this.#written - 1 - back;
    const { stateSize } = this.layout;
    const state = new Float32Array(stateSize);
    this.copyState(row, state, 0);
    return {
      frames: Object.fromEntries(
        this.layout.images.map(({ name }, i) => [
          name,
          (this.frames[i] as FrameMemory).view(this.#place(row)),
        ]),
      ),
      ...(stateSize > 0 && { state }),
    };
  }

  /** Actions since the episode's start, up to the observation added last. */
  get episodeLength(): number {
    return this.#age[this.#place(this.#written - 1)] ?? 0;
  }

  /** The observation added last, as an environment gives it: images `[H, W, C·K]`, oldest frame first. */
  lastObservation(): {
    readonly images: Readonly<Record<string, Uint8Array>>;
    readonly state?: Float32Array;
  } {
    const last = this.#written - 1;
    const { stateSize } = this.layout;
    const images = this.#byName(this.frames.map((_, i) => this.#stackedImage(last, i)));
    if (stateSize === 0) return { images };
    const state = new Float32Array(stateSize);
    this.copyState(last, state, 0);
    return { images, state };
  }

  /** Whether the transition (row, row + 1) can be sampled: both rows and the whole stack are still held. */
  isTransition(row: number): boolean {
    const place = this.#place(row);
    const age = this.#age[place] as number;
    return this.#hasNext[place] === 1 && row - Math.min(age, this.#reach) >= this.oldest;
  }

  /** The row of a transition, uniform over all that can be sampled. */
  sampleRow(generator: Generator): number {
    const oldest = this.oldest;
    if (this.#starts === 0 || (this.#written - oldest <= this.#reach + 2 && this.transitions === 0))
      throw new Error('There is no transition to sample yet.');
    return this.sampleRowWithin(generator, oldest, this.#written);
  }

  /** The row of a transition, uniform over those in rows [from, to), which must hold one. */
  sampleRowWithin(generator: Generator, from: number, to: number): number {
    for (;;) {
      const row = from + generator.integer(to - from);
      if (this.isTransition(row)) return row;
    }
  }

  /**
   * Writes the K frame numbers of image `i` of the observation at `row`, oldest first, to `target` from `offset` on.
   * Before the episode's start its first frame is repeated.
   */
  frameStack(row: number, i: number, target: Int32Array, offset: number): void {
    const { frameStack } = this.#image(i);
    const age = this.#age[this.#place(row)] as number;
    for (let k = 0; k < frameStack; k++)
      target[offset + k] = this.#place(row - Math.min(frameStack - 1 - k, age));
  }

  /** Whether frames must be staged before they are gathered. */
  get isSpilled(): boolean {
    return this.#spills.length > 0;
  }

  /** Brings a transition's frames of image `i` into memory where they are not, see `FrameSpill.stage`. */
  async stage(slot: number, i: number, numbers: readonly Int32Array[]): Promise<void> {
    await this.#spills[i]?.stage(slot, numbers);
  }

  /** Gives up the files of its frames, where there are some. */
  close(): void {
    for (const spill of this.#spills) spill.close();
  }

  /** Copies the state `[S]` seen at `row`. */
  copyState(row: number, target: Float32Array, offset: number): void {
    const { stateSize } = this.layout;
    const from = this.#place(row) * stateSize;
    for (let i = 0; i < stateSize; i++) target[offset + i] = this.#states[from + i] as number;
  }

  /** Copies the action `[A]` taken at `row`. */
  copyAction(row: number, target: Float32Array, offset: number): void {
    const { actionSize } = this.layout;
    const from = this.#place(row) * actionSize;
    for (let i = 0; i < actionSize; i++) target[offset + i] = this.#actions[from + i] as number;
  }

  reward(row: number): number {
    return this.#rewards[this.#place(row)] as number;
  }

  terminated(row: number): boolean {
    return this.#terminated[this.#place(row)] === 1;
  }

  /** Whether the action taken at `row` is a person's. */
  isIntervention(row: number): boolean {
    return this.#isIntervention[this.#place(row)] === 1;
  }

  /**
   * What the transition from `row` over up to n `steps` brings: it goes as far as its episode, or what is known of
   * it, does.
   * @returns the steps it takes, Σ γ^k r over them, and the factor of the value where it arrives: γ^steps, or 0 where
   *   the task ended
   */
  discountedReturn(
    row: number,
    steps: number,
    discount: number,
  ): { readonly steps: number; readonly reward: number; readonly factor: number } {
    let reward = this.reward(row);
    let factor = this.terminated(row) ? 0 : discount;
    let taken = 1;
    for (; taken < steps && factor > 0 && this.#hasNext[this.#place(row + taken)] === 1; taken++) {
      reward += factor * this.reward(row + taken);
      factor = this.terminated(row + taken) ? 0 : factor * discount;
    }
    return { steps: taken, reward, factor };
  }

  #append(observation: ReplayObservation, age: number): void {
    const place = this.#place(this.#written);
    if (this.#written - this.#first >= this.capacity && this.#hasNext[place] === 1) this.#starts--;
    this.#hasNext[place] = 0;
    this.#age[place] = age;
    for (const [i, frames] of this.frames.entries()) {
      const { name } = this.#image(i);
      const frame = observation.frames[name];
      if (frame?.length !== frames.frameBytes)
        throw new RangeError(
          `The replay's frames of "${name}" have ${frames.frameBytes} bytes, this one ${frame?.length ?? 0}.`,
        );
      (this.#spills[i] ?? frames).write(place, frame);
    }
    const { stateSize } = this.layout;
    if (stateSize > 0) {
      if (observation.state?.length !== stateSize)
        throw new RangeError(
          `The replay's states have ${stateSize} numbers, this one ${observation.state?.length ?? 0}.`,
        );
      this.#states.set(observation.state, place * stateSize);
    }
    this.#written++;
  }

  #place(row: number): number {
    return row % this.capacity;
  }

  #image(i: number): ImageLayout {
    const image = this.layout.images[i];
    if (image === undefined)
      throw new RangeError(`The replay has ${this.layout.images.length} images; there is no image ${i}.`);
    return image;
  }

  /** Image `i` of the observation at `row`, `[H, W, C·K]`. */
  #stackedImage(row: number, i: number): Uint8Array {
    const { channels, frameStack } = this.#image(i);
    const frames = this.frames[i] as FrameMemory;
    const numbers = new Int32Array(frameStack);
    this.frameStack(row, i, numbers, 0);
    const stacked = new Uint8Array(frames.frameBytes * frameStack);
    for (const [k, number] of numbers.entries()) {
      const bytes = frames.view(number);
      for (let b = 0; b < bytes.length; b++) {
        const pixel = Math.floor(b / channels);
        stacked[(pixel * frameStack + k) * channels + (b % channels)] = bytes[b] as number;
      }
    }
    return stacked;
  }

  #byName(images: readonly Uint8Array[]): Record<string, Uint8Array> {
    return Object.fromEntries(images.map((image, i) => [this.#image(i).name, image]));
  }
}

/** Observation `t` of an episode, as views. @throws RangeError where the episode lacks an image of the layout */
export function episodeObservation(
  { images, stateSize }: ReplayLayout,
  episode: ReplayEpisode,
  t: number,
): ReplayObservation {
  return {
    frames: Object.fromEntries(
      images.map((image) => {
        const bytes = frameBytes(image);
        return [image.name, episodeImage(episode, image).subarray(t * bytes, (t + 1) * bytes)];
      }),
    ),
    ...(episode.state && { state: episode.state.subarray(t * stateSize, (t + 1) * stateSize) }),
  };
}

/** @throws RangeError where the episode has no image of that name */
function episodeImage({ images }: ReplayEpisode, { name }: ImageLayout): Uint8Array {
  const image = images[name];
  if (image === undefined)
    throw new RangeError(`The replay holds frames of "${name}", and the episode has none.`);
  return image;
}
