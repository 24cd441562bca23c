/**
 * Workers as the place where a study's runs are played: each run becomes a job in a queue on the server, with its data,
 * and what a worker makes of it is fetched into the run's folder. The jobs outlive this process: what was asked for goes
 * on, and whoever asks again is given what has come of it.
 */
import { rm } from 'node:fs/promises';
import { type Fingerprint, fingerprintText, fingerprint as ownFingerprint } from '../study/fingerprint.js';
import type { PlayEvent, Played, PlayRun, RunPlan } from '../study/playRun.js';
import { moduleHash } from '../training/recording.js';
import { datasetHash } from '../training/runData.js';
import { counted } from '../words.js';
import { connectTo, type ServerAddress, withoutSecrets } from './connect.js';
import { getFiles, putFiles } from './fileSets.js';
import { dataFiles, JOB_SECONDS, jobFiles, jobId, readJobState, versionName } from './jobs.js';
import {
  decode,
  encode,
  type Job,
  type JobState,
  jobProgressSchema,
  PROTOCOL,
  workerSchema,
} from './messages.js';
import { JOB_STATES, jobSubjects } from './names.js';
import { isTaken, pause, persist, type RoomNotice, StoppedError, serverRoom } from './persistence.js';
import { filesOf, snapshotRun } from './runSnapshot.js';
import { ensureJobs, type JobServer, openJobs } from './server.js';

/** A look at the server for want of a message, whose loss would else be waited for for ever. */
const LOOK_MS = 5000;

export interface StudyWorkersOptions {
  readonly address: ServerAddress;
  readonly onNote: (line: string) => void;
  /** After so many seconds without a sign of life a worker's job goes to another; default 30. */
  readonly jobSeconds?: number | undefined;
}

interface Waiting {
  readonly wake: () => void;
  readonly onEvent: (event: PlayEvent) => void;
  /** Whether somebody plays it, as far as is known. */
  isPlayed: boolean;
}

export class StudyWorkers {
  readonly #server: JobServer;
  readonly #fingerprint: Fingerprint;
  readonly #version: string;
  readonly #where: string;
  readonly #onNote: (line: string) => void;
  readonly #room: RoomNotice;
  readonly #stop = new AbortController();
  readonly #waiting = new Map<string, Waiting>();
  /** Data that are on the server by now, by their folders. */
  readonly #sent = new Map<string, Promise<string>>();
  #look: NodeJS.Timeout | undefined;
  #saidOfWorkers = '';

  private constructor(server: JobServer, fingerprint: Fingerprint, { address, onNote }: StudyWorkersOptions) {
    this.#server = server;
    this.#fingerprint = fingerprint;
    this.#version = versionName(fingerprint);
    this.#where = withoutSecrets(address.url);
    this.#onNote = onNote;
    this.#room = serverRoom(onNote);
  }

