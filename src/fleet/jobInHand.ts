/** A job that a worker has: its message, and its state, which changes only as long as no other worker has it. */
import type { JsMsg } from '@nats-io/jetstream';
import type { Progress } from '../training/trainingRun.js';
import { readJobState } from './jobs.js';
import { encode, type Job, type JobState } from './messages.js';
import { jobSubjects } from './names.js';
import { isTaken, persist, type RoomNotice } from './persistence.js';
import type { JobServer } from './server.js';

/** So many workers may die over a run without a new checkpoint, and it counts as failed. */
const MOST_DEATHS = 5;

/** Another worker has the job by now. */
export class PassedOverError extends Error {}

interface InHand {
  readonly server: JobServer;
  readonly job: Job;
  readonly message: JsMsg;
  /** Who has it, in words. */
  readonly place: string;
  readonly jobSeconds: number;
  readonly signal: AbortSignal;
  readonly room: RoomNotice;
}

export class JobInHand {
  readonly #o: InHand;
  readonly #working: NodeJS.Timeout;
  #revision = 0;
  #snapshot: string | null = null;

  constructor(options: InHand) {
    this.#o = options;
    this.#working = setInterval(() => options.message.working(), (options.jobSeconds * 1000) / 3);
  }

  /** Takes it; undefined where it is done, by a worker that died before saying so. */
  async begin(): Promise<Extract<JobState, { status: 'open' }> | undefined> {
    const { states } = this.#o.server;
    const { id } = this.#o.job;
    const delivery = this.#o.message.info.deliveryCount;
    for (;;) {
      const found = await readJobState(this.#o.server, id, this.#o.signal);
      const before =
        found?.state ?? ({ status: 'open', worker: null, snapshot: null, deliveries: 0 } as const);
      if (before.status !== 'open') {
        await this.#o.message.ackAck().catch(() => false);
        return undefined;
      }
      // A job that was asked for anew begins to be counted anew.
      const deaths = delivery - 1 - Math.min(before.deliveries, delivery - 1);
      const state = { ...before, worker: this.#o.place };
      const bytes = encode(state);
      try {
        this.#revision = await persist(
          () => (found === undefined ? states.create(id, bytes) : states.update(id, bytes, found.revision)),
          this.#o.signal,
          this.#o.room,
        );
      } catch (error) {
        if (!isTaken(error)) throw error;
        continue;
      }
      this.#snapshot = before.snapshot;
      if (deaths >= MOST_DEATHS) {
        await this.fail(
          `${deaths} workers were lost over it since its last checkpoint, the last one ${before.worker ?? 'unknown'}: see there what ended them, memory for one`,
        );
        return undefined;
      }
      return state;
    }
  }

  /** Another worker would go on from there. */
  async checkpointed(snapshot: string): Promise<void> {
    this.#snapshot = snapshot;
    await this.#write({
      status: 'open',
      worker: this.#o.place,
      snapshot,
      deliveries: this.#o.message.info.deliveryCount,
    });
  }

  async finish(state: Extract<JobState, { status: 'done' }>): Promise<void> {
    await this.#write(state);
    await this.#o.message.ackAck().catch(() => false);
  }

  async fail(reason: string): Promise<void> {
    await this.#write({ status: 'failed', worker: this.#o.place, reason: reason.slice(0, 5000) });
    await this.#o.message.ackAck().catch(() => false);
  }

  /** So that another worker has it at once. */
  async giveBack(): Promise<void> {
    const deliveries = this.#o.message.info.deliveryCount;
    const state = { status: 'open', worker: null, snapshot: this.#snapshot, deliveries } as const;
    // A stop was asked for: what the server does not take now is lost, and the job comes back by itself.
    await this.#o.server.states.update(this.#o.job.id, encode(state), this.#revision).catch(() => {});
    this.#o.message.nak();
    await this.#o.server.connection.flush().catch(() => {});
  }

  /** Told to whoever listens. */
  tell({ evaluationSuccess, lastReturn, evaluationMean, ...progress }: Progress): void {
    const message = {
      ...progress,
      ...(lastReturn !== undefined && { lastReturn }),
      ...(evaluationMean !== undefined && { evaluationMean }),
    };
    const { server, job } = this.#o;
    server.connection.publish(jobSubjects.progress(job.id), encode(message));
  }

  letGo(): void {
    clearInterval(this.#working);
  }

  async #write(state: JobState): Promise<void> {
    const { states } = this.#o.server;
    const { id } = this.#o.job;
    try {
      this.#revision = await persist(
        () => states.update(id, encode(state), this.#revision),
        this.#o.signal,
        this.#o.room,
      );
    } catch (error) {
      if (!isTaken(error)) throw error;
      // The answer to an earlier try of this very change may have been lost.
      const now = await persist(() => states.get(id), this.#o.signal);
      if (now === null || Buffer.compare(now.value, encode(state)) !== 0)
        throw new PassedOverError('another worker has it by now: this one leaves it.');
      this.#revision = now.revision;
    }
  }
}
