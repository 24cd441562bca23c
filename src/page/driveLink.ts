/** The socket to what is driven: it connects again by itself. */
import { type DriveOrder, driveNewsSchema, type SeatFacts, type Standing } from '../serve/protocol.js';

/** Milliseconds until it tries again. */
const PAUSE = 1000;

export interface DriveEvents {
  readonly onFacts: (facts: SeatFacts) => void;
  readonly onStanding: (standing: Standing, isDriver: boolean) => void;
  /** The pictures of a step that had heard of the page's input of that number, by camera; the chosen one first. */
  readonly onSeen: (input: number, pictures: readonly (readonly [camera: string, picture: Blob])[]) => void;
  /** What is wrong, or null where all is well (again). */
  readonly onProblem: (problem: string | null) => void;
}

export class DriveLink {
  readonly #events: DriveEvents;
  #socket: WebSocket;
  #isClosed = false;
  /** Pictures that were announced, and those of them that have come. */
  #awaited: { readonly input: number; readonly names: readonly string[] } | undefined;
  #pictures: Blob[] = [];

  constructor(events: DriveEvents) {
    this.#events = events;
    this.#socket = this.#open();
  }

  /** Says it, where there is a connection. */
  say(order: DriveOrder): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(order));
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.close();
  }

  #open(): WebSocket {
    const socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/api/drive`);
    socket.addEventListener('open', () => this.#events.onProblem(null));
    socket.addEventListener('message', ({ data }: MessageEvent<string | Blob>) => this.#hear(data));
    socket.addEventListener('close', ({ reason }) => {
      if (this.#isClosed) return;
      this.#events.onProblem(reason || 'Nothing can be driven here. Is "rlpd drive" running?');
      setTimeout(() => {
        if (!this.#isClosed) this.#socket = this.#open();
      }, PAUSE);
    });
    return socket;
  }

  #hear(data: string | Blob): void {
    if (data instanceof Blob) {
      this.#pictures.push(data);
      this.#giveOut();
      return;
    }
    const news = driveNewsSchema.parse(JSON.parse(data));
    if (news.kind === 'facts') {
      this.#events.onFacts(news.facts);
      return;
    }
    this.#events.onStanding(news.standing, news.isDriver);
    if (news.kind !== 'seen') return;
    this.#awaited = { input: news.input, names: news.pictures };
    this.#pictures = [];
    this.#giveOut();
  }

  #giveOut(): void {
    const { input, names } = this.#awaited ?? {};
    if (input === undefined || names === undefined || this.#pictures.length < names.length) return;
    this.#awaited = undefined;
    const pictures = names.map((name, i) => [name, this.#pictures[i] ?? new Blob()] as const);
    this.#events.onSeen(input, pictures);
  }
}
