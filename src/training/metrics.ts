/**
 * What a run reports, in two places: `metrics.jsonl`, one JSON object a line, and TensorBoard event files, which also
 * say how fast it went. Two equal runs write equal lines but for `seconds`, the clock's only trace.
 */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../errors.js';
import type { EpisodeFacts } from './experience.js';
import { EventFile } from './tensorboard.js';

/** Where a run stands; every line carries it. */
export interface Counters {
  /** Control steps of the training environment. */
  readonly envFrames: number;
  /** Actions taken in it. */
  readonly agentSteps: number;
  /** Critic steps (behaviour cloning: actor steps). */
  readonly updates: number;
  /** Finished episodes. */
  readonly episodes: number;
}

export type MetricsLine = Counters & {
  /** Wall-clock seconds that the run has computed until then, interruptions left out. Older runs do not say it. */
  readonly seconds?: number;
} & (
    | { readonly kind: 'train'; readonly [name: string]: number | string }
    | ({
        readonly kind: 'episode';
        readonly return: number;
        readonly length: number;
        readonly success?: boolean;
        /** Agent steps in which a person took over, where somebody can. */
        readonly interventions?: number;
        /** Sums of the parts of the reward, where the environment names some. */
        readonly rewardTerms?: Readonly<Record<string, number>>;
      } & EpisodeFacts)
    | ({ readonly kind: 'invalidEpisode'; readonly reason: string; readonly length: number } & EpisodeFacts)
    | {
        readonly kind: 'evaluation';
        readonly returns: readonly number[];
        readonly mean: number;
        readonly std: number;
        readonly iqm: number;
        readonly ci95: readonly [number, number];
        /** Where the task says whether an episode succeeded, and its 95% interval. */
        readonly successRate?: number;
        readonly successCi95?: readonly [number, number];
        readonly length: number;
        readonly invalid: number;
        /** Agent steps in which a person took over, where somebody can. */
        readonly interventions?: number;
      }
  );

const count = z.int().min(0);
const counters = { envFrames: count, agentSteps: count, updates: count, episodes: count };
/** What readers of the file rely on; a line may hold more. */
const lineSchema = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('train'), ...counters }),
  z.looseObject({ kind: z.literal('episode'), ...counters, return: z.number(), length: count }),
  z.looseObject({ kind: z.literal('invalidEpisode'), ...counters, reason: z.string() }),
  z.looseObject({
    kind: z.literal('evaluation'),
    ...counters,
    returns: z.array(z.number()),
    mean: z.number(),
    ci95: z.tuple([z.number(), z.number()]),
  }),
]);

/** Undefined where the text is no line of metrics. */
export function parseMetricsLine(text: string): MetricsLine | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  return lineSchema.safeParse(json).success ? (json as MetricsLine) : undefined;
}

/** How long the files are; a checkpoint keeps it, and a resumed run cuts what was written after. */
export interface MetricsPosition {
  readonly jsonl: number;
  readonly tensorboard: number;
}

export const METRICS_FILE = 'metrics.jsonl';
/** TensorBoard takes any file whose name holds "tfevents"; one fixed name lets a resumed run go on in it. */
const EVENT_FILE = 'tensorboard/events.out.tfevents.0000000000.rlpd';

export class MetricsWriter {
  readonly #jsonl: FileHandle;
  readonly #events: EventFile;
  #bytes: number;

  private constructor(jsonl: FileHandle, events: EventFile, bytes: number) {
    this.#jsonl = jsonl;
    this.#events = events;
    this.#bytes = bytes;
  }

  /**
   * Opens the files, cut off at `position`.
   * @throws InputError where one of them is shorter than that, or gone
   */
  static async open(
    folder: string,
    position: MetricsPosition = { jsonl: 0, tensorboard: 0 },
  ): Promise<MetricsWriter> {
    await requireMetrics(folder, position);
    const [lines, scalars] = [join(folder, METRICS_FILE), join(folder, EVENT_FILE)];
    const jsonl = await open(lines, position.jsonl === 0 ? 'w' : 'r+');
    await jsonl.truncate(position.jsonl);
    const events = await EventFile.open(scalars, position.tensorboard);
    return new MetricsWriter(jsonl, events, position.jsonl);
  }

  get position(): MetricsPosition {
    return { jsonl: this.#bytes, tensorboard: this.#events.bytes };
  }

  /** @param speed numbers of the clock, which go to TensorBoard alone */
  async write(line: MetricsLine, speed: Readonly<Record<string, number>> = {}): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    const at = this.#bytes;
    this.#bytes += bytes.length;
    await this.#jsonl.write(bytes, 0, bytes.length, at);
    const scalars = { ...scalarsOf(line), ...prefixed('speed', speed) };
    if (Object.keys(scalars).length > 0)
      await this.#events.write({ wallTime: Date.now() / 1000, step: stepOf(line), scalars });
  }

  /** Makes what was written so far survive a power cut. */
  async flush(): Promise<void> {
    await this.#jsonl.sync();
    await this.#events.flush();
  }

  async close(): Promise<void> {
    await this.#jsonl.close();
    await this.#events.close();
  }
}

/**
 * Cutting a file at a place behind its end would fill it up with zeros.
 * @throws InputError where one of the files in a run's folder is shorter than `position` says, or gone
 */
export async function requireMetrics(folder: string, position: MetricsPosition): Promise<void> {
  await requireBytes(join(folder, METRICS_FILE), position.jsonl);
  await requireBytes(join(folder, EVENT_FILE), position.tensorboard);
}

async function requireBytes(path: string, bytes: number): Promise<void> {
  const size = (await stat(path).catch(() => null))?.size ?? 0;
  if (size < bytes)
    throw new InputError(
      `${path} has ${size} bytes and the run's checkpoint was made at ${bytes}: put the file back to go on with the run.`,
    );
}

/** Env frames are the axis people compare runs on; before the first of them, updates are all there is. */
function stepOf(line: MetricsLine): number {
  return line.envFrames > 0 ? line.envFrames : line.updates;
}

function scalarsOf(line: MetricsLine): Record<string, number> {
  const { kind, envFrames, agentSteps, updates, episodes, seconds, ...rest } = line;
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(rest)) if (typeof value === 'number') numbers[name] = value;
  const terms = line.kind === 'episode' ? prefixed('rewardTerms', line.rewardTerms ?? {}) : {};
  return prefixed(kind, { ...numbers, ...terms });
}

function prefixed(group: string, numbers: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [`${group}/${name}`, value]));
}

/** Means over the updates since the last line. Plain sums, so that a checkpoint can keep them exactly. */
export class MeanMetrics {
  #count = 0;
  #sums: Record<string, number> = {};

  add(metrics: Readonly<Record<string, number>>): void {
    this.#count++;
    for (const [name, value] of Object.entries(metrics)) this.#sums[name] = (this.#sums[name] ?? 0) + value;
  }

  /** The means, in the order the names first came; starts anew. */
  take(): Record<string, number> {
    const means = Object.fromEntries(
      Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.#count]),
    );
    this.#count = 0;
    this.#sums = {};
    return means;
  }

  state(): MeanMetricsState {
    return { count: this.#count, sums: { ...this.#sums } };
  }

  restore(state: MeanMetricsState): void {
    this.#count = state.count;
    this.#sums = { ...state.sums };
  }
}

export interface MeanMetricsState {
  readonly count: number;
  readonly sums: Readonly<Record<string, number>>;
}
