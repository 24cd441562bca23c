/**
 * An environment with a person at the seat. Where a policy acts, the person takes over while something is held; else the
 * person's action is all that there is. What is executed in place of the action that was given is `info.executedAction`.
 */
import type {
  EnvironmentState,
  Frame,
  Observation,
  RenderOptions,
  ResetResult,
  StepResult,
} from '../../envs/environment.js';
import { type Clock, ControlRate } from '../training/controlRate.js';
import type { TrainingEnvironment } from '../training/environmentExperience.js';
import type { DriverSeat } from './driverSeat.js';
import { Pictures } from './pictures.js';

/** Of a step's time, what the environment and a picture of it may take together: the rest is for whoever waits. */
const SHARE = 0.6;

export interface DrivenOptions {
  /** What the environment was made from. */
  readonly task: string;
  readonly seat: DriverSeat;
  /**
   * Whether a policy acts while nothing is held. The control rate is then kept while somebody looks on, and steps come
   * as fast as they can otherwise.
   */
  readonly hasPolicy: boolean;
  readonly clock?: Clock | undefined;
}

export class DrivenEnvironment implements TrainingEnvironment {
  readonly #inner: TrainingEnvironment;
  readonly #seat: DriverSeat;
  readonly #hasPolicy: boolean;
  readonly #rate: ControlRate;
  readonly #pictures: Pictures;
  #seen: { readonly observation: Observation; readonly input: number } | undefined;

  constructor(inner: TrainingEnvironment, { task, seat, hasPolicy, clock }: DrivenOptions) {
    this.#inner = inner;
    this.#seat = seat;
    this.#hasPolicy = hasPolicy;
    this.#rate = new ControlRate(seat.facts.periodMs, clock);
    this.#pictures = new Pictures(inner, seat, task);
  }

  get spec(): TrainingEnvironment['spec'] {
    return this.#inner.spec;
  }

  get observationSpace(): TrainingEnvironment['observationSpace'] {
    return this.#inner.observationSpace;
  }

  get actionSpace(): TrainingEnvironment['actionSpace'] {
    return this.#inner.actionSpace;
  }

  async reset(options?: { readonly seed?: number }): Promise<ResetResult> {
    const result = await this.#inner.reset(options);
    this.#rate.begin();
    this.#seen = { observation: result.observation, input: this.#seat.input };
    this.#seat.note({ steps: 0, return: 0, drivenSteps: 0, success: null, isDriven: false });
    await this.look();
    return result;
  }

  async step(action: Float32Array): Promise<StepResult> {
    const seat = this.#seat;
    const isPaced = !this.#hasPolicy || seat.isWatched;
    if (isPaced) await this.#rate.next();
    else this.#rate.begin();
    // As late as can be: what the hand does now counts.
    const { input } = seat;
    const taken = this.#hasPolicy ? seat.held : seat.action;
    const began = performance.now();
    const result = await this.#inner.step(taken ?? action);
    const stepMs = performance.now() - began;
    // Whoever takes over at the environment itself has the last word.
    const executedAction = result.info.executedAction ?? taken;
    this.#tally(result, executedAction !== null);
    this.#seen = { observation: result.observation, input };
    if (isPaced) {
      await this.#pictures.show(result.observation, input, SHARE * seat.facts.periodMs - stepMs);
      const { deadlines } = seat.standing;
      const { latencyMs } = this.#rate.answered();
      seat.note({ stepMs: latencyMs, deadlines: deadlines + 1, missed: this.#rate.missed });
    }
    return { ...result, info: { ...result.info, executedAction } };
  }

  /** Shows what was seen last, without a step; not while one is under way. */
  async look(): Promise<void> {
    if (this.#seen === undefined) return;
    const { observation, input } = this.#seen;
    await this.#pictures.show(observation, input, SHARE * this.#seat.facts.periodMs);
  }

  render(options?: RenderOptions): Promise<Frame> {
    return this.#inner.render(options);
  }

  saveState(): Promise<EnvironmentState> {
    return this.#inner.saveState();
  }

  restoreState(state: EnvironmentState): Promise<void> {
    return this.#inner.restoreState(state);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #tally({ reward, info }: StepResult, isDriven: boolean): void {
    const { steps, return: earned, drivenSteps, success } = this.#seat.standing;
    this.#seat.note({
      isDriven,
      steps: steps + 1,
      return: earned + reward,
      drivenSteps: drivenSteps + (isDriven ? 1 : 0),
      success: info.success === undefined ? success : success === true || info.success,
    });
  }
}
