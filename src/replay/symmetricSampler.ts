/**
 * Symmetric sampling (RLPD, section 4.1): every minibatch takes a fixed number of its rows from the prior data and
 * the rest from fresh experience. The random shift of every image is drawn here too, so a batch says everything
 * that is random about its observations.
 */
import { drawShifts } from '../../encoders/randomShift.js';
import type { Generator } from '../random/generator.js';
import type { Batch, BatchObservation, FrameGather } from './batch.js';
import type { FrameMemory } from './frameMemory.js';
import type { PriorInterventions } from './priorInterventions.js';
import type { ImageLayout, ReplayBuffer, ReplayLayout } from './replayBuffer.js';

/** A part of the prior data, whole episodes, that is drawn from in a share of its own. */
export interface PriorShare {
  /** Beside the other parts' weights; above 0. */
  readonly weight: number;
  /** Rows [firstRow, endRow) of the offline buffer. */
  readonly firstRow: number;
  readonly endRow: number;
}

export interface SamplerOptions {
  /** Fresh experience, which may have been seeded with prior data. */
  readonly online: ReplayBuffer;
  /** Prior data that keeps its own share; undefined: every row is drawn from `online`. */
  readonly offline?: ReplayBuffer | undefined;
  /**
   * In which shares the rows from `offline` come from its parts: each row draws its part with a probability in
   * proportion to the weights, then a transition of the part uniformly. None: uniform over all of `offline`.
   */
  readonly priorShares?: readonly PriorShare[] | undefined;
  /**
   * What people did in the run so far, at the end of `offline`. Each is as likely to be drawn as any transition of the
   * datasets; with weights, they are drawn as often as without, and the weights hold for the rest.
   */
  readonly interventions?: PriorInterventions | undefined;
  /** Whether what people did counts as prior data where it is drawn from `online`. Default false. */
  readonly onlineInterventionsArePrior?: boolean | undefined;
  /** Share of every minibatch drawn from `offline`, in [0, 1], rounded to whole rows. */
  readonly offlineShare: number;
  /** B, the rows of one minibatch. */
  readonly batchSize: number;
  /** G, the minibatches of one batch. */
  readonly minibatches: number;
  /** γ, for each agent step. */
  readonly discount: number;
  /** n, the agent steps whose rewards a transition sums up. Default 1. */
  readonly returnSteps?: number | undefined;
  /** Of all rows alike, each agent step's reward r counts as `rewardScale`·r + `rewardShift`. Default 1 and 0. */
  readonly rewardScale?: number | undefined;
  readonly rewardShift?: number | undefined;
  /** Rows of `online` below this number are prior data. Default 0. */
  readonly seededRows?: number | undefined;
  /** Greatest shift of an image in pixels each way; 0: none. */
  readonly randomShiftPad: number;
  readonly generator: Generator;
}

interface Source {
  readonly buffer: ReplayBuffer;
  readonly count: number;
}

export class SymmetricSampler {
  readonly #options: SamplerOptions;
  readonly #mixed: readonly Source[];
  /** Of the prior shares; 0 where there are none. */
  readonly #totalWeight: number;

