/** The socket of the drive view: what is seen goes to the page, and what hands and keys do comes back. */
import { upgradeWebSocket } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { WSContext } from 'hono/ws';
import { WebSocket } from 'ws';
import type { DriverSeat, Seen, Watcher } from '../drive/driverSeat.js';
import type { Standing } from '../drive/standing.js';
import { type DriveNews, type DriveOrder, driveOrderSchema } from './protocol.js';

/** Bytes of what a page says at once. */
export const LONGEST_ORDER = 64 * 1024;
/** Bytes that may wait for a slow connection before it is sent no pictures. */
const MOST_WAITING = 1 << 20;
/** A page that says what is none of its words, of the socket's codes. */
const POLICY_VIOLATION = 1008;

/** A page elsewhere may open a socket here, which no policy of a browser forbids. */
const fromOwnPage = createMiddleware(async (context: Context, next) => {
  const origin = context.req.header('origin');
  const isOwn =
    origin !== undefined && URL.canParse(origin) && new URL(origin).host === context.req.header('host');
  if (context.req.header('upgrade') !== undefined && !isOwn)
    return context.text('Only the page of this server may drive.', 403);
  return next();
});

export function addDrive(app: Hono, seat: DriverSeat): void {
  app.get(
    '/api/drive',
    fromOwnPage,
    upgradeWebSocket(() => {
      let viewer: Viewer | undefined;
      return {
        onOpen: (_, socket) => {
          viewer = new Viewer(socket, seat);
        },
        onMessage: ({ data }) => viewer?.hear(data),
        onClose: () => viewer?.leave(),
      };
    }),
  );
}

class Viewer implements Watcher {
  readonly #socket: WSContext<unknown>;
  readonly #seat: DriverSeat;
  readonly leave: () => void;

  constructor(socket: WSContext<unknown>, seat: DriverSeat) {
    this.#socket = socket;
    this.#seat = seat;
    this.#say({ kind: 'facts', facts: seat.facts });
    this.leave = seat.sit(this);
  }

  stand(standing: Standing): void {
    this.#say({ kind: 'standing', standing, isDriver: this.#seat.isDriver(this) });
  }

  show({ input, pictures }: Seen, standing: Standing): void {
    const { raw } = this.#socket;
    if (raw instanceof WebSocket && raw.bufferedAmount > MOST_WAITING) return;
    const names = pictures.map(({ name }) => name);
    this.#say({ kind: 'seen', standing, isDriver: this.#seat.isDriver(this), input, pictures: names });
    for (const { bytes } of pictures) this.#socket.send(new Uint8Array(bytes));
  }

  hear(data: unknown): void {
    const order = parseOrder(data);
    if (order === undefined) {
      this.#socket.close(POLICY_VIOLATION, 'That is no word of the drive view.');
      return;
    }
    // Who looks on only looks.
    if (!this.#seat.isDriver(this)) return;
    if (order.kind === 'command') this.#seat.command(order.command);
    else if (order.kind === 'look')
      this.#seat.lookAt({ camera: order.camera ?? undefined, size: order.size });
    else if (order.action.length === this.#seat.facts.actionSize)
      this.#seat.hold(Float32Array.from(order.action), order.isHeld, order.input);
    else this.#socket.close(POLICY_VIOLATION, `Actions have ${this.#seat.facts.actionSize} numbers here.`);
  }

  #say(news: DriveNews): void {
    this.#socket.send(JSON.stringify(news));
  }
}

function parseOrder(data: unknown): DriveOrder | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    return driveOrderSchema.safeParse(JSON.parse(data)).data;
  } catch {
    return undefined;
  }
}
