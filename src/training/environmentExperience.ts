/** Experience of an environment in a thread of its own, in which the run's policy acts. */
import type { EnvironmentState, Observation } from '../../envs/environment.js';
import type { EnvironmentWorker } from '../../envs/worker.js';
import type { ReplayLayout, ReplayObservation } from '../replay/replayBuffer.js';
import { replayLayout } from './environmentOptions.js';
import type {
  EpisodeFacts,
  EpisodeStart,
  ExperiencedStep,
  ExperienceSource,
  StepUnderWay,
} from './experience.js';
import { newestFrame, type Policy } from './rollout.js';

/** An environment in a thread of its own. */
export type TrainingEnvironment = Pick<
  EnvironmentWorker,
  | 'spec'
  | 'observationSpace'
  | 'actionSpace'
  | 'reset'
  | 'step'
  | 'render'
  | 'saveState'
  | 'restoreState'
  | 'close'
>;

/**
 * A person may take over: gives the environment as it is with that person.
 * @param task what it was made from
 */
export type TakeOver = (environment: TrainingEnvironment, task: string) => Promise<TrainingEnvironment>;

export class EnvironmentExperience implements ExperienceSource {
  readonly origin = 'environment';
  readonly isAwaited = false;
  readonly #environment: TrainingEnvironment;
  readonly #layout: ReplayLayout;
  /** What the policy sees next; undefined before the first reset. */
  #observation: Observation | undefined;

  constructor(environment: TrainingEnvironment) {
    this.#environment = environment;
    this.#layout = replayLayout(environment.observationSpace, environment.spec);
  }

  async begin(): Promise<EpisodeStart> {
    const { observation, info } = await this.#environment.reset();
    this.#observation = observation;
    return { first: this.#replayObservation(observation), info };
  }

  async step(policy: Policy): Promise<StepUnderWay> {
    if (this.#observation === undefined) throw new Error('A step needs an episode: call begin first.');
    const action = await policy(this.#observation);
    return { action, outcome: this.#outcome(action) };
  }

  async end(): Promise<EpisodeFacts> {
    return {};
  }

  saveState(): Promise<EnvironmentState> {
    return this.#environment.saveState();
  }

  async restoreState(state: EnvironmentState, observation: Observation | undefined): Promise<void> {
    await this.#environment.restoreState(state);
    this.#observation = observation;
  }

  async checkpointed(): Promise<void> {}

  close(): Promise<void> {
    return this.#environment.close();
  }

  async #outcome(action: Float32Array): Promise<ExperiencedStep> {
    const { observation, ...step } = await this.#environment.step(action);
    // What a bad simulation shows may be anything.
    if (step.info.invalid !== undefined) return { ...step, next: undefined };
    this.#observation = observation;
    return { ...step, next: this.#replayObservation(observation) };
  }

  #replayObservation({ images, state }: Observation): ReplayObservation {
    const frames = this.#layout.images.map((image) => [image.name, newestFrame(images, image)] as const);
    return { frames: Object.fromEntries(frames), ...(state && { state }) };
  }
}
