/** Batches and agents of small size for tests. */
import type { ImageSpace, Observation, ObservationSpace } from '../../envs/environment.js';
import { RlpdAgent } from '../../src/agent/agent.js';
import { type AgentConfig, parseAgentConfig } from '../../src/agent/config.js';
import { Generator } from '../../src/random/generator.js';
import type { Batch, BatchObservation } from '../../src/replay/batch.js';
import { FrameMemory } from '../../src/replay/frameMemory.js';
import { registerSmallEncoder, smallEncoderName } from './smallEncoder.js';

export const stateSize = 3;
export const actionSize = 2;

/** One image, a state, one image and a state, or two images of different sizes and stacks and a state. */
export type Kind = 'pixels' | 'state' | 'both' | 'cameras';

const front: ImageSpace = { name: 'front', height: 11, width: 11, channels: 1, frameStack: 2 };
const wrist: ImageSpace = { name: 'wrist', height: 11, width: 15, channels: 3, frameStack: 1 };
const imagesOf: Readonly<Record<Kind, readonly ImageSpace[]>> = {
  pixels: [front],
  state: [],
  both: [front],
  cameras: [front, wrist],
};

export function observationSpace(kind: Kind): ObservationSpace {
  const state = { shape: [stateSize], low: -Infinity, high: Infinity, dtype: 'float32' } as const;
  return { images: imagesOf[kind], ...(kind === 'pixels' ? {} : { state }) };
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
  /** Two of each image. */
  readonly #memories: FrameMemory[][];

  constructor(kind: Kind, size = 6, seed = 0) {
    this.#kind = kind;
    this.#size = size;
    this.#random = new Generator(seed);
    this.#memories = imagesOf[kind].map(({ height, width, channels }) =>
      [0, 1].map(() => {
        const frame = new Uint8Array(height * width * channels);
        const memory = new FrameMemory(frame.length, 10);
        for (let i = 0; i < memory.capacity; i++) {
          memory.write(
            i,
            frame.map(() => this.#random.integer(256)),
          );
        }
        return memory;
      }),
    );
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
    const images = imagesOf[this.#kind].map(({ frameStack }, i) => ({
      memories: this.#memories[i] ?? [],
      counts: [half, this.#size - half],
      frames: integers(rows * frameStack, 10),
      shifts: integers(rows * 2, 5),
    }));
    const state = this.#random.fillNormal(new Float32Array(rows * stateSize));
    return { images, ...(this.#kind === 'pixels' ? {} : { state }) };
  }

  /** One observation for acting. */
  observation(): Observation {
    const images = imagesOf[this.#kind].map(({ name, height, width, channels, frameStack }) => {
      const stack = new Uint8Array(height * width * channels * frameStack);
      return [name, stack.map(() => this.#random.integer(256))] as const;
    });
    const state = this.#random.fillNormal(new Float32Array(stateSize));
    return { images: Object.fromEntries(images), ...(this.#kind === 'pixels' ? {} : { state }) };
  }
}
