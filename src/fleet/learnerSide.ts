/** What a learner asks of the server; it runs in the port's thread, where nothing else keeps it from answering. */
import { createHash, randomUUID } from 'node:crypto';
import type { StoredMsg } from '@nats-io/jetstream';
import { InputError } from '../errors.js';
import { connectTo, type ServerAddress } from './connect.js';
import { HeldLease } from './lease.js';
import {
  type Commit,
  commitSchema,
  decode,
  encode,
  PART_BYTES,
  type Plan,
  type Spec,
  specSchema,
} from './messages.js';
import { EPISODES, endNumber, keys, laneConsumer, PLANS, policyObject, subjects } from './names.js';
import { join, requirePlausible } from './parts.js';
import { isTaken, pause, persist, RoomNotice, serverRoom } from './persistence.js';
import { createServer, ensureLane, LEASE_SECONDS, type Server } from './server.js';

/** A look at the server for want of a message, whose loss would else be waited for for ever. */
const LOOK_MS = 1000;
/** With every so many looks without an episode it is asked whether there is room for any. */
const LOOKS_PER_MEASURE = 5;

export interface LearnerOptions {
  readonly address: ServerAddress;
  readonly run: string;
  readonly spec: Spec;
  /** Whether the folder goes on with its run. */
  readonly isResumed: boolean;
  /** Whether what the server has of another run of this name is to be forgotten. */
  readonly replaces: boolean;
  /** Bytes that no record exceeds. */
  readonly maxRecordBytes: number;
  /** Policies that are kept, from the newest on. */
  readonly keepPolicies: number;
}

/** The next episode by its number, or the next that came after a message. */
export type Wanted = { readonly n: number } | { readonly after: number };

export interface Arrival {
  readonly n: number;
  /** Of the commit's message in its stream. */
  readonly sequence: number;
  readonly commit: Commit | undefined;
  /** Undefined where it is not whole, or there is none. */
  readonly record: Uint8Array | undefined;
  /** Why there is no record. */
  readonly problem: string | undefined;
  /** Whether the server has lost what was committed. */
  readonly isLost: boolean;
}

export class LearnerSide {
  readonly #options: LearnerOptions;
  readonly #server: Server;
  readonly #stop: AbortController;
  readonly #lease: HeldLease;
  /** Of the whole server, and of the stream that actors hand their episodes to. */
  readonly #room: RoomNotice;
  readonly #episodeRoom: RoomNotice;
  #wake: () => void = () => {};
  #lost: Error | undefined;

