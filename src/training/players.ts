/**
 * Whole episodes on all cores. A player is a thread with an environment, a tensor engine and the policies of its
 * own; it is handed one episode after the other. What an episode is like follows from its plan alone, and episodes
 * come back in the order of their plans, so nothing depends on how many players there are.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { EnvironmentOptions, EnvironmentSpec, Frame, ObservationSpace } from '../../envs/environment.js';
import { lastingTask } from '../../envs/suite/registry.js';
import type { BackendOptions } from '../backend/options.js';
import { receiveError, type SentError } from '../errors.js';
import type { RewardSettings } from './config.js';
import type { Behaviour } from './experts.js';
import type { Rollout } from './rollout.js';

export interface PlayersOptions {
  readonly task: string;
  readonly environment: EnvironmentOptions;
  /** Everyone who acts in some episode; an episode's plan names one of them by its place. */
  readonly behaviours: readonly Behaviour[];
  /** Where policies compute; each thread's engine has one thread, which is as fast for one observation at a time. */
  readonly engine: Pick<BackendOptions, 'backend' | 'precision' | 'device'>;
  /** Where a classifier is the reward. */
  readonly reward?: RewardSettings | undefined;
}

export interface EpisodePlan {
  /** Who acts: place in `behaviours`. */
  readonly behaviour: number;
  readonly mode: 'sample' | 'mean';
  /** Of the environment's reset. */
  readonly seed: number;
  /** Of what the policy draws. */
  readonly noiseSeed: number;
  /** Side of the square pictures taken after the reset and after every step; none are taken where it is absent. */
  readonly filmSize?: number | undefined;
}

export interface PlayedEpisode extends Rollout {
  readonly film: readonly Frame[];
}

/** The thread's first message. */
export interface PlayerFacts {
  readonly spec: EnvironmentSpec;
  readonly observationSpace: ObservationSpace;
  /** The engine, in one line; undefined where no policy acts. */
  readonly engine: string | undefined;
}

export type PlayerMessage =
  | { readonly ok: true; readonly result: PlayerFacts | PlayedEpisode }
  | ({ readonly ok: false } & SentError);

export class Players {
  readonly facts: PlayerFacts;
  readonly #players: readonly Player[];

  private constructor(players: readonly Player[], facts: PlayerFacts) {
    this.#players = players;
    this.facts = facts;
  }

  /**
   * Starts the threads.
   * @param episodes how many are to be played: no more threads than that are of use
   * @param workers how many threads at most; default: one a core
   * @throws InputError as `makeEnv` and `selectBackend` do
   */
  static async create(
    options: PlayersOptions,
    episodes: number,
    workers = availableParallelism(),
  ): Promise<Players> {
    const known = { ...options, task: lastingTask(options.task) };
    const players = Array.from({ length: Math.min(workers, episodes) }, () => new Player(known));
    try {
      const [facts] = await Promise.all(players.map((player) => player.opened));
      return new Players(players, facts as PlayerFacts);
    } catch (error) {
      await Promise.all(players.map((player) => player.close()));
      throw error;
    }
  }

  /**
   * Plays the episodes and yields them in order. An episode that is done waits for those before it; players pause
   * where too many wait. Ends early when `signal` is aborted.
   */
  async *play(plans: readonly EpisodePlan[], signal?: AbortSignal): AsyncGenerator<PlayedEpisode> {
    const idle = [...this.#players];
    const episodes = new Map<number, Promise<PlayedEpisode>>();
    let begun = 0;
    let yielded = 0;
    const begin = (): void => {
      while (begun < plans.length && begun < yielded + 2 * this.#players.length) {
        const player = idle.pop();
        if (player === undefined) return;
        const episode = player.play(plans[begun] as EpisodePlan);
        // A failure is reported when its turn comes, not as an unhandled rejection before.
        episode.then(
          () => {
            idle.push(player);
            begin();
          },
          () => {},
        );
        episodes.set(begun++, episode);
      }
    };
    let abort = (): void => {};
    const aborted = new Promise<undefined>((resolve) => {
      abort = () => resolve(undefined);
    });
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      while (yielded < plans.length) {
        begin();
        const episode = await Promise.race([aborted, episodes.get(yielded)]);
        if (episode === undefined) return;
        episodes.delete(yielded++);
        yield episode;
      }
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Ends the threads; episodes in progress are lost. */
  async close(): Promise<void> {
    await Promise.all(this.#players.map((player) => player.close()));
  }
}

class Player {
  readonly opened: Promise<PlayerFacts>;
  readonly #worker: Worker;
  #waiting: { resolve(result: never): void; reject(error: Error): void } | undefined;
  #ended: Error | undefined;

  constructor(options: PlayersOptions) {
    const worker = new Worker(new URL('./playerThread.js', import.meta.url), { workerData: options });
    this.#worker = worker;
    worker.on('message', (message: PlayerMessage) => {
      if (message.ok) this.#waiting?.resolve(message.result as never);
      else this.#waiting?.reject(receiveError(message));
    });
    worker.on('error', (error) => this.#end(`failed: ${error.message}`));
    worker.on('exit', (code) => this.#end(`ended (exit code ${code}).`));
    this.opened = this.#answer();
  }

  play(plan: EpisodePlan): Promise<PlayedEpisode> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#worker.postMessage(plan);
    return this.#answer();
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #answer<Result>(): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #end(how: string): void {
    this.#ended ??= new Error(`A thread that plays episodes ${how}`);
    this.#waiting?.reject(this.#ended);
  }
}
