/** Actors on the learner's own machine, each in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { receiveError } from '../errors.js';
import type { ActorOrder, ActorReport } from './actorProcess.js';

export class ActorProcesses {
  readonly #children = new Set<ChildProcess>();
  #isClosed = false;

  /** @param onFailure told why the last of them is gone, if that is not at their own end */
  constructor(
    orders: readonly ActorOrder[],
    onFailure: (error: Error) => void,
    onNote: (line: string) => void,
  ) {
    for (const order of orders) this.#start(order, onFailure, onNote);
  }

  /** Process ids of those that live. */
  get pids(): number[] {
    return [...this.#children].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(
      [...this.#children].map(async (child) => {
        const exit = once(child, 'exit');
        if (child.connected) child.disconnect();
        await exit;
      }),
    );
  }

  #start(order: ActorOrder, onFailure: (error: Error) => void, onNote: (line: string) => void): void {
    const child = fork(new URL('./actorProcess.js', import.meta.url), { execArgv: [] });
    let end: Error | 'finished' = new Error('An actor was killed.');
    this.#children.add(child);
    child.on('message', (report: ActorReport) => {
      end = report.kind === 'failed' ? receiveError(report) : 'finished';
    });
    child.on('exit', () => {
      this.#children.delete(child);
      if (this.#isClosed || end === 'finished') return;
      if (this.#children.size === 0) onFailure(end);
      else onNote(`${end.message} ${this.#children.size} of the actors are left.`);
    });
    child.send(order);
  }
}
