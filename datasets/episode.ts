/**
 * One episode in memory: T transitions and the T + 1 observations around them, aligned as
 * o[t], a[t], r[t], o[t+1]: action t was chosen on seeing observation t, reward t came with observation t + 1.
 */

export interface Episode {
  /** Unique within its dataset; for converted data it names the source. */
  readonly id: string;
  /** T, the number of actions. */
  readonly length: number;
  /** By name, `[T+1, H, W, C]` uint8 each: single frames, row 0 at the top. Empty without images. */
  readonly images: Readonly<Record<string, Uint8Array>>;
  /** `[T+1, S]`. */
  readonly state?: Float32Array;
  /** `[T, A]` in [−1, 1]. */
  readonly actions: Float32Array;
  /** `[T]`, summed over repeated control steps. */
  readonly rewards: Float32Array;
  /** The task's own end: no return is to be had after the last observation. */
  readonly terminated: boolean;
  /** A time limit or an abort: the episode only stops being recorded. */
  readonly truncated: boolean;
  /** Whether the task was done; absent where nothing says. */
  readonly success?: boolean;
  /** `[T]`: 1 where a person's action was executed instead of the policy's. Absent where nobody could. */
  readonly interventions?: Uint8Array;
  /** What was to be done, in words. */
  readonly instruction?: string;
  /** Further arrays, declared in the manifest: `[T+1, size]` or `[T, size]`. */
  readonly extra?: Readonly<Record<string, Float32Array>>;
  /** Which file and rows it was converted from. */
  readonly source?: EpisodeSource;
}

export interface EpisodeSource {
  /** Name of the source file, relative to the source folder. */
  readonly file: string;
  /** First row, and one past the last, within that file. */
  readonly rows: readonly [number, number];
}

/** One image of an observation, as a single frame `[H, W, C]`. */
export interface FrameLayout {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** What one row of each array looks like; every episode of a dataset has the same. */
export interface EpisodeLayout {
  readonly images: readonly FrameLayout[];
  /** 0 without state. */
  readonly stateSize: number;
  readonly actionSize: number;
  readonly extra: Readonly<Record<string, ExtraLayout>>;
}

export interface ExtraLayout {
  /** Rows go with the T + 1 observations or with the T actions. */
  readonly per: 'observation' | 'action';
  /** Numbers in a row. */
  readonly size: number;
}

/** For people: "64×64×3" is width, height, channels. */
export function frameSize({ width, height, channels }: Omit<FrameLayout, 'name'>): string {
  return `${width}×${height}×${channels}`;
}

/** Bytes of one frame, H·W·C. */
export function frameBytes({ height, width, channels }: FrameLayout): number {
  return height * width * channels;
}

/** Frame `t` `[H, W, C]` of an episode's image. */
export function frameAt(episode: Episode, layout: FrameLayout, t: number): Uint8Array {
  const bytes = frameBytes(layout);
  return episode.images[layout.name]?.subarray(t * bytes, (t + 1) * bytes) ?? new Uint8Array(bytes);
}

/** Undiscounted sum of rewards, accumulated in double precision. */
export function episodeReturn(rewards: Float32Array): number {
  let sum = 0;
  for (const reward of rewards) sum += reward;
  return sum;
}
