/** What learner and actors tell each other, as JSON. All that comes in is parsed by these. */
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

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf8', { fatal: true });

export function encode(message: Plan | Commit | Spec | Lease | { readonly version: number }): Uint8Array {
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
    `${what} is not as this version of the program has it, at "${issue?.path.join('.')}": ${issue?.message}. Learner and actors must be of one version.`,
  );
}