  constructor(options: SamplerOptions) {
    const { online, offline, offlineShare, batchSize } = options;
    if (!(offlineShare >= 0 && offlineShare <= 1))
      throw new RangeError(`offlineShare is ${offlineShare}: expected a number in [0, 1].`);
    this.#options = options;
    this.#totalWeight = (options.priorShares ?? []).reduce((sum, { weight }) => sum + weight, 0);
    const fromOffline = offline === undefined ? 0 : Math.round(batchSize * offlineShare);
    this.#mixed = [
      { buffer: online, count: batchSize - fromOffline },
      ...(offline === undefined ? [] : [{ buffer: offline, count: fromOffline }]),
    ].filter((source) => source.count > 0);
  }

  /** Whether every source that `sample` draws from holds a transition. */
  get ready(): boolean {
    return this.#mixed.every((source) => source.buffer.transitions > 0);
  }

  /** A batch in the configured proportions. Its frames stay in memory until the next one is drawn. */
  sample(): Promise<Batch> {
    return this.#draw(this.#mixed);
  }

  /** A batch of prior data alone, for updates before the first step; of the seeded replay where that holds it. */
  sampleOffline(): Promise<Batch> {
    const { online, offline, batchSize } = this.#options;
    return this.#draw([{ buffer: offline ?? online, count: batchSize }]);
  }

  async #draw(sources: readonly Source[]): Promise<Batch> {
    const { batchSize, minibatches, generator, randomShiftPad, online, offline } = this.#options;
    const { discount, returnSteps = 1, seededRows = 0, rewardScale = 1, rewardShift = 0 } = this.#options;
    const { onlineInterventionsArePrior = false } = this.#options;
    const { layout } = online;
    const rows = batchSize * minibatches;
    const observation = new ObservationRows(sources, rows, layout);
    const nextObservation = new ObservationRows(sources, rows, layout);
    const actions = new Float32Array(rows * layout.actionSize);
    const rewards = new Float32Array(rows);
    const discounts = new Float32Array(rows);
    const prior = new Float32Array(rows);
    const staged: Promise<unknown>[] = [];
    let i = 0;
    for (let minibatch = 0; minibatch < minibatches; minibatch++) {
      for (const { buffer, count } of sources) {
        for (let n = 0; n < count; n++, i++) {
          const row = buffer === offline ? this.#sampleOfflineRow(buffer) : buffer.sampleRow(generator);
          const { steps, reward, factor } = buffer.discountedReturn(row, returnSteps, discount);
          observation.set(i, buffer, row);
          nextObservation.set(i, buffer, row + steps);
          if (buffer.isSpilled) {
            const slot = staged.length;
            const stages = layout.images.map((_, image) =>
              buffer.stage(slot, image, [observation.frames(image, i), nextObservation.frames(image, i)]),
            );
            staged.push(Promise.all(stages));
          }
          buffer.copyAction(row, actions, i * layout.actionSize);
          rewards[i] = rewardScale * reward + rewardShift * shifts(steps, discount);
          discounts[i] = factor;
          const isPrior =
            buffer === offline ||
            row < seededRows ||
            (onlineInterventionsArePrior && buffer.isIntervention(row));
          prior[i] = isPrior ? 1 : 0;
        }
      }
    }
    await Promise.all(staged);
    observation.drawShifts(generator, randomShiftPad);
    nextObservation.drawShifts(generator, randomShiftPad);
    return {
      size: batchSize,
      minibatches,
      observation: observation.value,
      nextObservation: nextObservation.value,
      actions,
      rewards,
      discounts,
      prior,
    };
  }

  /** Gives up what prior data has open. */
  close(): void {
    this.#options.offline?.close();
  }

  #sampleOfflineRow(offline: ReplayBuffer): number {
    const { generator, priorShares = [], interventions } = this.#options;
    if (this.#totalWeight === 0) return offline.sampleRow(generator);
    if (interventions !== undefined && interventions.count > 0) {
      const { count, firstRow } = interventions;
      if (generator.integer(offline.transitions) < count)
        return offline.sampleRowWithin(generator, firstRow, offline.written);
    }
    let rest = generator.uniform() * this.#totalWeight;
    let part = 0;
    // Rounding may leave a trace of `rest` after the last part.
    while (part < priorShares.length - 1 && rest >= (priorShares[part] as PriorShare).weight)
      rest -= (priorShares[part++] as PriorShare).weight;
    const { firstRow, endRow } = priorShares[part] as PriorShare;
    return offline.sampleRowWithin(generator, firstRow, endRow);
  }
}

/** The observations of one batch while they are gathered. */
class ObservationRows {
  readonly value: BatchObservation;
  readonly #layout: ReplayLayout;

  constructor(sources: readonly Source[], rows: number, layout: ReplayLayout) {
    this.#layout = layout;
    const { images, stateSize } = layout;
    this.value = {
      images: images.map(
        ({ frameStack }, image): FrameGather => ({
          memories: sources.map(({ buffer }) => buffer.frames[image] as FrameMemory),
          counts: sources.map((source) => source.count),
          frames: new Int32Array(rows * frameStack),
          shifts: new Int32Array(rows * 2),
        }),
      ),
      ...(stateSize > 0 && { state: new Float32Array(rows * stateSize) }),
    };
  }

  set(i: number, buffer: ReplayBuffer, row: number): void {
    const { images, state } = this.value;
    const { stateSize } = this.#layout;
    for (const [image, { frames }] of images.entries())
      buffer.frameStack(row, image, frames, i * this.#stack(image));
    if (state !== undefined) buffer.copyState(row, state, i * stateSize);
  }

  /** The frame numbers of an image in row i. */
  frames(image: number, i: number): Int32Array {
    const stack = this.#stack(image);
    return (this.value.images[image] as FrameGather).frames.subarray(i * stack, (i + 1) * stack);
  }

  /** One offset a sample and image, the same for its whole stack. */
  drawShifts(generator: Generator, pad: number): void {
    for (const { shifts } of this.value.images) shifts.set(drawShifts(generator, shifts.length / 2, pad));
  }

  #stack(image: number): number {
    return (this.#layout.images[image] as ImageLayout).frameStack;
  }
}

/** How often a shift of each step's reward counts in a return over n steps: Σ γ^k for k < n. */
function shifts(steps: number, discount: number): number {
  let sum = 1;
  for (let k = 1, factor = discount; k < steps; k++, factor *= discount) sum += factor;
  return sum;
}
