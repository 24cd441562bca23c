/**
 * Episodes that a person drives, at the control rate, kept as a dataset where the person says so. Each that was kept is on
 * the disk before the next one begins.
 */
import type { DatasetHeader } from '../../datasets/manifest.js';
import type { DatasetWriter } from '../../datasets/writer.js';
import type { Clock } from '../training/controlRate.js';
import type { TrainingEnvironment } from '../training/environmentExperience.js';
import { recordingHeader } from '../training/environmentOptions.js';
import { episodeId, episodeNumber, recordInto, toEpisode } from '../training/recording.js';
import { type Rollout, rollout } from '../training/rollout.js';
import { PACKAGE_VERSION } from '../training/version.js';
import { DrivenEnvironment } from './drivenEnvironment.js';
import type { DriverSeat } from './driverSeat.js';
import type { DriveCommand } from './standing.js';

export interface DriveOptions {
  /** In a thread of its own: while it steps, the page is answered. */
  readonly environment: TrainingEnvironment;
  /** What the environment was made from. */
  readonly task: string;
  readonly seat: DriverSeat;
  /**
   * A dataset of the episodes: a new one, or one of the same words, which goes on; without it everything is practice.
   * `command` is what it depends on beside the environment's own facts.
   */
  readonly record?: { readonly folder: string; readonly command: DrivenCommand } | undefined;
  /** Episode i starts from seed `seed + i`; default 0. */
  readonly seed?: number | undefined;
  /** Added to the last reward of an episode that the person marks as a success, which then terminates. */
  readonly successReward?: number | undefined;
  /** Ends it; the episode in progress is dropped. */
  readonly signal: AbortSignal;
  /** Told when episodes can be driven. */
  readonly onBegin?: (() => void) | undefined;
  readonly onEpisode?: ((episode: Rollout, kept: number) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export type DrivenCommand = Readonly<Record<string, string | number | null>>;

export interface Driven {
  /** In the dataset. */
  readonly episodes: number;
  /** Of them, those that were added now, and their agent steps. */
  readonly added: number;
  readonly steps: number;
  /** Of those, the ones that succeeded; null where nobody says. */
  readonly succeeded: number | null;
  /** Steps at the control rate, and those of them that took too long. */
  readonly deadlines: number;
  readonly missedDeadlines: number;
}

/**
 * @throws InputError where another dataset lies where is to be recorded; LockedError while another process records there
 */
export async function drive(options: DriveOptions): Promise<Driven> {
  const { record, environment } = options;
  if (record === undefined) return new DriveSession(options, undefined).run();
  return recordInto(record.folder, drivenHeader(environment, record.command), (writer) =>
    new DriveSession(options, writer).run(),
  );
}

function drivenHeader(
  { observationSpace, spec }: TrainingEnvironment,
  command: DrivenCommand,
): DatasetHeader {
  return recordingHeader(observationSpace, spec, {
    source: 'driven',
    writer: 'rlpd-pixels',
    writerVersion: PACKAGE_VERSION,
    lossy: false,
    details: { actions: "a person's", command: { ...command } },
  });
}

class DriveSession {
  readonly #options: DriveOptions;
  readonly #writer: DatasetWriter | undefined;
  readonly #seat: DriverSeat;
  readonly #environment: DrivenEnvironment;
  readonly #kept: Rollout[] = [];
  /** What is asked for next goes here. */
  #onCommand: (command: DriveCommand) => void = () => {};
  /** An environment does one thing at a time: no step begins while a picture is drawn beside them. */
  #looking: Promise<void> = Promise.resolve();

  constructor(options: DriveOptions, writer: DatasetWriter | undefined) {
    const { environment, seat, task, clock } = options;
    this.#options = options;
    this.#writer = writer;
    this.#seat = seat;
    this.#environment = new DrivenEnvironment(environment, { task, seat, clock, hasPolicy: false });
  }

  async run(): Promise<Driven> {
    const { signal, onBegin } = this.#options;
    const seat = this.#seat;
    const onCommand = (command: DriveCommand): void => this.#onCommand(command);
    seat.on('command', onCommand);
    try {
      seat.stand({ kept: this.#episodes });
      onBegin?.();
      for (let number = this.#nextNumber(); !signal.aborted; number++) {
        const episode = await this.#play(number);
        if (episode !== undefined && !signal.aborted) await this.#judge(episode, number);
      }
      return this.#result();
    } finally {
      seat.off('command', onCommand);
    }
  }

  /** One episode; undefined where the person drops it. */
  async #play(number: number): Promise<Rollout | undefined> {
    const { seed = 0, signal } = this.#options;
    const seat = this.#seat;
    const end = new AbortController();
    const isOver = AbortSignal.any([signal, end.signal]);
    let isDropped = false;
    let hasBegun = false;
    const begin = (): Promise<void> =>
      this.#wait(isOver, (command) => {
        if (command === 'reset') {
          isDropped = true;
          end.abort();
          return true;
        }
        const isRecorded = command === 'record' && this.#writer !== undefined;
        if (!isRecorded && command !== 'practise') return false;
        seat.stand({ phase: 'driving', isRecorded, note: '' });
        return true;
      });
    const onDriving = (command: DriveCommand): void => {
      isDropped = command === 'discard' || command === 'reset';
      if (command === 'success') seat.note({ success: true });
      if (isDropped || command === 'stop' || command === 'success') end.abort();
    };
    seat.note({ phase: 'ready', isRecorded: false });
    const episode = await rollout({
      ...{ environment: this.#environment, seed: seed + number, signal: isOver, keepsStopped: true },
      policy: async () => {
        if (!hasBegun) {
          await begin();
          this.#onCommand = onDriving;
          hasBegun = true;
        }
        // It is executed in place of this one.
        return seat.action;
      },
    });
    this.#onCommand = () => {};
    return isDropped ? undefined : episode;
  }

  /** What becomes of an episode that has ended. */
  async #judge(episode: Rollout, number: number): Promise<void> {
    const seat = this.#seat;
    if (!seat.standing.isRecorded) return;
    if (episode.length === 0)
      return seat.note({ note: 'It was over before its first step: nothing is kept of it.' });
    if (episode.invalid !== undefined)
      return seat.note({ note: `The episode broke off, and is not kept: ${episode.invalid}.` });
    seat.note({ phase: 'ended', isDriven: false });
    let isKept = false;
    await this.#wait(this.#options.signal, (command) => {
      if (command === 'success') seat.stand({ success: seat.standing.success !== true });
      isKept = command === 'keep';
      return isKept || command === 'discard' || command === 'reset';
    });
    if (!isKept || this.#writer === undefined) return seat.note({ note: 'The episode is discarded.' });
    const marked = this.#asMarked(episode);
    await this.#writer.append(toEpisode(marked, episodeId(number)));
    await this.#writer.flush();
    this.#kept.push(marked);
    seat.note({ kept: this.#episodes, note: `Kept as ${episodeId(number)}.` });
    this.#options.onEpisode?.(marked, this.#episodes);
  }

  /** Waits for the command with which `isAnswer` is content, or the signal, and shows what is asked for meanwhile. */
  async #wait(signal: AbortSignal, isAnswer: (command: DriveCommand) => boolean): Promise<void> {
    const onLook = (): void => {
      this.#looking = this.#looking.then(() => this.#environment.look());
    };
    this.#seat.on('look', onLook);
    const answer = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
      this.#onCommand = (command) => {
        if (isAnswer(command)) resolve();
      };
    });
    this.#seat.stand({});
    await answer;
    this.#onCommand = () => {};
    this.#seat.off('look', onLook);
    await this.#looking;
  }

  /** All of it is the person's, with the person's word on its success, and what that is worth. */
  #asMarked(driven: Rollout): Rollout {
    const { success } = this.#seat.standing;
    const episode = { ...driven, interventions: undefined, success: success ?? undefined };
    const { successReward } = this.#options;
    if (successReward === undefined || success !== true || driven.success === true) return episode;
    const rewards = driven.rewards.slice();
    rewards[rewards.length - 1] = (rewards.at(-1) as number) + successReward;
    const earned = driven.return + successReward;
    return { ...episode, rewards, return: earned, terminated: true, truncated: false };
  }

  get #episodes(): number {
    return this.#writer?.manifest.episodes ?? 0;
  }

  /** What was dropped has a number, too: no two episodes begin alike. */
  #nextNumber(): number {
    const last = this.#writer?.manifest.shards.at(-1)?.index.at(-1)?.id;
    return last === undefined ? 0 : episodeNumber(last) + 1;
  }

  #result(): Driven {
    const outcomes = this.#kept.flatMap(({ success }) => (success === undefined ? [] : [success]));
    const { deadlines, missed } = this.#seat.standing;
    return {
      episodes: this.#episodes,
      added: this.#kept.length,
      steps: this.#kept.reduce((sum, { length }) => sum + length, 0),
      succeeded: outcomes.length === 0 ? null : outcomes.filter(Boolean).length,
      deadlines,
      missedDeadlines: missed,
    };
  }
}
