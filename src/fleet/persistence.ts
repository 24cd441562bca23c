/** What is asked of the server until it is done: a server that is away, or full, is waited for. */
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { InputError } from '../errors.js';

const PAUSE_MS = 250;
const FETCH_SECONDS = 30;

/** The end was asked for while something was waited for. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** Another message has this subject already. */
export function isTaken(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  const codes: readonly number[] = [
    JetStreamApiCodes.StreamWrongLastSequence,
    JetStreamApiCodes.StreamWrongLastSequenceUnknown,
  ];
  return codes.includes(error.code);
}

/** The server, the account or a stream has no room. */
const fullCodes: ReadonlySet<number> = new Set([10002, 10023, 10028, 10047, 10077]);

function isFull(error: unknown): error is JetStreamApiError {
  return error instanceof JetStreamApiError && fullCodes.has(error.code);
}

/** Says once that the server has no room, and once that it has again. */
export class RoomNotice {
  readonly #onNote: (line: string) => void;
  /** What makes room, as the end of a sentence. */
  readonly #remedy: string;
  #isFull = false;

  constructor(onNote: (line: string) => void, remedy: string) {
    this.#onNote = onNote;
    this.#remedy = remedy;
  }

  full(reason: string): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#onNote(`The NATS server has no room (${reason}): waiting until there is some. ${this.#remedy}`);
  }

  room(): void {
    if (this.#isFull) this.#onNote('The NATS server has room again.');
    this.#isFull = false;
  }
}

/** Of what lies on the server without a limit of its own. */
export function serverRoom(onNote: (line: string) => void): RoomNotice {
  return new RoomNotice(
    onNote,
    'Give its JetStream more (max_file_store), or take from it what nobody needs.',
  );
}

/** Nobody answered, or the server has no room or no leader just now. */
const passing: ReadonlySet<string> = new Set([
  'TimeoutError',
  'NoResponders',
  'RequestError',
  'ConnectionError',
  'JetStreamNotEnabled',
  'JetStreamStatusError',
]);

/** Whether it is worth asking again. */
export function passes(error: unknown): boolean {
  if (error instanceof JetStreamApiError)
    return error.status === 503 || error.status === 408 || isFull(error);
  return error instanceof Error && passing.has(error.name);
}

/** @throws InputError where the server does not let this one do what was tried */
export function requirePermission(error: unknown): void {
  const refusal = refusalIn(error);
  if (refusal !== undefined)
    throw new InputError(`The NATS server forbids it: ${refusal.message}. Give other --credentials.`);
}

/** In whatever error that is wrapped. */
function refusalIn(error: unknown): Error | undefined {
  if (!(error instanceof Error)) return undefined;
  return error.name === 'PermissionViolationError' ? error : refusalIn(error.cause);
}

/**
 * Asks again with the same words as long as the server does not answer, or has no room.
 * @throws StoppedError where the signal is aborted first, and at once what time does not put right
 */
export async function persist<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
  notice?: RoomNotice,
): Promise<T> {
  let wasFull = false;
  for (;;) {
    if (signal.aborted) throw new StoppedError('stopped');
    try {
      const answer = await ask();
      if (wasFull) notice?.room();
      return answer;
    } catch (error) {
      requirePermission(error);
      if (!passes(error)) throw error;
      if (isFull(error)) {
        wasFull = true;
        notice?.full(error.message);
      }
      await pause(PAUSE_MS, signal);
    }
  }
}

/** Waits so long, or until the signal is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}

/** An object comes in many messages, of which a server that goes leaves some out. @throws TimeoutError, which passes */
export function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new errors.TimeoutError()), FETCH_SECONDS * 1000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
