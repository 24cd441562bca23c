/**
 * One learner at a time has a run. A lease goes when it is not renewed; the learner of the same folder, which holds that
 * folder's lock, need not wait for that. Whoever was passed over learns it when renewing, since the entry's revision
 * has moved on, and does nothing more.
 */
import type { KV, KvEntry } from '@nats-io/kv';
import { InputError } from '../errors.js';
import { decode, encode, type Lease, leaseSchema } from './messages.js';
import { isTaken, persist, type RoomNotice } from './persistence.js';

interface LeaseOptions {
  /** Between renewals. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Told when another has it, and nothing more is to be done. */
  readonly onLost: (error: Error) => void;
  readonly room: RoomNotice;
}

export class HeldLease {
  readonly #leases: KV;
  readonly #key: string;
  readonly #lease: Lease;
  readonly #signal: AbortSignal;
  readonly #room: RoomNotice;
  #revision: number;
  #renewing: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  private constructor(leases: KV, key: string, lease: Lease, revision: number, o: LeaseOptions) {
    this.#leases = leases;
    this.#key = key;
    this.#lease = lease;
    this.#revision = revision;
    this.#signal = o.signal;
    this.#room = o.room;
    this.#timer = setInterval(() => {
      this.#renewing = this.#renewing.then(() => this.#renew()).catch(o.onLost);
    }, o.seconds * 1000);
  }

  /**
   * @throws InputError where another learner has the run
   */
  static async take(leases: KV, key: string, lease: Lease, o: LeaseOptions): Promise<HeldLease> {
    const ask = <T>(work: () => Promise<T>): Promise<T> => persist(work, o.signal, o.room);
    const before = await ask(() => leases.get(key));
    const holder = read(before);
    if (holder !== undefined && holder.owner !== lease.owner) throw refusal(key, holder);
    try {
      const revision = await ask(() => write(leases, key, lease, before));
      return new HeldLease(leases, key, lease, revision, o);
    } catch (error) {
      if (!isTaken(error)) throw error;
      // The answer to an earlier try of this very write may have been lost.
      const now = await ask(() => leases.get(key));
      if (now !== null && read(now)?.holder === lease.holder)
        return new HeldLease(leases, key, lease, now.revision, o);
      throw refusal(key, read(now));
    }
  }

  /** Gives it up; nobody has to wait. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    await this.#leases.delete(this.#key, { previousSeq: this.#revision });
  }

  async #renew(): Promise<void> {
    try {
      this.#revision = await persist(
        () => this.#leases.update(this.#key, encode(this.#lease), this.#revision),
        this.#signal,
        this.#room,
      );
    } catch (error) {
      if (!isTaken(error)) throw error;
      // An update whose answer was lost has moved the revision too, and so has the end of an entry that nobody took.
      const now = await persist(() => this.#leases.get(this.#key), this.#signal);
      const holder = read(now);
      if (holder !== undefined && holder.holder !== this.#lease.holder) {
        clearInterval(this.#timer);
        throw refusal(this.#key, holder);
      }
      this.#revision = await write(this.#leases, this.#key, this.#lease, now);
    }
  }
}

/** Over an entry as it was read, or where there was none. */
function write(leases: KV, key: string, lease: Lease, before: KvEntry | null): Promise<number> {
  return before === null
    ? leases.create(key, encode(lease))
    : leases.update(key, encode(lease), before.revision);
}

/** Undefined where there is none, or one that was given up. */
function read(entry: KvEntry | null): Lease | undefined {
  return entry === null || entry.operation !== 'PUT'
    ? undefined
    : decode(leaseSchema, entry.value, `The lease ${entry.key}`);
}

function refusal(key: string, holder: Lease | undefined): InputError {
  const run = key.slice(0, key.lastIndexOf('.'));
  return new InputError(
    `The run ${run} on this server has a learner already, ${holder?.place ?? 'which came first'}: stop that one first (one that was killed is forgotten after half a minute), or give this run another name by --run.`,
  );
}
