/**
 * What the server says to the page: a schema for each answer. The server builds them, the page parses them; both sides
 * have this file, and it imports nothing but zod's small half and what else runs in a browser.
 */
import * as z from 'zod/mini';
import { episodeLabelSchema } from '../../datasets/editing/labels.js';
import { driveCommands, seatFactsSchema, standingSchema } from '../drive/standing.js';

export type { DriveCommand, SeatFacts, Standing } from '../drive/standing.js';

const count = z.int();

export const runStates = ['running', 'stopped', 'finished', 'failed'] as const;

export const runSummarySchema = z.object({
  /** Its folder, as the server was given it: a run's name in every address. */
  id: z.string(),
  task: z.string(),
  algorithm: z.string(),
  seed: count,
  state: z.enum(runStates),
  /** Why it failed, or cannot be read. */
  reason: z.nullable(z.string()),
  /** Env frames, or updates where it learns from data alone. */
  unit: z.enum(['env frames', 'updates']),
  done: count,
  total: count,
  /** Of the last reports; null where there are too few. */
  perSecond: z.nullable(z.number()),
  secondsLeft: z.nullable(z.number()),
  /** Mean return and success of the last evaluation. */
  lastReturn: z.nullable(z.number()),
  lastSuccess: z.nullable(z.number()),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

export const datasetSummarySchema = z.object({
  id: z.string(),
  task: z.nullable(z.string()),
  episodes: count,
  /** Agent steps. */
  steps: count,
  bytes: count,
  meanReturn: z.nullable(z.number()),
  images: z.array(z.string()),
  /** Why it cannot be read. */
  problem: z.nullable(z.string()),
});
export type DatasetSummary = z.infer<typeof datasetSummarySchema>;

/** Everything that the folders hold. */
export const overviewSchema = z.object({
  runs: z.array(runSummarySchema),
  datasets: z.array(datasetSummarySchema),
  /** Whether something can be driven here. */
  drives: z.boolean(),
});
export type Overview = z.infer<typeof overviewSchema>;

/** By the ending of the file's name. */
export const filmTypes: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
};

export const runDetailsSchema = z.object({
  id: z.string(),
  config: z.record(z.string(), z.unknown()),
  /** The dataset of its episodes; null where it has none yet. */
  replay: z.nullable(z.string()),
  /** The dataset of its evaluations' first episodes; null where it has none. */
  evaluations: z.nullable(z.string()),
  /** Films in its folder, by their paths there. */
  films: z.array(z.string()),
  /** The study that it belongs to, where that has a report. */
  study: z.nullable(z.string()),
});
export type RunDetails = z.infer<typeof runDetailsSchema>;

/** The evaluations of a run that are kept as episodes, in their order. */
export const evaluationsSchema = z.array(
  z.object({
    /** The episode's number in the dataset of them. */
    episode: count,
    envFrames: count,
    updates: count,
    /** Of computing; null where the run does not say. */
    minutes: z.nullable(z.number()),
    /** Mean return of the evaluation, of which the episode is the first. */
    mean: z.number(),
    successRate: z.nullable(z.number()),
    episodes: count,
  }),
);
export type Evaluations = z.infer<typeof evaluationsSchema>;

const curveSchema = z.object({
  /** The settings in which it differs, or the run's name. */
  name: z.string(),
  color: z.string(),
  runs: z.array(z.string()),
  x: z.array(z.number()),
  value: z.array(z.number()),
  /** Ends of the 95% interval over seeds, where there are several. */
  low: z.nullable(z.array(z.number())),
  high: z.nullable(z.array(z.number())),
});
export type PageCurve = z.infer<typeof curveSchema>;

const measureChartSchema = z.object({
  /** `return`, `successRate`, `criticLoss`, … */
  measure: z.string(),
  label: z.string(),
  curves: z.array(curveSchema),
});
export type MeasureChart = z.infer<typeof measureChartSchema>;

/** The curves of a choice of runs; a group for each task and data. */
export const curvesSchema = z.object({
  xLabel: z.string(),
  tasks: z.array(z.object({ title: z.string(), charts: z.array(measureChartSchema) })),
  /** Sentences on what is left out, and why. */
  notes: z.array(z.string()),
});
export type Curves = z.infer<typeof curvesSchema>;

export const datasetDetailsSchema = z.object({
  id: z.string(),
  task: z.nullable(z.string()),
  images: z.array(z.object({ name: z.string(), height: count, width: count, channels: count })),
  actionSize: count,
  actionNames: z.nullable(z.array(z.string())),
  stateSize: count,
  stateNames: z.nullable(z.array(z.string())),
  /** Seconds between two observations; null where unknown. */
  secondsPerStep: z.nullable(z.number()),
  /** What the manifest says of the whole, as words for people. */
  facts: z.array(z.tuple([z.string(), z.string()])),
  /** As they lie. `success` is null where nothing says. */
  episodes: z.array(
    z.object({ id: z.string(), steps: count, return: z.number(), success: z.nullable(z.boolean()) }),
  ),
});
export type DatasetDetails = z.infer<typeof datasetDetailsSchema>;
export type EpisodeSummary = DatasetDetails['episodes'][number];

/** Steps of each episode in which a person took over; null where nobody could. */
export const interventionsSchema = z.array(z.nullable(count));

export const episodeSchema = z.object({
  /** `[T, A]`, row by row. */
  actions: z.array(z.number()),
  /** `[T]`. */
  rewards: z.array(z.number()),
  /** `[T+1, S]`, row by row; null without state. */
  state: z.nullable(z.array(z.number())),
  /** `[T]`, 1 where a person took over; null where nobody could. */
  interventions: z.nullable(z.array(z.number())),
  terminated: z.boolean(),
  truncated: z.boolean(),
  success: z.nullable(z.boolean()),
  instruction: z.nullable(z.string()),
});
export type EpisodeValues = z.infer<typeof episodeSchema>;

/** What the server says on the socket of the drive view: text is one of these. */
export const driveNewsSchema = z.discriminatedUnion('kind', [
  /** The first. */
  z.object({ kind: z.literal('facts'), facts: seatFactsSchema }),
  /** @property isDriver whether this page is the one that drives */
  z.object({ kind: z.literal('standing'), standing: standingSchema, isDriver: z.boolean() }),
  /**
   * The next binary messages are these pictures, JPEG or PNG. `input` is the number of the page's last `hold` that the
   * step had heard of.
   */
  z.object({
    kind: z.literal('seen'),
    standing: standingSchema,
    isDriver: z.boolean(),
    input: count,
    pictures: z.array(z.string()),
  }),
]);
export type DriveNews = z.infer<typeof driveNewsSchema>;

/** What the page says there. */
export const driveOrderSchema = z.discriminatedUnion('kind', [
  /**
   * What the hands do, whenever it changes, and every tenth of a second while something is held: `[A]` in [−1, 1], and a
   * number that grows with each change.
   */
  z.object({
    kind: z.literal('hold'),
    action: z.array(z.number().check(z.minimum(-1), z.maximum(1))),
    isHeld: z.boolean(),
    input: count.check(z.minimum(0)),
  }),
  z.object({ kind: z.literal('command'), command: z.enum(driveCommands) }),
  z.object({
    kind: z.literal('look'),
    camera: z.nullable(z.string()),
    size: count.check(z.minimum(1), z.maximum(4096)),
  }),
]);
export type DriveOrder = z.infer<typeof driveOrderSchema>;

export const labelsAnswerSchema = z.object({
  /** By episode id. */
  labels: z.record(z.string(), episodeLabelSchema),
  /** A sentence on why nothing can be marked; null where it can. */
  readOnly: z.nullable(z.string()),
});
export type LabelsAnswer = z.infer<typeof labelsAnswerSchema>;

/** What the page sends: a label in place of the one that the episode has. */
export const labelRequestSchema = z.strictObject({
  dataset: z.string(),
  episode: z.string(),
  label: episodeLabelSchema,
});

/** What the page sends: episodes, with what their labels say, as a new dataset beside the one that they are of. */
export const editRequestSchema = z.strictObject({
  dataset: z.string(),
  /** Of the new dataset's folder. */
  name: z.string(),
  /** Their numbers. */
  episodes: z.array(count),
  /** Whether rewards become 1 at the last step of a success, and else 0. */
  sparse: z.boolean(),
  /** Share of the episodes that goes into a second dataset; 0 for none. */
  holdoutShare: z.number().check(z.gte(0), z.lt(1)),
});
export type EditRequest = z.infer<typeof editRequestSchema>;

export const editAnswerSchema = z.object({
  written: z.array(z.object({ id: z.string(), name: z.string(), episodes: count, steps: count })),
});
export type EditAnswer = z.infer<typeof editAnswerSchema>;
