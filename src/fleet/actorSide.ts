/** What an actor asks of the server; it runs in the port's thread, so that a plan is held on to however busy the actor is. */
import { randomUUID } from 'node:crypto';
import type { Consumer, JsMsg } from '@nats-io/jetstream';
import { sha256Of } from '../files/sha256.js';
import { connectTo, type ServerAddress } from './connect.js';
import {
  type Commit,
  commitSchema,
  decode,
  encode,
  newestPolicySchema,
  type Plan,
  planSchema,
  type Spec,
  specSchema,
} from './messages.js';
import { EPISODES, keys, laneConsumer, PLANS, policyObject, RUNS, subjects } from './names.js';
import { cut } from './parts.js';
import { isTaken, pause, persist, RoomNotice, requirePermission, withinTime } from './persistence.js';
import { openServer, type Server } from './server.js';

export interface ActorOptions {
  readonly address: ServerAddress;
  readonly run: string;
  readonly lane: string;
  /** Who this is, for people. */
  readonly name: string;
}

/** How long an empty queue is listened to before the run is looked at again. */
const PATIENCE_MS = 2000;

/** What an episode is committed with; the rest follows from its record. */
export type Played = Omit<Commit, 'attempt' | 'actor' | 'parts' | 'bytes' | 'sha256'>;

export class ActorSide {
  readonly #options: ActorOptions;
  readonly #server: Server;
  readonly #stop: AbortController;
  #consumer: Consumer | undefined;
  /** The plans in hand, by their numbers: one that is played, and one whose episode is handed over. */
  readonly #held = new Map<number, { readonly message: JsMsg; readonly working: NodeJS.Timeout }>();
  #planSeconds = 30;
  #newest: number | undefined;

  readonly #note: (line: string) => void;
  readonly #room: RoomNotice;