  /** @throws InputError where the server cannot be reached or keeps nothing */
  static async open(options: StudyWorkersOptions): Promise<StudyWorkers> {
    const connection = await connectTo(options.address, 'rlpd study', options.onNote);
    try {
      const server = await persist(() => openJobs(connection), new AbortController().signal);
      const workers = new StudyWorkers(server, await ownFingerprint(), options);
      const seconds = options.jobSeconds ?? JOB_SECONDS;
      await persist(
        () => ensureJobs(server.jsm, workers.#version, seconds),
        workers.#stop.signal,
        workers.#room,
      );
      void workers.#listen();
      void workers.#hearProgress();
      workers.#look = setInterval(() => void workers.#lookAround(), LOOK_MS);
      return workers;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  readonly play: PlayRun = async (plan, signal, onEvent) => {
    const stop = AbortSignal.any([signal, this.#stop.signal]);
    try {
      const job = await this.#describe(plan, stop);
      return await this.#await(job, plan, stop, onEvent);
    } catch (error) {
      if (error instanceof StoppedError) return { finished: false };
      throw error;
    }
  };

  async close(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#look);
    await this.#server.connection.close();
  }

  async #describe({ name, config }: RunPlan, signal: AbortSignal): Promise<Job> {
    const { dataset, distractionBackgrounds, ...settings } = config;
    const [data] = dataset;
    const content = {
      protocol: PROTOCOL,
      fingerprint: this.#fingerprint,
      config: settings as Job['config'],
      dataset: data === undefined ? null : await this.#send(data, await datasetHash(data), signal),
      backgrounds:
        distractionBackgrounds === null
          ? null
          : await this.#send(distractionBackgrounds, 'backgrounds', signal),
      taskModule: (await moduleHash(config.task)).taskModule ?? null,
    } as const;
    return { ...content, id: jobId(content), name };
  }

  /** Once for each folder of data. */
  #send(folder: string, content: string, signal: AbortSignal): Promise<string> {
    const key = `${folder}\n${content}`;
    const sets = dataFiles(this.#server, signal, this.#room);
    const sent = this.#sent.get(key) ?? filesOf(folder).then((paths) => putFiles(sets, folder, paths));
    this.#sent.set(key, sent);
    // Whoever asks again tries again.
    sent.catch(() => this.#sent.delete(key));
    return sent;
  }

  /** Asks for the job, unless that was done before, and waits for what comes of it. */
  async #await(
    job: Job,
    plan: RunPlan,
    signal: AbortSignal,
    onEvent: (event: PlayEvent) => void,
  ): Promise<Played> {
    const { id } = job;
    const sets = jobFiles(this.#server, id, signal, this.#room);
    let wake = (): void => {};
    let woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const waiting: Waiting = { wake: () => wake(), onEvent, isPlayed: false };
    this.#waiting.set(id, waiting);
    try {
      if (this.#waiting.size === 1) void this.#lookAround();
      // What failed before this one asked is tried again.
      let state: JobState = await this.#ask(job, plan, signal);
      let worker: string | null = null;
      for (;;) {
        if (state.status === 'done') {
          await getFiles(sets, state.files, plan.folder);
          const { engine, wallSeconds, machine } = state;
          return { finished: true, engine, wallSeconds, machine };
        }
        if (state.status === 'failed')
          throw new Error(`${state.reason.replace(/\.$/, '')} (${state.worker}).`);
        const now: string | null = state.worker;
        waiting.isPlayed = now !== null;
        if (now !== null && now !== worker) {
          onEvent({ kind: 'note', text: `${job.name} is played by ${now}.` });
          onEvent({ kind: 'started', resumed: state.snapshot !== null });
        }
        worker = now;
        await Promise.race([woken, pause(LOOK_MS, signal)]);
        woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const read = (await readJobState(this.#server, id, signal))?.state;
        // The server may have lost it, with its disk or after a month, and a message that nobody has is soon there again.
        const isLost = read === undefined || (read.status === 'open' && read.worker === null);
        state = isLost ? await this.#ask(job, plan, signal) : read;
      }
    } finally {
      this.#waiting.delete(id);
    }
  }

  /** Puts the job into the queue, unless it is there or done; what this folder has of the run goes with it. */
  async #ask(job: Job, { folder, resumed }: RunPlan, signal: AbortSignal): Promise<JobState> {
    const { js, states } = this.#server;
    const { id } = job;
    const subject = jobSubjects.job(this.#version, id);
    for (;;) {
      const before = await readJobState(this.#server, id, signal);
      if (before?.state.status === 'done') return before.state;
      let state = before?.state;
      if (state?.status !== 'open') {
        const snapshot = resumed ? await this.#sendSnapshot(id, folder, signal) : null;
        state = { status: 'open', worker: null, snapshot, deliveries: 0 };
        const opened = encode(state);
        const isOurs = await persist(
          () =>
            before === undefined ? states.create(id, opened) : states.update(id, opened, before.revision),
          signal,
          this.#room,
        ).then(
          () => true,
          (error) => {
            if (!isTaken(error)) throw error;
            return false;
          },
        );
        if (!isOurs) continue;
      }
      await persist(
        () => js.publish(subject, encode(job), { expect: { lastSubjectSequence: 0 } }),
        signal,
        this.#room,
      ).catch((error) => {
        if (!isTaken(error)) throw error;
      });
      return state;
    }
  }

  async #sendSnapshot(id: string, folder: string, signal: AbortSignal): Promise<string | null> {
    const aside = `${folder}.snapshot`;
    const paths = await snapshotRun(folder, aside);
    if (paths === undefined) return null;
    try {
      return await putFiles(jobFiles(this.#server, id, signal, this.#room), aside, paths);
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  }

  async #listen(): Promise<void> {
    for await (const { subject } of this.#server.connection.subscribe(`$KV.${JOB_STATES}.*`))
      this.#waiting.get(subject.slice(subject.lastIndexOf('.') + 1))?.wake();
  }

  async #hearProgress(): Promise<void> {
    for await (const { subject, data } of this.#server.connection.subscribe(jobSubjects.progress('*'))) {
      const waiting = this.#waiting.get(subject.slice(subject.lastIndexOf('.') + 1));
      if (waiting === undefined) continue;
      try {
        const { lastReturn, evaluationMean, ...progress } = decode(jobProgressSchema, data, 'Progress');
        waiting.onEvent({
          kind: 'progress',
          progress: { ...progress, lastReturn, evaluationMean },
        });
      } catch {
        // It is for people alone, and the next one follows.
      }
    }
  }

  /** Says once that nobody is there to play what waits, and why. */
  async #lookAround(): Promise<void> {
    const waiting = [...this.#waiting.values()].filter(({ isPlayed }) => !isPlayed).length;
    const said = waiting === 0 ? '' : await this.#wordOfWorkers(waiting).catch(() => this.#saidOfWorkers);
    // Not again for another number of runs.
    const gist = said.replace(/^\d+ \w+ \w+ /, '');
    if (said !== '' && gist !== this.#saidOfWorkers) this.#onNote(said);
    this.#saidOfWorkers = gist;
  }

  async #wordOfWorkers(waiting: number): Promise<string> {
    const { workers } = this.#server;
    const others: string[] = [];
    for await (const key of await workers.keys()) {
      const entry = await workers.get(key);
      if (entry === null || entry.operation !== 'PUT') continue;
      const { place, fingerprint } = decode(workerSchema, entry.value, 'A worker');
      if (fingerprintText(fingerprint) === fingerprintText(this.#fingerprint)) return '';
      others.push(place);
    }
    const [first] = others;
    const what = `${counted(waiting, 'run')} ${waiting === 1 ? 'waits' : 'wait'} for a worker`;
    return first === undefined
      ? `${what}, and none is there: start one by rlpd worker --nats ${this.#where}`
      : `${what} of this version of the program (${fingerprintText(this.#fingerprint)}), and ${counted(others.length, 'worker')} of other versions ${others.length === 1 ? 'is' : 'are'} there (${first}): install the same on each.`;
  }
}
