/**
 * What travels between an environment and the server that runs it: README.md beside this file is the specification.
 * Everything that comes from the server is checked here.
 */
import { isIP } from 'node:net';
import { Packr, Unpackr } from 'msgpackr';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';

export const protocolVersion = 1;
/** A message is preceded by its length in bytes, an unsigned 32-bit number, most significant byte first. */
export const lengthBytes = 4;
/** The largest answer that is taken: a picture of 4096 × 4096 and some. */
export const maxAnswerBytes = 64 * 2 ** 20;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type Request =
  | { readonly op: 'hello'; readonly protocol: number; readonly token: string | null }
  | { readonly op: 'reset'; readonly seed: number }
  | { readonly op: 'step'; readonly action: Uint8Array; readonly repeat: number }
  | { readonly op: 'render' };

const prefix = 'remote:';

export function isRemote(task: string): boolean {
  return task.startsWith(prefix);
}

/** `remote:HOST:PORT`. @throws InputError for anything else. */
export function parseAddress(task: string): Address {
  const match = /^remote:(.+):(\d{1,5})$/.exec(task);
  const host = (match?.[1] ?? '').replace(/^\[(.*)\]$/, '$1');
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65535)
    throw new InputError(
      `"${task}" names no environment elsewhere: expected remote:HOST:PORT, such as remote:127.0.0.1:5555.`,
    );
  return { host, port };
}

/** Whether what is sent there stays on this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

const bytes = z.instanceof(Uint8Array);
const size = z.int().min(0);

/** Height, width, channels. */
const pictureShape = z.tuple([size.min(1), size.min(1), z.union([z.literal(1), z.literal(3)])]);

const factsSchema = z.object({
  protocol: z.literal(protocolVersion),
  name: z.string().min(1),
  renderer: z.string(),
  actionSize: z.int().min(1),
  stateSize: size,
  /** Null where it observes no picture. */
  pixels: pictureShape.nullable(),
  /** Whether `render` gives a picture. */
  renders: z.boolean(),
  maxSteps: z.int().min(1).nullable(),
  timestep: z.number().positive(),
});

const observed = { state: bytes.nullable(), pixels: bytes.nullable() };

const answerSchemas = {
  hello: factsSchema,
  reset: z.object(observed),
  step: z.object({
    ...observed,
    /** Any number, infinite and NaN too: what to make of those is not a matter of form. */
    reward: z.custom<number>((value) => typeof value === 'number', 'expected a number'),
    terminated: z.boolean(),
    truncated: z.boolean(),
    steps: z.int().min(1),
    /** Whether the task was done in one of them; absent where the environment does not say. */
    success: z.boolean().optional(),
  }),
  render: z.object({ pixels: bytes, shape: pictureShape }),
};

export type Facts = z.infer<typeof factsSchema>;
export type Answer<Op extends Request['op']> = z.infer<(typeof answerSchemas)[Op]>;

const refusalSchema = z.object({ error: z.string(), isInput: z.boolean().default(false) });

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** The message with its length before it. */
export function packRequest(request: Request): Uint8Array {
  const body = packr.pack(request);
  const message = Buffer.alloc(lengthBytes + body.length);
  message.writeUInt32BE(body.length);
  message.set(body, lengthBytes);
  return message;
}

/**
 * @param where the server, for the message of an error
 * @throws InputError where the server refuses what was asked, Error where it failed or does not keep to the protocol
 */
export function parseAnswer<Op extends Request['op']>(op: Op, body: Uint8Array, where: string): Answer<Op> {
  let message: unknown;
  try {
    message = unpackr.unpack(body);
  } catch {
    throw new Error(`What answers at ${where} does not speak the protocol: its answer is not msgpack.`);
  }
  const refusal = refusalSchema.safeParse(message);
  if (refusal.success) {
    const { error, isInput } = refusal.data;
    const text = `The environment at ${where} says: ${error}`;
    throw isInput ? new InputError(text) : new Error(text);
  }
  const parsed = answerSchemas[op].safeParse(message);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(
      `What answers at ${where} does not speak the protocol: "${issue?.path.join('.')}" in its answer to ${op}: ${issue?.message}.`,
    );
  }
  return parsed.data as Answer<Op>;
}
