/**
 * `rlpd worker`: takes a study's runs from the queue, one at a time, and trains them as a study does on its own machine.
 * Each checkpoint goes to the server, so that another worker goes on from there when this one is gone; the first to hand
 * a run's end over counts.
 */
import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Consumer, JsMsg } from '@nats-io/jetstream';
import { millis } from '@nats-io/transport-node';
import { locateTask } from '../../envs/taskModule.js';
import { InputError, thrownWords } from '../errors.js';
import { PARTIAL_ENDING } from '../files/atomicFile.js';
import { acquireLock, isLocked, LockedError } from '../files/lock.js';
import { makeFolder } from '../files/makeFolder.js';
import { type Fingerprint, fingerprintText, fingerprint as ownFingerprint } from '../study/fingerprint.js';
import { inProcess } from '../study/inProcess.js';
import type { PlayRun } from '../study/playRun.js';
import { fromEarlierVersion, parseRunConfig, type RunConfig } from '../training/config.js';
import { moduleHash } from '../training/recording.js';
import { runPaths } from '../training/runFolder.js';
import type { Progress } from '../training/trainingRun.js';
import { connectTo, type ServerAddress, withoutSecrets } from './connect.js';
import { dropReplaced, getFiles, keepOnly, putFiles } from './fileSets.js';
import { JobInHand, PassedOverError } from './jobInHand.js';
import { dataFiles, JOB_SECONDS, jobFiles, versionName } from './jobs.js';
import { decode, encode, type Job, jobSchema } from './messages.js';
import { JOBS, jobConsumer } from './names.js';
import {
  pause,
  persist,
  type RoomNotice,
  requirePermission,
  StoppedError,
  serverRoom,
} from './persistence.js';
import { lastingFiles, newestCheckpoint, snapshotRun } from './runSnapshot.js';
import { ensureJobs, type JobServer, LEASE_SECONDS, openJobs } from './server.js';

export interface WorkOptions {
  readonly address: ServerAddress;
  /** Where runs in progress and data lie; default `runs/worker`. */
  readonly folder?: string | undefined;
  /** Whether it ends where no run waits, and none is left behind by a worker that is gone. */
  readonly exitWhenEmpty?: boolean | undefined;
  /** Who plays a run. Default: a process of its own. */
  readonly play?: PlayRun | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onNote?: ((line: string) => void) | undefined;
  readonly onProgress?: ((name: string, progress: Progress) => void) | undefined;
}

export interface WorkResult {
  readonly played: number;
  readonly failed: number;
  /** Whether the queue was empty, or it was stopped before. */
  readonly finished: boolean;
}

export const defaultWorkFolder = 'runs/worker';

/** How long an empty queue is listened to before it is looked at again. */
const PATIENCE_MS = 2000;
/** What a worker that is stopped has for its last checkpoint: less than launchers leave it, which is 30 seconds as a rule. */
const GRACE_MS = 20_000;

/**
 * Plays until the signal is aborted, or nothing is left: what it has in hand then goes to another, from its checkpoint.
 * @throws InputError where the server cannot be reached, or all that waits is for another version of the program
 */
export async function work(options: WorkOptions): Promise<WorkResult> {
  const { address, signal = new AbortController().signal, onNote = () => {} } = options;
  const connection = await connectTo(address, 'rlpd worker', onNote);
  let worker: Worker | undefined;
  try {
    const server = await persist(() => openJobs(connection), signal);
    worker = await Worker.begin(options, server, await ownFingerprint(), signal);
    return await worker.playAll();
  } finally {
    await worker?.close();
    await connection.close();
  }
}

