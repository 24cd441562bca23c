/**
 * What travels between an environment and the server that runs it: README.md beside this file is the specification.
 * Everything that comes from the server is checked here.
 */
import { isIP } from 'node:net';
import { Packr, Unpackr } from 'msgpackr';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { anyNumber, bytes, outcome, pictureShape, positive, size } from './fields.js';
import { version1 } from './version1.js';

export const protocolVersion = 2;
/** A message is preceded by its length in bytes, an unsigned 32-bit number, most significant byte first. */
export const lengthBytes = 4;
/** The largest answer that is taken: several pictures of 2048 × 2048. */
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

/** What is to be done where a server does not keep to the protocol. */
export const SERVER_HINT = 'mend the server by the messages that envs/remote/README.md specifies';

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

const factsSchema = z
  .object({
    protocol: z.literal(protocolVersion),
    /** The task, with what tells it from others of its family. */
    name: z.string().min(1),
    renderer: z.string(),
    actionSize: size.min(1),
    /** What −1 and 1 of an action are, dimension by dimension; null where that is not known. */
    actionLow: z.array(z.number()).nullable(),
    actionHigh: z.array(z.number()).nullable(),
    actionNames: z.array(z.string()).nullish(),
    stateSize: size,
    /** The pictures that it observes, by their keys; names are joined by "/" where one lies in another. */
    images: z.array(z.object({ key: z.string(), shape: pictureShape })),
    /** Whether `render` gives a picture. */
    renders: z.boolean(),
    maxSteps: positive.nullable(),
    /** Seconds of one control step. */
    timestep: z.number().positive(),
    /** What is to be done, in words. */
    instruction: z.string().nullish(),
  })
  .superRefine((facts, context) => {
    const { actionSize, actionLow, actionHigh, actionNames, images } = facts;
    const complain = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    for (const [name, list] of Object.entries({ actionLow, actionHigh, actionNames }))
      if (list != null && list.length !== actionSize)
        complain(name, `it has ${list.length} entries, expected ${actionSize}`);
    if ((actionLow === null) !== (actionHigh === null)) complain('actionHigh', 'one end alone is no box');
    const bad =
      actionLow?.findIndex((low, i) => !(low < (actionHigh?.[i] ?? Number.POSITIVE_INFINITY))) ?? -1;
    if (bad >= 0) complain('actionLow', `that of dimension ${bad} is not below its high end`);
    const wide = actionLow?.findIndex((low, i) => !Number.isFinite((actionHigh?.[i] ?? 0) - low)) ?? -1;
    if (wide >= 0) complain('actionHigh', `dimension ${wide} is too wide for a box`);
    if (new Set(images.map(({ key }) => key)).size < images.length)
      complain('images', 'two pictures have one key');
  });

const observed = {
  state: bytes.nullable(),
  images: z.record(z.string(), bytes),
};

const answerSchemas = {
  hello: factsSchema,
  reset: z.object({
    ...observed,
    /** Where it changes from one episode to the next. */
    instruction: z.string().nullish(),
  }),
  step: z.object({
    ...observed,
    ...outcome,
    /** Parts of the reward. */
    rewardTerms: z.record(z.string(), anyNumber).optional(),
    /** In the environment's own units: what was executed instead of the action that was sent. */
    executed: bytes.nullish(),
  }),
  render: z.object({ pixels: bytes, shape: pictureShape }),
};

export type Facts = z.infer<typeof factsSchema>;
export type Answer<Op extends Request['op']> = z.infer<(typeof answerSchemas)[Op]>;

const refusalSchema = z.object({ error: z.string(), isInput: z.boolean().default(false) });

/** The server does not do what was asked, and the user can put it right. */
export class RefusedError extends InputError {}

const packr = new Packr({ useRecords: false });
/** Numbers of 64 bits, as some languages write all of theirs, are numbers. */
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

/** The message with its length before it. */
export function packRequest(request: Request): Uint8Array {
  const body = packr.pack(request);
  const message = Buffer.alloc(lengthBytes + body.length);
  message.writeUInt32BE(body.length);
  message.set(body, lengthBytes);
  return message;
}

/**
 * The facts with which a server answers a hello, in this version's words whichever it speaks.
 * @throws as `parseAnswer`, and InputError for a version of the protocol that is not spoken here
 */
export function parseHello(body: Uint8Array, where: string): { facts: Facts; version: number } {
  const message = unpack(body, where);
  const version = z.object({ protocol: z.number() }).safeParse(message).data?.protocol ?? protocolVersion;
  if (version === 1) {
    const facts = check('hello', version1.hello.safeParse(message), where);
    return { version, facts: { ...facts, protocol: protocolVersion } };
  }
  if (version !== protocolVersion)
    throw new InputError(
      `The server at ${where} speaks version ${version} of the protocol, and versions 1 and ${protocolVersion} are spoken here: bring rlpd-pixels and the server to the same one.`,
    );
  return { version, facts: check('hello', factsSchema.safeParse(message), where) };
}

/**
 * @param version of the protocol, as the hello was answered
 * @param where the server, for the message of an error
 * @throws InputError where the server refuses what was asked or does not keep to the protocol, Error where it failed
 */
export function parseAnswer<Op extends Exclude<Request['op'], 'hello'>>(
  op: Op,
  body: Uint8Array,
  where: string,
  version: number,
): Answer<Op> {
  const message = unpack(body, where);
  const schemas = version === 1 ? { ...answerSchemas, ...version1 } : answerSchemas;
  return check(op, schemas[op].safeParse(message) as z.ZodSafeParseResult<Answer<Op>>, where);
}

/** The message, unless it is a refusal. */
function unpack(body: Uint8Array, where: string): unknown {
  let message: unknown;
  try {
    message = unpackr.unpack(body);
  } catch {
    throw new InputError(
      `What answers at ${where} does not speak the protocol: its answer is not msgpack; check host and port, and ${SERVER_HINT}.`,
    );
  }
  const refusal = refusalSchema.safeParse(message);
  if (!refusal.success) return message;
  const { error, isInput } = refusal.data;
  const text = `The environment at ${where} says: ${error.replace(/\.$/, '')}.`;
  throw isInput ? new RefusedError(text) : new Error(text);
}

function check<T>(op: string, parsed: z.ZodSafeParseResult<T>, where: string): T {
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.length ? `"${issue.path.join('.')}" in its` : 'its';
  throw new InputError(
    `What answers at ${where} does not speak the protocol: ${place} answer to ${op}: ${issue?.message}; ${SERVER_HINT}.`,
  );
}
