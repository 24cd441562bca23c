/**
 * Where a run's transitions come from, one agent step at a time. The loop (`trainingRun.ts`) is the same whether its
 * own policy acts in an environment at hand (`environmentExperience.ts`) or episodes arrive that were played elsewhere
 * (`src/fleet/arrivals.ts`).
 */
import type { EnvironmentState, Observation, StepInfo } from '../../envs/environment.js';
import type { ReplayObservation } from '../replay/replayBuffer.js';
import type { Policy } from './rollout.js';

export interface EpisodeStart {
  readonly first: ReplayObservation;
  readonly info: StepInfo;
}

export interface ExperiencedStep {
  /** What was seen next; undefined where the simulation went bad (`info.invalid`). */
  readonly next: ReplayObservation | undefined;
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  /** `executedAction` is in it where a person took over. */
  readonly info: StepInfo;
}

export interface StepUnderWay {
  /** `[A]`: the policy's, which is or was executed unless a person took over. */
  readonly action: Float32Array;
  /** The learner updates until it is there. */
  readonly outcome: Promise<ExperiencedStep>;
}

/** What is known of an episode that was played elsewhere, for its line of metrics. */
export interface EpisodeFacts {
  /** Its number. */
  readonly plan?: number;
  /** Of the policy that acted: how many episodes had been learnt from. */
  readonly policyVersion?: number;
  /** Episodes that were learnt from between that policy and this episode's turn. */
  readonly policyLag?: number;
  /** Steps that the environment answered later than the control rate asks for. */
  readonly missedDeadlines?: number;
}

export interface ExperienceSource {
  /** What a checkpoint says it came from: a run goes on with experience of the same origin. */
  readonly origin: 'environment' | 'actors';
  /**
   * Whether an episode may have to be waited for. Then it begins when its first step is wanted, else as soon as the
   * one before it has ended.
   */
  readonly isAwaited: boolean;
  /** Begins an episode; undefined where the run is to stop before there is one. */
  begin(): Promise<EpisodeStart | undefined>;
  /**
   * Begins an agent step.
   * @param policy what acts, where the step was not taken elsewhere
   */
  step(policy: Policy): Promise<StepUnderWay>;
  /** The episode has ended, and all updates that come before the next one are done. */
  end(): Promise<EpisodeFacts>;
  /** All that it takes to go on from between two steps, bit for bit; plain JSON values. */
  saveState(): Promise<EnvironmentState>;
  /**
   * Goes on from what `saveState` gave.
   * @param observation what was seen last; undefined between two episodes
   */
  restoreState(state: EnvironmentState, observation: Observation | undefined): Promise<void>;
  /** A checkpoint with this state is on the disk: what led to it need not be kept elsewhere any more. */
  checkpointed(state: EnvironmentState): Promise<void>;
  /** @param isFinished whether the run has all its steps */
  close(isFinished: boolean): Promise<void>;
}