class Worker {
  readonly #options: WorkOptions;
  readonly #server: JobServer;
  readonly #fingerprint: Fingerprint;
  readonly #version: string;
  readonly #signal: AbortSignal;
  /** Aborted a little after that one: until then what was begun can be handed over. */
  readonly #grace = new AbortController();
  readonly #id = randomUUID();
  readonly #place = `${hostname()}, process ${process.pid}`;
  readonly #data: string;
  readonly #own: string;
  readonly #room: RoomNotice;
  readonly #note: (line: string) => void;
  #presence: NodeJS.Timeout | undefined;
  #release: () => Promise<void> = async () => {};
  #consumer: Consumer | undefined;
  /** After so many without a sign of life a job goes to another worker. */
  #jobSeconds = JOB_SECONDS;
  #saidOfOthers = '';

  private constructor(
    options: WorkOptions,
    server: JobServer,
    fingerprint: Fingerprint,
    signal: AbortSignal,
  ) {
    const { folder = defaultWorkFolder, onNote = () => {} } = options;
    this.#options = options;
    this.#server = server;
    this.#fingerprint = fingerprint;
    this.#version = versionName(fingerprint);
    this.#signal = signal;
    this.#data = join(folder, 'data');
    this.#own = join(folder, this.#id);
    this.#note = onNote;
    this.#room = serverRoom(onNote);
    const end = (): void => void setTimeout(() => this.#grace.abort(), GRACE_MS).unref();
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  }

  static async begin(
    options: WorkOptions,
    server: JobServer,
    fingerprint: Fingerprint,
    signal: AbortSignal,
  ): Promise<Worker> {
    const worker = new Worker(options, server, fingerprint, signal);
    const { folder = defaultWorkFolder } = options;
    await makeFolder(worker.#own);
    const lock = await acquireLock(lockOf(worker.#own), `The folder ${worker.#own}`);
    worker.#release = () => lock.release();
    await clearDead(folder);
    const state = encode({ place: worker.#place, fingerprint });
    const tell = () => void server.workers.put(worker.#id, state).catch(() => {});
    tell();
    worker.#presence = setInterval(tell, (LEASE_SECONDS * 1000) / 3);
    return worker;
  }

  async close(): Promise<void> {
    clearInterval(this.#presence);
    await this.#server.workers.delete(this.#id).catch(() => {});
    await rm(this.#own, { recursive: true, force: true });
    await this.#release();
  }

  async playAll(): Promise<WorkResult> {
    let [played, failed] = [0, 0];
    let emptySince: number | undefined;
    while (!this.#signal.aborted) {
      const message = await this.#pull();
      if (message !== null) {
        emptySince = undefined;
        const outcome = await this.#take(message);
        if (outcome === 'played') played++;
        if (outcome === 'failed') failed++;
        continue;
      }
      if (this.#signal.aborted) break;
      const left = await this.#left();
      if (left === undefined) continue;
      emptySince ??= performance.now();
      await this.#tellOfOtherVersions(left.ofOtherVersions);
      // What a worker that is gone has left comes back after a while, which is waited for.
      const isOver = left.inHands === 0 || performance.now() - emptySince > left.patienceMs;
      if (!this.#options.exitWhenEmpty || left.waiting > 0 || !isOver) continue;
      if (played + failed === 0 && left.ofOtherVersions > 0) throw new InputError(`${this.#saidOfOthers}`);
      return { played, failed, finished: true };
    }
    return { played, failed, finished: false };
  }

  /** Null where none came for a while. */
  async #pull(): Promise<JsMsg | null> {
    const { js, jsm } = this.#server;
    try {
      if (this.#consumer === undefined) {
        const name = jobConsumer(this.#version);
        const isThere = await jsm.consumers.info(JOBS, name).then(
          () => true,
          (error: Error) => {
            if (error.name === 'ConsumerNotFoundError') return false;
            throw error;
          },
        );
        if (!isThere) await ensureJobs(jsm, this.#version, JOB_SECONDS);
        this.#consumer = await js.consumers.get(JOBS, name);
        this.#jobSeconds = millis((await this.#consumer.info()).config.ack_wait ?? 0) / 1000;
      }
      return await this.#consumer.next({ expires: PATIENCE_MS });
    } catch (error) {
      requirePermission(error);
      // The server is away.
      this.#consumer = undefined;
      await pause(PATIENCE_MS / 4, this.#signal);
      return null;
    }
  }

  /** What there is beside what was handed out here; undefined where the server does not say. */
  async #left() {
    try {
      const { jsm } = this.#server;
      const { num_pending, num_ack_pending, config } = await jsm.consumers.info(
        JOBS,
        jobConsumer(this.#version),
      );
      const { state } = await jsm.streams.info(JOBS);
      return {
        waiting: num_pending,
        inHands: num_ack_pending,
        ofOtherVersions: Math.max(0, state.messages - num_pending - num_ack_pending),
        patienceMs: 1.2 * millis(config.ack_wait ?? 0) + PATIENCE_MS,
      };
    } catch (error) {
      requirePermission(error);
      return undefined;
    }
  }

  async #tellOfOtherVersions(count: number): Promise<void> {
    const said =
      count === 0
        ? ''
        : `${count === 1 ? 'One run' : `${count} runs`} at ${withoutSecrets(this.#options.address.url)} ${count === 1 ? 'waits' : 'wait'} for another version of the program than this one (${fingerprintText(this.#fingerprint)}): install here what the study is run with.`;
    if (said !== '' && said !== this.#saidOfOthers) this.#note(said);
    this.#saidOfOthers = said;
  }

  async #take(message: JsMsg): Promise<'played' | 'failed' | undefined> {
    const job = this.#parse(message);
    if (job === undefined) return undefined;
    const hand = new JobInHand({
      server: this.#server,
      job,
      message,
      place: this.#place,
      jobSeconds: this.#jobSeconds,
      signal: this.#grace.signal,
      room: this.#room,
    });
    try {
      const state = await hand.begin();
      if (state === undefined) return undefined;
      this.#note(`${job.name}: ${state.snapshot === null ? 'starts' : 'goes on from its checkpoint'}.`);
      const isFinished = await this.#play(job, state.snapshot, hand);
      this.#note(
        `${job.name}: ${isFinished ? 'finished' : 'stopped; another worker goes on from its checkpoint'}.`,
      );
      return isFinished ? 'played' : undefined;
    } catch (error) {
      if (error instanceof PassedOverError) {
        this.#note(`${job.name}: ${error.message}`);
        return undefined;
      }
      if (error instanceof StoppedError || this.#signal.aborted) {
        await hand.giveBack();
        return undefined;
      }
      const reason = thrownWords(error);
      this.#note(`${job.name}: failed: ${reason}.`);
      await hand.fail(reason).catch((lost) => {
        if (!(lost instanceof PassedOverError)) throw lost;
      });
      return 'failed';
    } finally {
      hand.letGo();
      await rm(join(this.#own, job.id), { recursive: true, force: true });
      await rm(join(this.#own, `${job.id}.snapshot`), { recursive: true, force: true });
    }
  }

  /** What is no job holds up nobody. */
  #parse(message: JsMsg): Job | undefined {
    try {
      return decode(jobSchema, message.data, 'A job');
    } catch (error) {
      this.#note(`${(error as Error).message} It is left out.`);
      message.term();
      return undefined;
    }
  }

  /** @returns whether it came to its end */
  async #play(job: Job, snapshot: string | null, hand: JobInHand): Promise<boolean> {
    const folder = join(this.#own, job.id);
    const aside = `${folder}.snapshot`;
    const files = jobFiles(this.#server, job.id, this.#grace.signal, this.#room);
    await rm(folder, { recursive: true, force: true });
    await makeFolder(folder);
    if (snapshot !== null) await getFiles(files, snapshot, folder);
    const config = await this.#settle(job);
    const stop = new AbortController();
    const passedOver = (error: Error): void => {
      problem ??= error;
      stop.abort();
    };
    let problem: Error | undefined;
    let sent = await newestCheckpoint(folder);
    let last = snapshot;
    let sending: Promise<void> | undefined;
    const send = async (): Promise<void> => {
      const newest = await newestCheckpoint(folder);
      if (newest === undefined || newest === sent) return;
      const paths = await snapshotRun(folder, aside);
      if (paths === undefined) return;
      const list = await putFiles(files, aside, paths);
      await hand.checkpointed(list);
      sent = await newestCheckpoint(aside);
      await rm(aside, { recursive: true, force: true });
      if (last !== null) await dropReplaced(files, last, list);
      last = list;
    };
    const { play = inProcess, onProgress } = this.#options;
    const end = await play(
      { name: job.name, folder, config, resumed: snapshot !== null },
      AbortSignal.any([this.#signal, stop.signal]),
      (event) => {
        if (event.kind !== 'progress') return;
        onProgress?.(job.name, event.progress);
        hand.tell(event.progress);
        sending ??= send()
          .catch(passedOver)
          .finally(() => {
            sending = undefined;
          });
      },
    );
    await sending;
    if (problem !== undefined) throw problem;
    if (!end.finished) {
      // The server has a little while for the last checkpoint; without it another goes on from the one before.
      await send();
      await hand.giveBack();
      return false;
    }
    const list = await putFiles(files, folder, await lastingFiles(folder));
    const { engine, wallSeconds, machine } = end;
    await hand.finish({ status: 'done', worker: this.#place, files: list, engine, wallSeconds, machine });
    await keepOnly(files, list);
    return true;
  }

  /** The run's settings as they are on this machine, with its data fetched. */
  async #settle(job: Job): Promise<RunConfig> {
    const { config, dataset, backgrounds, taskModule } = job;
    const own = parseRunConfig(
      fromEarlierVersion({
        ...config,
        dataset: dataset === null ? [] : [await this.#fetchData(dataset)],
        distractionBackgrounds: backgrounds === null ? null : await this.#fetchData(backgrounds),
      }),
      (name) => `"${name}" of the job`,
    );
    if (taskModule !== null && (await moduleHash(locateTask(own.task))).taskModule !== taskModule)
      throw new InputError(
        `The task's module ${own.task} is another one here than where the study lies: copy that one.`,
      );
    return own;
  }

  /** Fetched once, and found again by every job that asks for the same. */
  async #fetchData(list: string): Promise<string> {
    const folder = join(this.#data, list.slice(0, 16));
    await makeFolder(this.#data);
    for (;;) {
      if ((await stat(folder).catch(() => null)) !== null) return folder;
      const lock = await acquireLock(`${folder}.lock`, `The data ${folder}`).catch((error) => {
        if (!(error instanceof LockedError)) throw error;
        return undefined;
      });
      if (lock === undefined) {
        await pause(PATIENCE_MS / 4, this.#signal);
        if (this.#signal.aborted) throw new StoppedError('stopped');
        continue;
      }
      try {
        if ((await stat(folder).catch(() => null)) !== null) return folder;
        const aside = folder + PARTIAL_ENDING;
        await rm(aside, { recursive: true, force: true });
        await getFiles(dataFiles(this.#server, this.#grace.signal, this.#room), list, aside);
        await rename(aside, folder);
        return folder;
      } finally {
        await lock.release();
      }
    }
  }
}

const lockOf = (folder: string): string => `${folder}.lock`;

/** What workers left that were killed; a run's process outlives its worker by a moment. */
async function clearDead(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const own = join(folder, name);
    if (!/^[0-9a-f-]{36}$/.test(name) || (await isLocked(lockOf(own)))) continue;
    const runs = await readdir(own).catch(() => []);
    const isPlayed = await Promise.all(runs.map((run) => isLocked(runPaths(join(own, run)).lock)));
    if (isPlayed.includes(true)) continue;
    await rm(own, { recursive: true, force: true });
    await rm(lockOf(own), { force: true });
  }
}
