/** A trained policy in a program: `loadPolicy(file)`, then `act(observation)`. */
import type {
  EnvironmentOptions,
  EnvironmentSpec,
  Observation,
  ObservationSpace,
} from '../../envs/environment.js';
import { makeEnv } from '../../envs/makeEnv.js';
import type { RlpdAgent } from '../agent/agent.js';
import type { BackendOptions } from '../backend/options.js';
import { selectBackend, selectedBackend } from '../backend/select.js';
import { backendOptions, type RunConfig } from './config.js';
import { environmentOptions } from './environmentOptions.js';
import { type PolicyFile, policyAgent, readPolicyAt } from './policyFile.js';

export interface LoadPolicyOptions {
  /**
   * The environment that the policy is to act in, or one that shows the same; default: one of the policy's own task,
   * made for a moment to see what its observations are like.
   */
  readonly environment?:
    | { readonly observationSpace: ObservationSpace; readonly spec: EnvironmentSpec }
    | undefined;
  /**
   * The tensor engine; default: the one that this process already has, else the one that the policy's run asked for. A
   * process has one native engine with one setting of precision and threads.
   */
  readonly backend?: BackendOptions | undefined;
  /** Seed of what actions of the mode `sample` draw; default 0. */
  readonly seed?: number | undefined;
}

/** What `loadPolicy` gives. */
export class LoadedPolicy {
  /** The settings of the run that it comes from; `task` is what it was trained on. */
  readonly config: RunConfig;
  /** Env frames it was trained for. */
  readonly envFrames: number;
  /** Mean evaluation return at that time; null where it was not evaluated. */
  readonly return: number | null;
  readonly #agent: RlpdAgent;

  constructor(file: PolicyFile, agent: RlpdAgent) {
    this.config = file.config;
    this.envFrames = file.envFrames;
    this.return = file.return;
    this.#agent = agent;
  }

  /** What makes an environment that shows what the policy was trained on: `makeEnv(config.task, environmentOptions)`. */
  get environmentOptions(): EnvironmentOptions {
    return environmentOptions(this.config);
  }

  /**
   * The action for an observation of such an environment: the policy's mode, or one drawn from it. One call at a time.
   * @returns `[A]`, each in [−1, 1]
   * @throws Error where the observation is of another size
   */
  act(observation: Observation, mode: 'mean' | 'sample' = 'mean'): Promise<Float32Array> {
    return this.#agent.act(observation, mode);
  }

  /** Starts what the mode `sample` draws anew, as a function of the seed alone. */
  seed(seed: number): void {
    this.#agent.seedExploration(seed);
  }

  /** Frees its weights; it cannot act afterwards. */
  dispose(): void {
    this.#agent.dispose();
  }
}

/**
 * Makes a policy ready to act.
 * @param path a policy file, such as RUN/best.safetensors, or a run's folder, whose best policy is taken
 * @throws InputError where there is no policy, it does not fit the environment, or the engine cannot be had
 */
export async function loadPolicy(path: string, options: LoadPolicyOptions = {}): Promise<LoadedPolicy> {
  const file = await readPolicyAt(path);
  const shown = options.environment ?? (await ownEnvironment(file.config));
  if (options.backend !== undefined) await selectBackend(options.backend);
  else if (selectedBackend() === undefined) await selectBackend(backendOptions(file.config));
  const { seed = 0 } = options;
  const policy = new LoadedPolicy(file, policyAgent(file, shown, seed));
  policy.seed(seed);
  return policy;
}

/** What an environment of the policy's task shows. */
async function ownEnvironment(config: RunConfig): Promise<NonNullable<LoadPolicyOptions['environment']>> {
  const environment = await makeEnv(config.task, environmentOptions(config));
  const { observationSpace, spec } = environment;
  environment.close();
  return { observationSpace, spec };
}
