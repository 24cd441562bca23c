/**
 * The seat from which a person drives: what is held at the moment, for whoever steps the environment, and what is seen,
 * for whoever looks on. Of several who look the first one drives; who leaves lets go.
 */
import { EventEmitter } from 'node:events';
import type { EnvironmentSpec, ObservationSpace } from '../../envs/environment.js';
import type { DriveCommand, SeatFacts, Standing } from './standing.js';

/** Milliseconds after which a hand that gives no sign of life, every tenth of a second while it holds, has let go. */
const GRIP = 500;

/** One encoded picture. */
export interface ShownPicture {
  /** The camera's name. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What is seen after a step. */
export interface Seen {
  /** Number of the person's last input that had been heard of when the step was taken. */
  readonly input: number;
  /** The camera that was chosen first. */
  readonly pictures: readonly ShownPicture[];
}

/** Somebody who looks on. */
export interface Watcher {
  stand(standing: Standing): void;
  show(seen: Seen, standing: Standing): void;
}

/** What is to be drawn: through which of the cameras (the first where it is not named), and no larger than needed. */
export interface Look {
  readonly camera: string | undefined;
  /** Pixels, in height. */
  readonly size: number;
}

/**
 * What a page is told of an environment before it is driven.
 * @param controlHz control steps (env frames) a second; default: the environment's own
 */
export function seatFacts(
  { spec, observationSpace }: { readonly spec: EnvironmentSpec; readonly observationSpace: ObservationSpace },
  folder: string | null,
  controlHz: number = 1 / spec.controlTimestep,
): SeatFacts {
  return {
    task: spec.task,
    folder,
    actionSize: spec.actionSize,
    actionNames: spec.actionNames ?? null,
    periodMs: (1000 * spec.actionRepeat) / controlHz,
    cameras: observationSpace.images.map(({ name, width, height }) => ({ name, width, height })),
  };
}

interface SeatEvents {
  command: [DriveCommand];
  /** Somebody wants to see something (else). */
  look: [];
}

export class DriverSeat extends EventEmitter<SeatEvents> {
  readonly facts: SeatFacts;
  readonly #now: () => number;
  readonly #watchers = new Set<Watcher>();
  /** `[A]`: what an action is by the person, `isHeld` or not: some of its numbers may stay where they were put. */
  #action: Float32Array;
  #isHeld = false;
  #heardAt = 0;
  #input = 0;
  #look: Look = { camera: undefined, size: 256 };
  #seen: Seen | undefined;
  #standing: Standing;

  /** @param now milliseconds since any moment */
  constructor(facts: SeatFacts, phase: Standing['phase'], now: () => number = () => performance.now()) {
    super();
    this.facts = facts;
    this.#now = now;
    this.#action = new Float32Array(facts.actionSize);
    this.#standing = {
      ...{ phase, isRecorded: false, isDriven: false, steps: 0, return: 0, drivenSteps: 0, success: null },
      ...{ kept: 0, stepMs: null, deadlines: 0, missed: 0, note: '' },
    };
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** What somebody looks at. */
  get look(): Look {
    return this.#look;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Number of the last input that was heard of. */
  get input(): number {
    return this.#input;
  }

  /** `[A]`: the person's action, whether or not something is held. */
  get action(): Float32Array {
    return this.#isGone ? new Float32Array(this.facts.actionSize) : this.#action;
  }

  /** `[A]`: the person's action while something is held; else null. */
  get held(): Float32Array | null {
    return this.#isHeld && !this.#isGone ? this.#action : null;
  }

  /** @returns what leaves the seat */
  sit(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    if (this.#seen === undefined) watcher.stand(this.#standing);
    else watcher.show(this.#seen, this.#standing);
    this.emit('look');
    return () => {
      const wasDriver = this.isDriver(watcher);
      this.#watchers.delete(watcher);
      if (!wasDriver) return;
      this.#isHeld = false;
      this.#action = new Float32Array(this.facts.actionSize);
      for (const other of this.#watchers) other.stand(this.#standing);
    };
  }

  isDriver(watcher: Watcher): boolean {
    const [first] = this.#watchers;
    return watcher === first;
  }

  /** @param action `[A]` in [−1, 1] @param input its number, which only grows */
  hold(action: Float32Array, isHeld: boolean, input: number): void {
    this.#action = action;
    this.#isHeld = isHeld;
    this.#input = input;
    this.#heardAt = this.#now();
  }

  command(command: DriveCommand): void {
    this.emit('command', command);
  }

  lookAt(look: Look): void {
    this.#look = look;
    this.emit('look');
  }

  /** Says how things stand now. */
  stand(changes: Partial<Standing>): void {
    this.#standing = { ...this.#standing, ...changes };
    for (const watcher of this.#watchers) watcher.stand(this.#standing);
  }

  /** As `stand`, with what is seen. */
  show(seen: Seen): void {
    this.#seen = seen;
    for (const watcher of this.#watchers) watcher.show(seen, this.#standing);
  }

  /** Changes what `show` will say with the next picture. */
  note(changes: Partial<Standing>): void {
    this.#standing = { ...this.#standing, ...changes };
  }

  get #isGone(): boolean {
    return this.#isHeld && this.#now() - this.#heardAt > GRIP;
  }
}
