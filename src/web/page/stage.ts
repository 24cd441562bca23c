/** The task with its policy, as a page plays it: an agent step at a time, or a whole episode at once. */
import type { Environment, Observation, StepResult } from '../../../envs/environment.js';
import { observed } from '../../../envs/observed.js';
import type { SuiteTask } from '../../../envs/suite/task.js';
import { SuiteEnvironment } from '../../../envs/suiteEnvironment.js';
import { TimeLimit } from '../../../envs/wrappers/timeLimit.js';
import type { OnnxPolicy } from '../../onnx/onnxPolicy.js';
import { rollout } from '../../training/rollout.js';
import type { PageSettings, PlayedEpisode } from '../content.js';

export class Stage {
  readonly environment: Environment;
  readonly simulated: SuiteEnvironment;
  readonly #policy: OnnxPolicy;
  #observation: Observation;
  #seed = 0;
  #return = 0;
  #steps = 0;

  private constructor(environment: Environment, simulated: SuiteEnvironment, policy: OnnxPolicy) {
    this.environment = environment;
    this.simulated = simulated;
    this.#policy = policy;
    this.#observation = environment.reset({ seed: 0 }).observation;
  }

  /** @param makePolicy of an environment of this task */
  static async create(
    task: SuiteTask,
    options: PageSettings['environment'],
    makePolicy: (environment: Environment) => Promise<OnnxPolicy>,
  ): Promise<Stage> {
    const simulated = await SuiteEnvironment.create(task, 0);
    const environment = observed(simulated, new TimeLimit(simulated), options);
    return new Stage(environment, simulated, await makePolicy(environment));
  }

  /** What the policy has seen last. */
  get observation(): Observation {
    return this.#observation;
  }

  get seed(): number {
    return this.#seed;
  }

  /** Of the episode in progress. */
  get return(): number {
    return this.#return;
  }

  /** Agent steps of the episode in progress. */
  get steps(): number {
    return this.#steps;
  }

  /** Seconds of an agent step. */
  get period(): number {
    const { controlTimestep, actionRepeat } = this.environment.spec;
    return controlTimestep * actionRepeat;
  }

  reset(seed: number): void {
    this.#seed = seed;
    this.#return = 0;
    this.#steps = 0;
    this.#observation = this.environment.reset({ seed }).observation;
  }

  /** One agent step; the next episode begins where one has ended. */
  async step(): Promise<void> {
    const action = await this.#policy.act(this.#observation);
    const result: StepResult = this.environment.step(action);
    this.#return += result.reward;
    this.#steps++;
    this.#observation = result.observation;
    if (result.terminated || result.truncated) this.reset(this.#seed + 1);
  }

  /** A whole episode, as fast as it goes. */
  async play(seed: number, maxSteps?: number): Promise<PlayedEpisode> {
    const begun = performance.now();
    const { environment } = this;
    const policy = (observation: Observation) => this.#policy.act(observation);
    const episode = await rollout({ environment, policy, seed, maxSteps });
    if (episode === undefined) throw new Error('The episode was stopped.');
    const seconds = (performance.now() - begun) / 1000;
    this.reset(this.#seed);
    return {
      return: episode.return,
      steps: episode.length,
      stepsPerSecond: episode.length / seconds,
    };
  }
}