  private constructor(
    options: LearnerOptions,
    server: Server,
    stop: AbortController,
    takeLease: (onLost: (error: Error) => void) => HeldLease,
    onNote: (line: string) => void,
  ) {
    this.#options = options;
    this.#server = server;
    this.#stop = stop;
    this.#room = serverRoom(onNote);
    this.#episodeRoom = new RoomNotice(
      onNote,
      'It is full of episodes that no checkpoint covers yet. Where no checkpoint is near, stop the learner, which makes one, and go on by --resume with a smaller --checkpoint-interval.',
    );
    this.#lease = takeLease((error) => {
      this.#lost = error;
      this.#wake();
    });
  }

  /**
   * Takes the run on the server, and tells actors what it is.
   * @throws InputError where the server has another run of that name, or another learner has it
   */
  static async open(options: LearnerOptions, onNote: (line: string) => void): Promise<LearnerSide> {
    const { run, spec } = options;
    const connection = await connectTo(options.address, `rlpd learner of ${run}`, onNote);
    const stop = new AbortController();
    try {
      const room = serverRoom(onNote);
      const server = await persist(() => createServer(connection), stop.signal, room);
      let lose: (error: Error) => void = () => {};
      const lease = await HeldLease.take(
        server.leases,
        keys(run).learner,
        { owner: spec.owner, holder: randomUUID(), place: spec.place },
        {
          seconds: LEASE_SECONDS / 3,
          signal: stop.signal,
          onLost: (error) => lose(error),
          room,
        },
      );
      const takeLease = (onLost: (error: Error) => void): HeldLease => {
        lose = onLost;
        return lease;
      };
      const side = new LearnerSide(options, server, stop, takeLease, onNote);
      try {
        await persist(() => side.#announce(), stop.signal, room);
      } catch (error) {
        await lease.release();
        throw error;
      }
      void side.#listen();
      return side;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Makes a policy one that plans may name. */
  async publishPolicy(version: number, bytes: Uint8Array): Promise<void> {
    const { run, keepPolicies } = this.#options;
    const { policies, runs } = this.#server;
    const name = policyObject(run, version);
    const digest = `SHA-256=${createHash('sha256').update(bytes).digest('base64url')}`;
    // A learner that goes on comes by the same policies again, which an actor may be reading.
    const before = await this.#persist(() => policies.info(name));
    if (before?.digest.replace(/=+$/, '') !== digest)
      await this.#persist(() => policies.putBlob({ name }, bytes));
    await this.#persist(() => runs.put(keys(run).policy, encode({ version })));
    const old = version - keepPolicies;
    if (old >= 0) await this.#persist(() => policies.delete(policyObject(run, old)).catch(ignoreAbsence));
  }

  /**
   * Asks for an episode, unless that was done before.
   * @returns false where the policy that it names is not there any more, and the episode is not either
   */
  async issue(plan: Plan, lane: string): Promise<boolean> {
    const { run } = this.#options;
    const { jsm, js, policies } = this.#server;
    const subject = subjects(run).plan(lane, plan.n);
    const last = (stream: string, wanted: string) =>
      this.#persist(() => jsm.direct.getMessage(stream, { last_by_subj: wanted }));
    if ((await last(EPISODES, subjects(run).end(plan.n))) !== null) return true;
    const policy = await this.#persist(() => policies.info(policyObject(run, plan.policy)));
    if (policy === null || policy.deleted) return false;
    await this.#publishOnce(() => js.publish(subject, encode(plan), { expect: { lastSubjectSequence: 0 } }));
    return true;
  }

  /** The episode that is wanted, once it is committed; undefined where the end was asked for before. */
  async nextArrival(wanted: Wanted): Promise<Arrival | undefined> {
    const { run } = this.#options;
    const { jsm } = this.#server;
    const query =
      'n' in wanted
        ? { last_by_subj: subjects(run).end(wanted.n) }
        : { seq: wanted.after + 1, next_by_subj: subjects(run).ends };
    for (let look = 1; !this.#stop.signal.aborted; look++) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const message = await this.#persist(() => jsm.direct.getMessage(EPISODES, query)).catch((error) => {
        if (this.#stop.signal.aborted) return null;
        throw error;
      });
      if (message !== null) return this.#fetch(message);
      if (look % LOOKS_PER_MEASURE === 1) await this.#measureRoom();
      await Promise.race([woken, pause(LOOK_MS, this.#stop.signal)]);
    }
    return undefined;
  }

  /** Asks for an episode again whose commit outlived its parts. */
  async reissue(plan: Plan, lane: string, sequence: number): Promise<void> {
    const { run } = this.#options;
    const { jsm } = this.#server;
    await this.#persist(() => jsm.streams.deleteMessage(EPISODES, sequence));
    await this.#persist(() => jsm.streams.purge(PLANS, { filter: subjects(run).plan(lane, plan.n) }));
    await this.issue(plan, lane);
  }

  /** Frees the room of episodes that a checkpoint covers. */
  async forgetParts(numbers: readonly number[]): Promise<void> {
    const { run } = this.#options;
    const { jsm } = this.#server;
    for (const n of numbers)
      await this.#persist(() => jsm.streams.purge(EPISODES, { filter: subjects(run).parts(n) }));
  }

  /** The run is at its end: actors go home, and what was for them alone goes. */
  async finish(): Promise<void> {
    const { run, spec } = this.#options;
    const { runs } = this.#server;
    await this.#persist(() => runs.put(keys(run).spec, encode({ ...spec, isFinished: true })));
    await this.#forgetPlans();
  }

  /** What waits for the server waits no longer. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake();
  }

  async close(): Promise<void> {
    await this.stop();
    if (this.#lost === undefined) await this.#lease.release().catch(() => {});
    await this.#server.connection.close();
  }

  async #announce(): Promise<void> {
    const { run, spec, isResumed, replaces } = this.#options;
    const { jsm, runs } = this.#server;
    const entry = await runs.get(keys(run).spec);
    const before =
      entry?.operation === 'PUT'
        ? decode(specSchema, entry.value, `What the server says of ${run}`)
        : undefined;
    if (before !== undefined && before.owner !== spec.owner) {
      if (!before.isFinished && !replaces)
        throw new InputError(
          `The NATS server has a run ${run} already, of ${before.place}: go on with that one by --resume there, name this one otherwise by --run, or let the server forget that one by --replace.`,
        );
      await this.#forgetRun(before.lanes);
    }
    if (before === undefined && isResumed) await this.#forgetPlans();
    for (const lane of spec.lanes) await ensureLane(jsm, run, lane, spec.planSeconds);
    await runs.put(keys(run).spec, encode(spec));
  }

  /** Wakes whoever waits for an episode. */
  async #listen(): Promise<void> {
    const subscription = this.#server.connection.subscribe(subjects(this.#options.run).ends);
    for await (const _ of subscription) this.#wake();
  }

  /** Whoever has an episode and no room for it waits, and so does this one: it says why. */
  async #measureRoom(): Promise<void> {
    const info = await this.#server.jsm.streams.info(EPISODES).catch(() => undefined);
    if (info === undefined) return;
    const { bytes } = info.state;
    const { max_bytes: most } = info.config;
    if (bytes + PART_BYTES <= most) this.#episodeRoom.room();
    else this.#episodeRoom.full(`${EPISODES} holds ${bytes} of ${most} bytes`);
  }

  async #fetch(message: StoredMsg): Promise<Arrival> {
    const { run, maxRecordBytes } = this.#options;
    const { jsm } = this.#server;
    const n = endNumber(message.subject);
    const broken = (commit: Commit | undefined, problem: string, isLost = false): Arrival => ({
      n,
      sequence: message.seq,
      commit,
      record: undefined,
      problem,
      isLost,
    });
    let commit: Commit | undefined;
    try {
      commit = decode(commitSchema, message.data, `The commit of episode ${n}`);
      requirePlausible(commit, maxRecordBytes);
      const parts: Uint8Array[] = [];
      for (let p = 0; p < commit.parts; p++) {
        const subject = subjects(run).part(n, commit.attempt, p);
        const query = { last_by_subj: subject };
        // On a cluster any server that has the stream answers, and one of them may be behind.
        const part = await this.#persist(
          async () =>
            (await jsm.direct.getMessage(EPISODES, query)) ?? (await jsm.streams.getMessage(EPISODES, query)),
        );
        if (part === null) return broken(commit, `its part ${p} is not there`, true);
        parts.push(part.data);
      }
      if (commit.parts === 0) return broken(commit, commit.invalid ?? 'it has no steps');
      return {
        n,
        sequence: message.seq,
        commit,
        record: join(parts, commit),
        problem: undefined,
        isLost: false,
      };
    } catch (error) {
      if (error instanceof InputError) return broken(commit, error.message);
      throw error;
    }
  }

  /** Plans of this run that nobody has begun. */
  async #forgetPlans(): Promise<void> {
    const { run } = this.#options;
    await this.#persist(() => this.#server.jsm.streams.purge(PLANS, { filter: subjects(run).allPlans }));
  }

  async #forgetRun(lanes: readonly string[]): Promise<void> {
    const { run } = this.#options;
    const { jsm, policies, runs } = this.#server;
    await this.#forgetPlans();
    for (const lane of lanes) await jsm.consumers.delete(PLANS, laneConsumer(run, lane)).catch(ignoreAbsence);
    await jsm.streams.purge(EPISODES, { filter: subjects(run).allParts });
    await jsm.streams.purge(EPISODES, { filter: subjects(run).ends });
    await runs.purge(keys(run).policy);
    for (const { name } of await policies.list())
      if (name.startsWith(`${run}/`)) await policies.delete(name).catch(ignoreAbsence);
  }

  async #publishOnce(publish: () => Promise<unknown>): Promise<void> {
    try {
      await this.#persist(publish);
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }

  #persist<T>(ask: () => Promise<T>): Promise<T> {
    return persist(
      () => {
        if (this.#lost !== undefined) throw this.#lost;
        return ask();
      },
      this.#stop.signal,
      this.#room,
    );
  }
}

/** What is to go may be gone. */
function ignoreAbsence(error: Error): void {
  if (!/not found/.test(error.message)) throw error;
}
