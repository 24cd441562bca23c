/**
 * A socket that is waited for: an environment's calls answer at once or not at all, and Node's sockets do neither.
 * The socket lives in a thread of its own (connectionThread.ts); a call here sleeps until that thread has the answer.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { Address } from './protocol.js';

/** The connection is gone, or never was: the server may be back later. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

export interface ConnectionData extends Address {
  readonly port: number;
  readonly calls: MessagePort;
  /** Element 0 counts answers; it is what a call sleeps on. */
  readonly answered: Int32Array;
}

export interface Call {
  /** Counts calls, so that an answer that came too late for its own is not taken for another's. */
  readonly id: number;
  /** A message with its length; null connects anew. */
  readonly message: Uint8Array | null;
  readonly timeoutMs: number;
}

export interface Reply {
  readonly id: number;
  readonly result: CallResult;
}

/** The answer without its length; to connecting, an empty one. */
export type CallResult =
  | { readonly ok: true; readonly body: Uint8Array }
  | { readonly ok: false; readonly reason: string };

/** What the thread is given beyond a call's own time to report that the time is up. */
const graceMs = 5000;

export class Connection {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  #calls = 0;

  constructor({ host, port }: Address) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: ConnectionData = { host, port, calls: port2, answered: this.#answered };
    this.#worker = new Worker(new URL('./connectionThread.js', import.meta.url), {
      workerData,
      transferList: [port2],
    });
    this.#worker.unref();
    port1.unref();
  }

  /** Drops what connection there is and makes a new one. @throws ConnectionLost */
  connect(timeoutMs: number): void {
    this.#call({ message: null, timeoutMs });
  }

  /** Sends a message and waits for the answer. @throws ConnectionLost */
  exchange(message: Uint8Array, timeoutMs: number): Uint8Array {
    return this.#call({ message, timeoutMs });
  }

  close(): void {
    this.#port.close();
    void this.#worker.terminate();
  }

  #call(call: Omit<Call, 'id'>): Uint8Array {
    const id = ++this.#calls;
    const deadline = performance.now() + call.timeoutMs + graceMs;
    this.#port.postMessage({ ...call, id } satisfies Call);
    for (;;) {
      const before = Atomics.load(this.#answered, 0);
      const received = receiveMessageOnPort(this.#port) as { message: Reply } | undefined;
      if (received?.message.id === id) {
        const { result } = received.message;
        if (!result.ok) throw new ConnectionLost(result.reason);
        return result.body;
      }
      if (received !== undefined) continue;
      const rest = deadline - performance.now();
      if (rest <= 0) throw new ConnectionLost('its thread does not answer');
      Atomics.wait(this.#answered, 0, before, rest);
    }
  }
}
