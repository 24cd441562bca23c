/** The process of an actor that a learner started on its own machine; it ends with that one, however that ends. */
import { type SentError, sendError } from '../errors.js';
import { leaveParent, tellParent } from '../study/parentProcess.js';
import { type ActOptions, type ActResult, act } from './actor.js';

export type ActorOrder = Pick<ActOptions, 'address' | 'run' | 'lane' | 'backend'>;
export type ActorReport =
  | { readonly kind: 'ended'; readonly result: ActResult }
  | ({ readonly kind: 'failed' } & SentError);

const stop = new AbortController();
const abort = (): void => stop.abort();

// Ctrl-C reaches the whole group of processes, and is left to the learner.
process.on('SIGINT', () => {});
process.on('SIGTERM', abort);
process.on('disconnect', abort);
process.on('message', (order: ActorOrder) => {
  act({ ...order, signal: stop.signal })
    .then(
      (result) => report({ kind: 'ended', result }),
      (error: unknown) => report({ kind: 'failed', ...sendError(error) }),
    )
    .finally(leaveParent);
});

function report(message: ActorReport): void {
  tellParent(message);
}