  private constructor(
    options: ActorOptions,
    server: Server,
    stop: AbortController,
    onNote: (line: string) => void,
  ) {
    this.#options = options;
    this.#server = server;
    this.#stop = stop;
    this.#note = onNote;
    this.#room = new RoomNotice(
      onNote,
      "The learner's next checkpoint frees what it covers; a server that is full of other things needs more (max_file_store).",
    );
  }

  /** Waits until a learner was here once. */
  static async open(options: ActorOptions, onNote: (line: string) => void): Promise<ActorSide> {
    const { run } = options;
    const stop = new AbortController();
    const connection = await connectTo(options.address, `rlpd actor of ${run}`, onNote);
    let isTold = false;
    for (;;) {
      const server = await persist(() => openServer(connection), stop.signal);
      if (server !== undefined) {
        const side = new ActorSide(options, server, stop, onNote);
        void side.#listen();
        return side;
      }
      if (!isTold) onNote('No learner was here yet: waiting for one.');
      isTold = true;
      await pause(PATIENCE_MS / 4, stop.signal);
    }
  }

  /** What the run is, once its learner has said so; undefined where the end was asked for before. */
  async spec(): Promise<Spec | undefined> {
    const { run } = this.#options;
    let isTold = false;
    while (!this.#stop.signal.aborted) {
      const spec = await this.#readSpec();
      if (spec !== undefined && !spec.isFinished) {
        this.#planSeconds = spec.planSeconds;
        return spec;
      }
      if (!isTold)
        this.#note(
          spec === undefined
            ? `No run "${run}" is on the server yet: waiting for its learner.`
            : `The run ${run} is finished: waiting for its learner to go on.`,
        );
      isTold = true;
      await pause(PATIENCE_MS / 4, this.#stop.signal);
    }
    return undefined;
  }

  /** The next plan that nobody else has; `finished` with the run, undefined where the end was asked for. */
  async nextPlan(): Promise<Plan | 'finished' | undefined> {
    const { run } = this.#options;
    const { jsm } = this.#server;
    while (!this.#stop.signal.aborted) {
      const message = await this.#pull();
      if (message === null) {
        if ((await this.#readSpec())?.isFinished) return 'finished';
        continue;
      }
      const plan = decode(planSchema, message.data, 'A plan');
      this.#hold(plan.n, message);
      const end = await this.#persist(() =>
        jsm.direct.getMessage(EPISODES, { last_by_subj: subjects(run).end(plan.n) }),
      );
      if (end === null) return plan;
      // Whoever played it died before saying so.
      await this.#done(plan.n);
    }
    return undefined;
  }

  /** The policy `version`, as bytes of a safetensors file; undefined where it is not kept any more. */
  async policy(version: number): Promise<Uint8Array | undefined> {
    const { policies } = this.#server;
    const name = policyObject(this.#options.run, version);
    const bytes = await this.#persist(() => withinTime(policies.getBlob(name)));
    return bytes ?? undefined;
  }

  /** The newest policy's version. */
  async newestPolicy(): Promise<number> {
    if (this.#newest !== undefined) return this.#newest;
    const entry = await this.#persist(() => this.#server.runs.get(keys(this.#options.run).policy));
    return entry?.operation === 'PUT' ? decode(newestPolicySchema, entry.value, 'The policy').version : 0;
  }

  /**
   * Hands the plan's episode over: its parts, then the commit, which counts if it is the first of its number.
   * @param record empty where there is none
   * @returns whether it counts
   */
  async commit(n: number, played: Played, record: Uint8Array): Promise<boolean> {
    const { run, name } = this.#options;
    const { js, jsm } = this.#server;
    const attempt = randomUUID();
    const parts = cut(record);
    for (const [p, part] of parts.entries())
      await this.#persist(() => js.publish(subjects(run).part(n, attempt, p), part));
    const commit: Commit = {
      ...played,
      attempt,
      actor: name,
      parts: parts.length,
      bytes: record.length,
      sha256: sha256Of(record),
    };
    const subject = subjects(run).end(n);
    let isFirst = true;
    try {
      await this.#persist(() => js.publish(subject, encode(commit), { expect: { lastSubjectSequence: 0 } }));
    } catch (error) {
      if (!isTaken(error)) throw error;
      // The answer to an earlier try of this very commit may have been lost.
      const first = await this.#persist(() => jsm.direct.getMessage(EPISODES, { last_by_subj: subject }));
      isFirst =
        first !== null && decode(commitSchema, first.data, `The commit of episode ${n}`).attempt === attempt;
    }
    await this.#done(n);
    return isFirst;
  }

  /** Gives a plan back, so that another actor has it at once. */
  async giveBack(n: number): Promise<void> {
    this.#held.get(n)?.message.nak();
    this.#letGo(n);
    await this.#server.connection.flush().catch(() => {});
  }

  /** What waits for the server waits no longer. */
  async stop(): Promise<void> {
    this.#stop.abort();
  }

  async close(): Promise<void> {
    await this.stop();
    for (const n of [...this.#held.keys()]) this.#letGo(n);
    await this.#server.connection.close();
  }

  /** Hears of every new policy as it comes. */
  async #listen(): Promise<void> {
    const { connection } = this.#server;
    for await (const { data } of connection.subscribe(`$KV.${RUNS}.${keys(this.#options.run).policy}`)) {
      // A key that is taken away comes without a value.
      if (data.length > 0) this.#newest = decode(newestPolicySchema, data, 'The policy').version;
    }
  }

  async #readSpec(): Promise<Spec | undefined> {
    const { run } = this.#options;
    const entry = await this.#persist(() => this.#server.runs.get(keys(run).spec));
    return entry?.operation === 'PUT'
      ? decode(specSchema, entry.value, `What the server says of the run ${run}`)
      : undefined;
  }

  /** Null where none came for a while. */
  async #pull(): Promise<JsMsg | null> {
    const { run, lane } = this.#options;
    try {
      this.#consumer ??= await this.#server.js.consumers.get(PLANS, laneConsumer(run, lane));
      return await this.#consumer.next({ expires: PATIENCE_MS });
    } catch (error) {
      requirePermission(error);
      // The server is away, or its learner has yet to make the lane.
      this.#consumer = undefined;
      await pause(PATIENCE_MS / 4, this.#stop.signal);
      return null;
    }
  }

  #hold(n: number, message: JsMsg): void {
    this.#letGo(n);
    const working = setInterval(() => message.working(), (this.#planSeconds * 1000) / 3);
    this.#held.set(n, { message, working });
  }

  async #done(n: number): Promise<void> {
    // Where this is lost the plan comes back, and its episode is there.
    await this.#held
      .get(n)
      ?.message.ackAck()
      .catch(() => false);
    this.#letGo(n);
  }

  #letGo(n: number): void {
    clearInterval(this.#held.get(n)?.working);
    this.#held.delete(n);
  }

  #persist<T>(ask: () => Promise<T>): Promise<T> {
    return persist(ask, this.#stop.signal, this.#room);
  }
}
