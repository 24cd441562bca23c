/**
 * The process of one run of a study: told what to train, it says how far it is and how it ended. It is stopped by a
 * message, and by the end of the process that started it; either way with a checkpoint. Ctrl-C reaches the whole group
 * of processes, and is left to the one that started this.
 */
import { type SentError, sendError } from '../errors.js';
import { LockedError } from '../files/lock.js';
import { leaveParent, tellParent } from './parentProcess.js';
import { type PlayEvent, type Played, playRun, type RunPlan } from './playRun.js';

export type RunOrder = (RunPlan & { readonly kind: 'start' }) | { readonly kind: 'stop' };

export type RunReport =
  | PlayEvent
  | { readonly kind: 'ended'; readonly result: Played }
  | ({ readonly kind: 'failed'; readonly isLocked: boolean } & SentError);

const REPORT_INTERVAL_MS = 500;

const stop = new AbortController();
const abort = (): void => stop.abort();

process.on('SIGINT', () => {});
process.on('SIGTERM', abort);
process.on('SIGHUP', abort);
process.on('disconnect', abort);
process.on('message', (order: RunOrder) => {
  if (order.kind === 'stop') abort();
  else void run(order).finally(leaveParent);
});

async function run(plan: RunPlan): Promise<void> {
  let reported = 0;
  try {
    const result = await playRun(plan, stop.signal, (event) => {
      const now = performance.now();
      if (event.kind === 'progress') {
        if (now - reported < REPORT_INTERVAL_MS) return;
        reported = now;
      }
      report(event);
    });
    report({ kind: 'ended', result });
  } catch (error) {
    report({ kind: 'failed', isLocked: error instanceof LockedError, ...sendError(error) });
  }
}

function report(message: RunReport): void {
  tellParent(message);
}
