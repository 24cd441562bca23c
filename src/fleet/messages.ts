/** What learner and actors, and studies and workers, tell each other, as JSON. All that comes in is parsed by these. */
import { z } from 'zod';
import { InputError } from '../errors.js';

/** Raised by whatever an older program would take wrong. */
export const PROTOCOL = 1;
/** Well below the server's limit of 1 MiB a message. */
export const PART_BYTES = 512 * 1024;

const count = z.int().min(0);
const seed = z.int().min(0).max(0xffffffff);

/** An episode that is to be played. */
export const planSchema = z.object({
  /** Its number, from 0. */
  n: count,
  /** Of the policy that acts: how many episodes it had been learnt from. */
  policy: count,
  /** Whether what acts is what fills the replay before learning begins. */
  isWarmUp: z.boolean(),
  /** Of the environment. */
  seed,
  /** Of what actions draw. */
  noiseSeed: seed,
});
export type Plan = z.output<typeof planSchema>;

/** What makes an episode's parts one that is played. The first one of a number counts. */
export const commitSchema = z.object({
  attempt: z.uuid(),
  actor: z.string(),
  parts: count,
  bytes: count,
  /** Of the record, that is of all parts together. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  policy: count,
  /** Env frames until its end. */
  envFrames: count,
  /** Why the simulation went bad after the record's last step, or why there is no record. */
  invalid: z.string().optional(),
  rewardTerms: z.record(z.string(), z.number()).optional(),
  /** Steps that the environment answered later than the control rate asks for; absent without one. */
  missedDeadlines: count.optional(),
});
export type Commit = z.output<typeof commitSchema>;

/** What a run is, for whoever acts in it. */
export const specSchema = z.object({
  protocol: z.literal(PROTOCOL),
  /** Of the program. */
  version: z.string(),
  /** UUID of the run's folder. */
  owner: z.uuid(),
  /** Where that lies, in words. */
  place: z.string(),
  /** The run's settings. */
  config: z.record(z.string(), z.json()),
  layout: z.object({
    images: z.array(
      z.object({
        name: z.string(),
        height: count,
        width: count,
        channels: count,
        frameStack: count,
      }),
    ),
    stateSize: count,
    actionSize: count,
  }),
  mode: z.enum(['ordered', 'free']),
  lanes: z.array(z.string()).min(1),
  /** After so many without a sign of life an actor's plan goes to another. */
  planSeconds: z.number().positive(),
  isFinished: z.boolean(),
});
export type Spec = z.output<typeof specSchema>;

export const newestPolicySchema = z.object({ version: count });

/** Which learner has a run. */
export const leaseSchema = z.object({ owner: z.uuid(), holder: z.uuid(), place: z.string() });
export type Lease = z.output<typeof leaseSchema>;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const words = z.string().max(10_000);
const fingerprintSchema = z.object({
  learner: z.string(),
  engine: z.string(),
  environment: z.string(),
  renderer: z.string(),
});

/** A run that is to be played. */
export const jobSchema = z.object({
  protocol: z.literal(PROTOCOL),
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** For people: the study's and the run's. */
  name: words,
  /** The program that plays it. */
  fingerprint: fingerprintSchema,
  /** The run's settings, but for where its data lie. */
  config: z.record(z.string(), z.json()),
  /** Lists of files, by their own SHA-256; null where there are none. */
  dataset: sha256.nullable(),
  backgrounds: sha256.nullable(),
  /** SHA-256 of a task's own module, which has to be where the job is played. */
  taskModule: sha256.nullable(),
});
export type Job = z.output<typeof jobSchema>;

/** How a job stands. Each change names the revision before it, so that who was passed over changes nothing. */
export const jobStateSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('open'),
    /** Who plays it, in words; null where nobody does. */
    worker: words.nullable(),
    /** The run's folder as its newest checkpoint has it, as a list of files; null before the first. */
    snapshot: sha256.nullable(),
    /** Deliveries of the job up to that checkpoint: those since have come to nothing. */
    deliveries: count,
  }),
  z.object({
    status: z.literal('done'),
    worker: words,
    /** The run's folder without its experience and checkpoints, as a list of files. */
    files: sha256,
    engine: words,
    wallSeconds: z.number().min(0),
    machine: z.object({ processor: words, cores: z.int(), node: words }),
  }),
  z.object({ status: z.literal('failed'), worker: words, reason: words }),
]);
export type JobState = z.output<typeof jobStateSchema>;

export const jobProgressSchema = z.object({
  phase: z.enum(['pretraining', 'training', 'evaluating']),
  unit: z.enum(['env frames', 'updates']),
  envFrames: count,
  agentSteps: count,
  updates: count,
  episodes: count,
  done: z.number().min(0),
  total: z.number().min(0),
  lastReturn: z.number().optional(),
  evaluationMean: z.number().optional(),
});

/** Who is there to play jobs. */
export const workerSchema = z.object({ place: words, fingerprint: fingerprintSchema });

/** Files of a folder. */
export const fileListSchema = z.array(
  z.object({
    /** With slashes, below the folder. */
    path: z.string().regex(/^(?!\.\.?(?:\/|$))[^/\\\0]+(?:\/(?!\.\.?(?:\/|$))[^/\\\0]+)*$/),
    bytes: count,
    sha256,
  }),
);
export type FileList = z.output<typeof fileListSchema>;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf8', { fatal: true });

type Message =
  | Plan
  | Commit
  | Spec
  | Lease
  | z.output<typeof newestPolicySchema>
  | Job
  | JobState
  | z.output<typeof jobProgressSchema>
  | z.output<typeof workerSchema>
  | FileList;

export function encode(message: Message): Uint8Array {
  return encoder.encode(JSON.stringify(message));
}

/** @throws InputError where the bytes are not what they should be */
export function decode<T>(schema: z.ZodType<T>, bytes: Uint8Array, what: string): T {
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    throw new InputError(`${what} is not JSON: ${(error as Error).message}.`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new InputError(
    `${what} is not as this version of the program has it, at "${issue?.path.join('.')}": ${issue?.message}. All who work together must be of one version.`,
  );
}
