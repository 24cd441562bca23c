/**
 * Seeded random numbers for the whole project: one tree of named streams, each of which can be saved and
 * restored. The bits come from pure-rand's xoroshiro128+; a child's seed is a hash of its parent's seed and its
 * own name, so adding a stream never shifts the numbers of another.
 */
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { JumpableRandomGenerator } from 'pure-rand/types/JumpableRandomGenerator';

/** What `Generator.state` returns: plain numbers, safe to write as JSON. */
export interface GeneratorState {
  readonly seed: number;
  readonly bits: readonly number[];
  /** The second half of the last Box–Muller pair, if it was not used yet. */
  readonly spareNormal: number | null;
}

const TWO_POW_32 = 4294967296;

export class Generator {
  #seed: number;
  #bits: JumpableRandomGenerator;
  #spareNormal: number | null = null;

  /** @param seed any integer; only its low 32 bits count. */
  constructor(seed: number) {
    this.#seed = seed >>> 0;
    // pure-rand's own seeding leaves most bits of the first numbers equal for small seeds, so all 128 are hashed.
    this.#bits = xoroshiro128plusFromState(['a', 'b', 'c', 'd'].map((word) => hash(this.#seed, word) | 0));
  }

  /** An independent stream that depends on this generator's seed and on `name` alone, not on its position. */
  child(name: string): Generator {
    return new Generator(hash(this.#seed, name));
  }

  /** Uniform integer in [0, 2³²). */
  bits32(): number {
    return this.#bits.next() >>> 0;
  }

  /** Uniform in [low, high), with 53 random bits. */
  uniform(low = 0, high = 1): number {
    const fraction = ((this.bits32() >>> 5) * 67108864 + (this.bits32() >>> 6)) / 9007199254740992;
    return low + (high - low) * fraction;
  }

  /** Uniform integer in [0, count), without bias (rejection). `count` is in [1, 2³²]. */
  integer(count: number): number {
    const limit = TWO_POW_32 - (TWO_POW_32 % count);
    for (;;) {
      const bits = this.bits32();
      if (bits < limit) return bits % count;
    }
  }

  /** Standard normal (Box–Muller, in pairs). */
  normal(): number {
    if (this.#spareNormal !== null) {
      const value = this.#spareNormal;
      this.#spareNormal = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Fills `target` with independent standard normals and returns it. */
  fillNormal(target: Float32Array): Float32Array {
    for (let i = 0; i < target.length; i++) target[i] = this.normal();
    return target;
  }

  /** `take` distinct integers of [0, count), in random order (partial Fisher–Yates). */
  choose(count: number, take: number): Int32Array {
    const items = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = 0; i < take; i++) {
      const j = i + this.integer(count - i);
      const swap = items[i] as number;
      items[i] = items[j] as number;
      items[j] = swap;
    }
    return items.subarray(0, take);
  }

  state(): GeneratorState {
    return { seed: this.#seed, bits: [...this.#bits.getState()], spareNormal: this.#spareNormal };
  }

  restore(state: GeneratorState): void {
    this.#seed = state.seed;
    this.#bits = xoroshiro128plusFromState(state.bits);
    this.#spareNormal = state.spareNormal;
  }
}

/** FNV-1a over the seed's bytes and the name's UTF-16 units, finished with murmur3's avalanche. */
function hash(seed: number, name: string): number {
  let h = 0x811c9dc5;
  const mix = (byte: number): void => {
    h = Math.imul(h ^ byte, 0x01000193);
  };
  for (let shift = 0; shift < 32; shift += 8) mix((seed >>> shift) & 255);
  for (let i = 0; i < name.length; i++) {
    mix(name.charCodeAt(i) & 255);
    mix(name.charCodeAt(i) >>> 8);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
