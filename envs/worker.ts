/**
 * An environment in a worker thread of its own, behind the same interface with promises. Calls and small results
 * travel as messages; images travel through shared memory, so a frame is copied once on each side and never cloned.
 */
import { Worker } from 'node:worker_threads';
import { receiveError, type SentError, thrownWords } from '../src/errors.js';
import type {
  BoxSpace,
  EnvironmentOptions,
  EnvironmentSpec,
  EnvironmentState,
  Frame,
  Observation,
  ObservationSpace,
  RenderOptions,
  ResetResult,
  StepResult,
} from './environment.js';
import { lastingTask } from './suite/registry.js';

/** What the worker is asked; `id` pairs an answer with its question. */
export type Question =
  | { readonly id: number; readonly kind: 'reset'; readonly seed: number | undefined }
  | { readonly id: number; readonly kind: 'step'; readonly action: Float32Array }
  | { readonly id: number; readonly kind: 'render'; readonly options: RenderOptions }
  | { readonly id: number; readonly kind: 'saveState' }
  | { readonly id: number; readonly kind: 'restoreState'; readonly state: EnvironmentState };

/** `result.observation.images` is empty in a reset's or step's answer: the images are in the shared memory. */
export type Answer =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | ({ readonly id: number; readonly ok: false } & SentError);

/** The worker's first message. */
export type Opening =
  | {
      readonly ok: true;
      readonly spec: EnvironmentSpec;
      readonly observationSpace: ObservationSpace;
      readonly actionSpace: BoxSpace;
      /** One observation's images, in the order of the observation space. */
      readonly images: readonly SharedArrayBuffer[];
    }
  | ({ readonly ok: false } & SentError);

export interface WorkerTask {
  readonly task: string;
  readonly options: EnvironmentOptions;
}

type QuestionBody = Question extends infer Q ? (Q extends Question ? Omit<Q, 'id'> : never) : never;
interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class EnvironmentWorker {
  readonly spec: EnvironmentSpec;
  readonly observationSpace: ObservationSpace;
  readonly actionSpace: BoxSpace;
  readonly #worker: Worker;
  readonly #images: Readonly<Record<string, Uint8Array>>;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  /** Why no call can be answered any more. */
  #ended: Error | null = null;

  private constructor(worker: Worker, opening: Opening & { ok: true }) {
    this.spec = opening.spec;
    this.observationSpace = opening.observationSpace;
    this.actionSpace = opening.actionSpace;
    this.#worker = worker;
    this.#images = Object.fromEntries(
      opening.observationSpace.images.map(({ name }, i) => [
        name,
        new Uint8Array(opening.images[i] as SharedArrayBuffer),
      ]),
    );
    worker.on('message', (answer: Answer) => this.#receive(answer));
    worker.on('error', (error) => this.#end(threadFailure(error)));
    worker.on('exit', (code) => this.#end(new Error(`The environment's thread ended (exit code ${code}).`)));
    // An idle environment must not keep the process alive; a pending call does.
    worker.unref();
  }

  /**
   * Starts the thread and builds the environment in it.
   * @throws InputError as `makeEnv` does, and for a task that was registered in this thread without its module
   */
  static async create(task: string, options: EnvironmentOptions = {}): Promise<EnvironmentWorker> {
    const workerData: WorkerTask = { task: lastingTask(task), options };
    const worker = new Worker(new URL('./workerThread.js', import.meta.url), { workerData });
    return new Promise((resolve, reject) => {
      const stopListening = (): void => {
        worker.off('message', onOpening).off('error', onError).off('exit', onExit);
      };
      const fail = (error: Error): void => {
        stopListening();
        void worker.terminate();
        reject(error);
      };
      const onError = (error: unknown): void => fail(threadFailure(error));
      const onExit = (code: number): void => {
        fail(new Error(`The environment's thread ended at its start (exit code ${code}).`));
      };
      const onOpening = (opening: Opening): void => {
        if (!opening.ok) {
          fail(receiveError(opening));
          return;
        }
        const environment = new EnvironmentWorker(worker, opening);
        stopListening();
        resolve(environment);
      };
      worker.on('message', onOpening).on('error', onError).on('exit', onExit);
    });
  }

  async reset(options: { readonly seed?: number } = {}): Promise<ResetResult> {
    const result = (await this.#ask({ kind: 'reset', seed: options.seed })) as ResetResult;
    return { ...result, observation: this.#withImages(result.observation) };
  }

  async step(action: Float32Array): Promise<StepResult> {
    const result = (await this.#ask({ kind: 'step', action })) as StepResult;
    return { ...result, observation: this.#withImages(result.observation) };
  }

  async render(options: RenderOptions = {}): Promise<Frame> {
    return (await this.#ask({ kind: 'render', options })) as Frame;
  }

  async saveState(): Promise<EnvironmentState> {
    return (await this.#ask({ kind: 'saveState' })) as EnvironmentState;
  }

  async restoreState(state: EnvironmentState): Promise<void> {
    await this.#ask({ kind: 'restoreState', state });
  }

  /** Ends the thread; calls still pending are rejected. Closing twice is allowed. */
  async close(): Promise<void> {
    this.#end(new Error('The environment is closed.'));
    await this.#worker.terminate();
  }

  #ask(body: QuestionBody): Promise<unknown> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    // The images of a call stay where they are until the next one: calls must not overlap.
    if (this.#pending.size > 0) {
      return Promise.reject(new Error('The environment is still busy: await one call before the next.'));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ id, ...body });
    });
  }

  #receive(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return;
    this.#pending.delete(answer.id);
    this.#worker.unref();
    if (answer.ok) pending.resolve(answer.result);
    else pending.reject(receiveError(answer));
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    this.#worker.unref();
  }

  #withImages(observation: Observation): Observation {
    const copies = Object.entries(this.#images).map(([name, image]) => [name, image.slice()] as const);
    return { ...observation, images: Object.fromEntries(copies) };
  }
}

/** @param thrown by whoever runs there, which need not be an error */
function threadFailure(thrown: unknown): Error {
  return new Error(`The environment's thread failed: ${thrownWords(thrown)}.`);
}
