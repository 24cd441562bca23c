/** The thread behind a port: holds the connection, and does what it is asked by message. */
import { parentPort, workerData } from 'node:worker_threads';
import { sendError } from '../errors.js';
import { ActorSide } from './actorSide.js';
import { LearnerSide } from './learnerSide.js';
import type { Call, FromThread, PortData } from './port.js';

const port = parentPort;
if (port === null) throw new Error('portThread is not run by itself: use a port.');
const data = workerData as PortData;

const send = (message: FromThread): void => port.postMessage(message);
const note = (line: string): void => send({ kind: 'note', line });

try {
  const side =
    data.kind === 'learner'
      ? await LearnerSide.open(data.options, note)
      : await ActorSide.open(data.options, note);
  const methods = side as unknown as Record<string, (...words: readonly unknown[]) => Promise<unknown>>;
  port.on('message', ({ id, method, words }: Call) => {
    const work = methods[method];
    if (work === undefined) throw new Error(`A side has no method "${method}".`);
    work.apply(side, [...words]).then(
      (result) => send({ kind: 'answer', id, result }),
      (error: unknown) => send({ kind: 'failure', id, ...sendError(error) }),
    );
  });
  send({ kind: 'open' });
} catch (error) {
  send({ kind: 'failure', id: undefined, ...sendError(error) });
}
