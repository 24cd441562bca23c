/** The thread behind `Connection`: owns the socket, sends one message at a time and gives its answer back. */
import { connect, type Socket } from 'node:net';
import { workerData } from 'node:worker_threads';
import type { Call, CallResult, ConnectionData, Reply } from './connection.js';
import { lengthBytes, maxAnswerBytes } from './protocol.js';

const { host, port, calls, answered } = workerData as ConnectionData;

let socket: Socket | undefined;
let received: Buffer[] = [];
let receivedBytes = 0;
/** Ends the call in progress; undefined between calls. */
let finish: ((result: CallResult) => void) | undefined;

calls.on('message', async (call: Call) => {
  const reply: Reply = { id: call.id, result: await answer(call) };
  // First the message, then the signal: whoever wakes finds it there.
  calls.postMessage(reply);
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
});

async function answer({ message, timeoutMs }: Call): Promise<CallResult> {
  let timer: NodeJS.Timeout | undefined;
  const result = await new Promise<CallResult>((resolve) => {
    finish = resolve;
    timer = setTimeout(
      () => fail(`no answer came within ${(timeoutMs / 1000).toFixed(0)} seconds`),
      timeoutMs,
    );
    if (message === null) open();
    else if (socket === undefined) fail('it is not connected');
    else socket.write(message);
  });
  clearTimeout(timer);
  finish = undefined;
  return result;
}

function open(): void {
  close();
  const opened = connect({ host, port, noDelay: true });
  socket = opened;
  opened.on('connect', () => finish?.({ ok: true, body: new Uint8Array(0) }));
  opened.on('data', (data) => {
    if (socket === opened) receive(data);
  });
  opened.on('error', (error: NodeJS.ErrnoException) => {
    const refused = error.code === 'ECONNREFUSED';
    if (socket === opened) fail(refused ? 'nothing listens there' : error.message);
  });
  opened.on('close', () => {
    if (socket === opened) fail('the server closed the connection');
  });
}

/** A connection that failed once may hold half a message: it is not used again. */
function fail(reason: string): void {
  close();
  finish?.({ ok: false, reason });
}

function close(): void {
  const old = socket;
  socket = undefined;
  received = [];
  receivedBytes = 0;
  old?.destroy();
}

function receive(data: Buffer): void {
  received.push(data);
  receivedBytes += data.length;
  if (receivedBytes < lengthBytes) return;
  if ((received[0]?.length ?? 0) < lengthBytes) received = [Buffer.concat(received)];
  const length = (received[0] as Buffer).readUInt32BE();
  if (length > maxAnswerBytes) {
    fail(`an answer of ${length} bytes came, more than ${maxAnswerBytes}`);
    return;
  }
  if (receivedBytes < lengthBytes + length) return;
  if (receivedBytes > lengthBytes + length || finish === undefined) {
    fail('more was sent than had been asked for');
    return;
  }
  const all = Buffer.concat(received);
  received = [];
  receivedBytes = 0;
  finish({ ok: true, body: new Uint8Array(all.subarray(lengthBytes)) });
}
