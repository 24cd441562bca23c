/**
 * A connection in a thread of its own, whose loop is never busy: the server's heartbeats are answered, leases renewed
 * and plans held on to while this thread computes. A side's methods are called by message, with the same names.
 */
import { Worker } from 'node:worker_threads';
import { receiveError, type SentError } from '../errors.js';
import type { ActorOptions, ActorSide } from './actorSide.js';
import type { LearnerOptions, LearnerSide } from './learnerSide.js';

export type PortData =
  | { readonly kind: 'learner'; readonly options: LearnerOptions }
  | { readonly kind: 'actor'; readonly options: ActorOptions };

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly words: readonly unknown[];
}

export type FromThread =
  | { readonly kind: 'open' }
  | { readonly kind: 'note'; readonly line: string }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | ({ readonly kind: 'failure'; readonly id: number | undefined } & SentError);

/** What can be asked of a side. */
export type LearnerPort = Pick<LearnerSide, keyof LearnerSide>;
export type ActorPort = Pick<ActorSide, keyof ActorSide>;

/** @throws InputError as `LearnerSide.open` does */
export function openLearnerPort(
  options: LearnerOptions,
  onNote: (line: string) => void,
): Promise<LearnerPort> {
  return open<LearnerPort>({ kind: 'learner', options }, onNote);
}

/** @throws InputError as `ActorSide.open` does */
export function openActorPort(
  options: ActorOptions,
  signal: AbortSignal,
  onNote: (line: string) => void,
): Promise<ActorPort> {
  return open<ActorPort>({ kind: 'actor', options }, onNote, signal);
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** @param signal ends the thread while it is still being opened */
async function open<Side extends object>(
  data: PortData,
  onNote: (line: string) => void,
  signal?: AbortSignal,
): Promise<Side> {
  const worker = new Worker(new URL('./portThread.js', import.meta.url), { workerData: data });
  const pending = new Map<number, Pending>();
  let ended: Error | undefined;
  let nextId = 0;
  let stopOpening = (): void => {};
  const opening = new Promise<void>((resolve, reject) => {
    const end = (error: Error): void => {
      ended ??= error;
      reject(error);
      for (const call of pending.values()) call.reject(error);
      pending.clear();
    };
    worker.on('message', (message: FromThread) => {
      if (message.kind === 'open') resolve();
      else if (message.kind === 'note') onNote(message.line);
      else if (message.kind === 'answer') {
        pending.get(message.id)?.resolve(message.result);
        pending.delete(message.id);
      } else if (message.id === undefined) end(receiveError(message));
      else {
        pending.get(message.id)?.reject(receiveError(message));
        pending.delete(message.id);
      }
    });
    worker.on('error', (error) => end(new Error(`The connection's thread failed: ${error.message}`)));
    worker.on('exit', () => end(new Error('The connection is closed.')));
    stopOpening = () => end(new Error('Stopped before a learner was there.'));
    signal?.addEventListener('abort', stopOpening);
  });
  try {
    await opening;
  } catch (error) {
    await worker.terminate();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stopOpening);
  }
  const call = async (method: string, words: readonly unknown[]): Promise<unknown> => {
    if (ended !== undefined) throw ended;
    const id = nextId++;
    const answer = new Promise((resolve, reject) => pending.set(id, { resolve, reject }));
    worker.postMessage({ id, method, words } satisfies Call);
    const result = await answer;
    if (method === 'close') await worker.terminate();
    return result;
  };
  return new Proxy({} as Side, {
    get: (_, method) =>
      // A promise's resolution asks any object whether it is one itself.
      method === 'then' ? undefined : (...words: readonly unknown[]) => call(String(method), words),
  });
}
