/**
 * A small server of the remote protocol for the tests, in a thread of its own: calls to a remote environment block
 * the thread they are made in. State is [seed, steps since the reset]; the picture's first byte is the step. The
 * reward is an action's second element; where that is "mischievous", the first says what the server does wrong.
 */
import { createServer, type Socket } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { pack, unpack } from 'msgpackr';

export const mischievous = -0.5;
/** First elements of an action that the server answers badly then. */
export const mischief = { drop: 0.1, hang: 0.2, huge: 0.3, nonsense: 0.4, fail: 0.5, nan: 0.6, short: 0.7 };

/** The second element of an action at and beyond which the server says whether it succeeded: only in a third step. */
export const saysSuccess = 0.875;

const size = { height: 4, width: 6 };
export const token = 'open sesame';

interface Message {
  op: string;
  token?: string | null;
  seed?: number;
  action?: Uint8Array;
  repeat?: number;
}

function serve(socket: Socket): void {
  let [seed, steps] = [0, 0];
  let buffered = Buffer.alloc(0);
  const send = (body: Uint8Array): void => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    socket.write(Buffer.concat([head, body]));
  };
  const observed = () => {
    const state = Float32Array.of(seed, steps);
    const pixels = new Uint8Array(size.height * size.width * 3).fill(9);
    pixels[0] = steps;
    return { state: new Uint8Array(state.buffer), pixels };
  };
  const answer = (message: Message): void => {
    if (message.op === 'hello' && message.token !== token) {
      send(pack({ error: 'the token is wrong', isInput: true }));
      return;
    }
    if (message.op === 'hello') {
      const facts = { protocol: 1, name: 'Count-v0', renderer: 'test', actionSize: 2, stateSize: 2 };
      const pixels = [size.height, size.width, 3];
      send(pack({ ...facts, pixels, renders: true, maxSteps: 10, timestep: 0.05 }));
      return;
    }
    if (message.op === 'render') {
      const pixels = observed().pixels;
      send(pack({ pixels, shape: [size.height, size.width, 3] }));
      return;
    }
    if (message.op === 'reset') {
      [seed, steps] = [message.seed ?? 0, 0];
      send(pack(observed()));
      return;
    }
    const action = Buffer.from(message.action ?? []);
    const wrong = action.readFloatLE(4) === mischievous ? Number(action.readFloatLE(0).toFixed(1)) : 0;
    if (wrong === mischief.drop) socket.destroy();
    else if (wrong === mischief.huge) socket.write(Buffer.from([255, 255, 255, 255]));
    else if (wrong === mischief.nonsense) send(Buffer.from([0xd9]));
    else if (wrong === mischief.fail) send(pack({ error: 'the arm fell off' }));
    else if (wrong !== mischief.hang) {
      steps += message.repeat ?? 1;
      const result = { ...observed(), terminated: false, truncated: false, steps: message.repeat };
      const reward = wrong === mischief.nan ? Number.NaN : action.readFloatLE(4);
      const success = reward >= saysSuccess && { success: steps >= 3 };
      send(
        pack({
          ...result,
          reward,
          ...success,
          ...(wrong === mischief.short && { state: new Uint8Array(4) }),
        }),
      );
    }
  };
  socket.on('error', () => {});
  socket.on('data', (data) => {
    buffered = Buffer.concat([buffered, data]);
    while (buffered.length >= 4 && buffered.length >= 4 + buffered.readUInt32BE()) {
      const end = 4 + buffered.readUInt32BE();
      const message = unpack(buffered.subarray(4, end)) as Message;
      buffered = buffered.subarray(end);
      answer(message);
    }
  });
}

const port = parentPort;
if (port !== null) {
  let sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    serve(socket);
  });
  const listen = (at: number): void => {
    server.listen(at, '127.0.0.1', () => port.postMessage((server.address() as { port: number }).port));
  };
  listen(0);
  // Goes away for so many milliseconds, and comes back.
  port.on('message', (away: number) => {
    const { port: same } = server.address() as { port: number };
    for (const socket of sockets) socket.destroy();
    sockets = [];
    server.close(() => {
      port.postMessage('away');
      setTimeout(listen, away, same);
    });
  });
}
