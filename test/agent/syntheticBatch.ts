/** Batches and agents of small size for tests. */
import type { ObservationSpace } from '../../envs/environment.js';
import { RlpdAgent } from '../../src/agent/agent.js';
import { type AgentConfig, parseAgentConfig } from '../../src/agent/config.js';
import { Generator } from '../../src/random/generator.js';
import type { Batch, BatchObservation } from '../../src/replay/batch.js';
import { FrameMemory } from '../../src/replay/frameMemory.js';
import { registerSmallEncoder, smallEncoderName } from './smallEncoder.js';

export const stateSize = 3;
export const actionSize = 2;
const imageSize = 11;
const frameStack = 2;

export type Kind = 'pixels' | 'state' | 'both';

export function observationSpace(kind: Kind): ObservationSpace {
  const pixels = { shape: [imageSize, imageSize, frameStack], low: 0, high: 255, dtype: 'uint8' } as const;
  const state = { shape: [stateSize], low: -Infinity, high: Infinity, dtype: 'float32' } as const;
  return { ...(kind === 'state' ? {} : { pixels }), ...(kind === 'pixels' ? {} : { state }) };
}

/** An agent with narrow layers and a small encoder; `settings` change it further. */
export function smallAgent(kind: Kind, settings: Partial<AgentConfig> = {}, seed = 0): RlpdAgent {
  registerSmallEncoder();
  const config = parseAgentConfig({
    encoder: smallEncoderName,
    hiddenWidth: 8,
    trunkWidth: 4,
    ensembleSize: 3,
    randomShiftPad: 2,
    ...settings,
  });
  return RlpdAgent.create({ config, observationSpace: observationSpace(kind), actionSize, seed });
}

/** A batch of random numbers: half from one frame memory, half from another. */
export class BatchSource {
  readonly #kind: Kind;
  readonly #size: number;
  readonly #random: Generator;
  readonly #memories: FrameMemory[];

  constructor(kind: Kind, size = 6, seed = 0) {
    this.#kind = kind;
    this.#size = size;
    this.#random = new Generator(seed);
    this.#memories = [0, 1].map(() => {
      const memory = new FrameMemory(imageSize * imageSize, 10);
      const frame = new Uint8Array(imageSize * imageSize);
      for (let i = 0; i < memory.capacity; i++) {
        memory.write(
          i,
          frame.map(() => this.#random.integer(256)),
        );
      }
      return memory;
    });
  }

  next(minibatches = 1): Batch {
    const rows = this.#size * minibatches;
    return {
      size: this.#size,
      minibatches,
      observation: this.#observation(rows),
      nextObservation: this.#observation(rows),
      actions: new Float32Array(rows * actionSize).map(() => this.#random.uniform(-1, 1)),
      rewards: new Float32Array(rows).map(() => this.#random.uniform()),
      discounts: new Float32Array(rows).fill(0.99),
      prior: new Float32Array(rows).map((_, row) => (row % this.#size < this.#size / 2 ? 0 : 1)),
    };
  }

  #observation(rows: number): BatchObservation {
    const half = this.#size / 2;
    const integers = (length: number, count: number) =>
      new Int32Array(length).map(() => this.#random.integer(count));
    const pixels = {
      memories: this.#memories,
      counts: [half, this.#size - half],
      frames: integers(rows * frameStack, 10),
      shifts: integers(rows * 2, 5),
    };
    const state = this.#random.fillNormal(new Float32Array(rows * stateSize));
    return {
      ...(this.#kind === 'state' ? {} : { pixels }),
      ...(this.#kind === 'pixels' ? {} : { state }),
    };
  }

  /** One observation for acting. */
  observation(): { pixels?: Uint8Array; state?: Float32Array } {
    const pixels = new Uint8Array(imageSize * imageSize * frameStack).map(() => this.#random.integer(256));
    const state = this.#random.fillNormal(new Float32Array(stateSize));
    return {
      ...(this.#kind === 'state' ? {} : { pixels }),
      ...(this.#kind === 'pixels' ? {} : { state }),
    };
  }
}
