/** Framing and coming and going of the small servers of the remote protocol that the tests run in threads. */
import { createServer, type Socket } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import { pack, unpack } from 'msgpackr';

export interface Message {
  op: string;
  protocol?: number;
  token?: string | null;
  seed?: number;
  action?: Uint8Array;
  repeat?: number;
}

/** Answers one message; `undefined` leaves it unanswered. */
export type Session = (message: Message, socket: Socket) => unknown;

/** Sends the body as it is. */
export class Raw {
  constructor(readonly body: Uint8Array) {}
}

function serve(socket: Socket, session: Session): void {
  let buffered = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (data) => {
    buffered = Buffer.concat([buffered, data]);
    while (buffered.length >= 4 && buffered.length >= 4 + buffered.readUInt32BE()) {
      const end = 4 + buffered.readUInt32BE();
      const message = unpack(buffered.subarray(4, end)) as Message;
      buffered = buffered.subarray(end);
      const answer = session(message, socket);
      if (answer === undefined) continue;
      const body = answer instanceof Raw ? answer.body : pack(answer);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(body.length);
      socket.write(Buffer.concat([head, body]));
    }
  });
}

/**
 * Listens on a port of the system's choice and posts it. A number that is posted makes the server go away for so many
 * milliseconds, and come back.
 */
export function listen(port: MessagePort, begin: () => Session): void {
  let sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    serve(socket, begin());
  });
  const open = (at: number): void => {
    server.listen(at, '127.0.0.1', () => port.postMessage((server.address() as { port: number }).port));
  };
  open(0);
  port.on('message', (away: number) => {
    const { port: same } = server.address() as { port: number };
    for (const socket of sockets) socket.destroy();
    sockets = [];
    server.close(() => {
      port.postMessage('away');
      setTimeout(open, away, same);
    });
  });
}
