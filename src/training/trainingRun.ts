import type { DatasetWriter } from '../../datasets/writer.js';
import type { Observation } from '../../envs/environment.js';
import type { RlpdAgent } from '../agent/agent.js';
import type { UpdateMetrics } from '../agent/learnerState.js';
import { InputError } from '../errors.js';
import type { Generator } from '../random/generator.js';
import type { Batch } from '../replay/batch.js';
import type { PriorInterventions } from '../replay/priorInterventions.js';
import type { ReplayBuffer, ReplayStep } from '../replay/replayBuffer.js';
import type { SymmetricSampler } from '../replay/symmetricSampler.js';
import { amendCheckpoint, type Checkpoint, type RunState, writeCheckpoint } from './checkpoint.js';
import type { RunConfig } from './config.js';
import type { TrainingEnvironment } from './environmentExperience.js';
import { beginTally, type EpisodeTally, withStep } from './episodeTally.js';
import { evaluate } from './evaluate.js';
import { keepEvaluation, keepPolicy } from './evaluationFiles.js';
import type { EvaluationFilms } from './evaluationFilms.js';
import type { ExperienceSource } from './experience.js';
import { FailedStarts } from './failedStarts.js';
import { badAction, badMetric, badWeights, NonFiniteError } from './finite.js';
import { type Counters, MeanMetrics, type MetricsWriter } from './metrics.js';
import type { Rollout } from './rollout.js';
import { RunClock } from './runClock.js';
import type { RunData } from './runData.js';
import { runPaths } from './runFolder.js';
import { positionOf, stepName } from './runPosition.js';

/** The parts that a run is put together from. */
export interface RunParts {
  readonly folder: string;
  readonly config: RunConfig;
  readonly agent: RlpdAgent;
  /** Undefined where nothing is learnt online. */
  readonly experience: ExperienceSource | undefined;
  readonly evaluationEnvironment: TrainingEnvironment;
  readonly replay: ReplayBuffer;
  readonly sampler: SymmetricSampler;
  /** Where what a person does is kept with the prior data; undefined where it is not. */
  readonly interventions: PriorInterventions | undefined;
  /** Where finished episodes are kept; undefined where nothing is learnt online. */
  readonly recorder: DatasetWriter | undefined;
  /** Where an episode of each evaluation is kept; undefined where none is. */
  readonly films: EvaluationFilms | undefined;
  readonly metrics: MetricsWriter;
  readonly exploration: Generator;
  readonly sampling: Generator;
  /** The data that is learnt from. */
  readonly data: RunData;
  readonly signal: AbortSignal;
  readonly report: (progress: Progress) => void;
}

export interface Progress extends Counters {
  readonly phase: 'pretraining' | 'training' | 'evaluating';
  /** What `done` and `total` count: updates before the first step, and where nothing is learnt online. */
  readonly unit: 'env frames' | 'updates';
  readonly done: number;
  readonly total: number;
  /** Of the last finished training episode. */
  readonly lastReturn: number | undefined;
  /** Mean return of the last evaluation. */
  readonly evaluationMean: number | undefined;
  /** Of the last evaluation, in [0, 1]; undefined where the task knows no success. */
  readonly evaluationSuccess?: number | undefined;
}

export class TrainingRun {
  readonly #parts: RunParts;
  readonly #means = new MeanMetrics();
  #counters: Counters = { envFrames: 0, agentSteps: 0, updates: 0, episodes: 0 };
  /** Whether an episode is in progress, and whether one ever was. */
  #inEpisode = false;
  #hasBegun = false;
  #episodeFrames = 0;
  /** Of the episode in progress. */
  #tally: EpisodeTally = {};
  /** Agent steps in which a person took over since the last line of metrics; undefined where nobody can. */
  #interventions: number | undefined;
  #lastReturn: number | undefined;
  #evaluationMean: number | undefined;
  #evaluationSuccess: number | undefined;
  #bestEvaluationMean: number | undefined;
  #evaluationDue = false;
  #evaluatedAt = -1;
  readonly #failedStarts = new FailedStarts();
  #recording: Promise<void> = Promise.resolve();
  #recordedEpisodes = 0;
  #lastCheckpoint:
    | { readonly path: string; readonly position: number; readonly evaluationDue: boolean }
    | undefined;
  readonly #clock = new RunClock();

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  get counters(): Counters {
    return this.#counters;
  }

  /** Mean return of the evaluation whose policy is kept as the best; null where there is none. */
  get bestEvaluationMean(): number | null {
    return this.#bestEvaluationMean ?? null;
  }

  /**
   * Goes on from a checkpoint, whose experience is in the replay already; where the signal is aborted before that,
   * the replay may be incomplete, and the run ends as the checkpoint left it.
   */
  async resume(checkpoint: Checkpoint, path: string): Promise<void> {
    const { state } = checkpoint;
    const { agent, experience, exploration, sampling, replay, signal } = this.#parts;
    requireOrigin(state, experience, path);
    agent.restore(checkpoint.tensors, state.agent);
    exploration.restore(state.generators.exploration);
    sampling.restore(state.generators.sampling);
    this.#means.restore(state.means);
    this.#counters = state.counters;
    this.#episodeFrames = state.episodeFrames;
    this.#tally = state.episodeTally;
    this.#interventions = state.interventions;
    this.#recordedEpisodes = state.replayEpisodes;
    this.#evaluationDue = state.evaluationDue;
    this.#evaluationMean = state.evaluationMean ?? undefined;
    this.#bestEvaluationMean = state.bestEvaluationMean ?? undefined;
    if (state.environment !== null && experience !== undefined && !signal.aborted) {
      const isWithin = checkpoint.episode !== null;
      await experience.restoreState(state.environment, isWithin ? replay.lastObservation() : undefined);
      this.#hasBegun = true;
      this.#inEpisode = isWithin;
    }
    this.#lastCheckpoint = { path, position: this.#position, evaluationDue: state.evaluationDue };
    this.#clock.resume(state.seconds, state.counters);
  }

  /** Runs to the end, or until the signal is aborted; either way the last act is a checkpoint. */
  async run(): Promise<void> {
    const { signal, experience } = this.#parts;
    if (this.#evaluationDue || (this.#position === 0 && this.#lastCheckpoint === undefined))
      await this.#evaluate();
    while (!signal.aborted && this.#counters.agentSteps === 0 && this.#pretraining()) {
      const before = this.#position;
      const batch = await this.#parts.sampler.sampleOffline();
      await this.#learn(batch, this.#parts.agent.pretrain(batch));
      await this.#afterStep(before, !this.#pretraining());
    }
    while (!signal.aborted && experience !== undefined && this.#training()) {
      const before = this.#position;
      if (!this.#inEpisode && !(await this.#beginEpisode(experience))) break;
      await this.#step(experience);
      await this.#afterStep(before, !this.#training());
    }
    await this.#checkpoint();
  }

  async close(): Promise<void> {
    const { experience, evaluationEnvironment, metrics, agent, sampler } = this.#parts;
    await Promise.allSettled([this.#recording]);
    await Promise.allSettled([
      experience?.close(!this.#training()),
      evaluationEnvironment.close(),
      metrics.close(),
    ]);
    agent.dispose();
    sampler.close();
  }

  #pretraining(): boolean {
    return this.#counters.updates < this.#parts.config.pretrainUpdates;
  }

  #training(): boolean {
    return this.#counters.envFrames < this.#parts.config.envFrames;
  }

  get #position(): number {
    return positionOf(this.#counters, this.#parts.config);
  }

  /** Begin a step, which the environment takes in its thread, update on what was there before, then insert. */
  async #step(experience: ExperienceSource): Promise<void> {
    const { config, sampler } = this.#parts;
    const isWarmUp = this.#counters.agentSteps < config.randomSteps;
    const { action, outcome } = await experience.step((observation) =>
      isWarmUp ? this.#warmUp(observation) : this.#act(observation, 'sample'),
    );
    // A failure is reported when its turn comes, not as an unhandled rejection before.
    outcome.catch(() => {});
    if (!isWarmUp && this.#counters.agentSteps % config.updateInterval === 0 && sampler.ready) {
      const batch = await sampler.sample();
      await this.#learn(batch, this.#parts.agent.update(batch));
    }
    const { next, reward, terminated, truncated, info } = await outcome;

    const episodeFrames = info.envFrames ?? this.#episodeFrames + config.actionRepeat;
    this.#counters = {
      ...this.#counters,
      agentSteps: this.#counters.agentSteps + 1,
      envFrames: this.#counters.envFrames + episodeFrames - this.#episodeFrames,
    };
    this.#episodeFrames = episodeFrames;
    const { invalid, executedAction } = info;
    if (next !== undefined) {
      // What was done counts, whoever did it.
      const taken = executedAction ?? action;
      this.#keep({ action: taken, reward, terminated, isIntervention: executedAction != null, next });
      this.#tally = withStep(this.#tally, info);
      if (executedAction !== undefined)
        this.#interventions = (this.#interventions ?? 0) + (executedAction === null ? 0 : 1);
    }
    if (terminated || truncated || invalid !== undefined) {
      await this.#endEpisode(experience, terminated, invalid);
      if (!experience.isAwaited) await this.#beginEpisode(experience);
    }
  }

  /** Into the replay and, where a person took over, to the prior data. */
  #keep(step: ReplayStep): void {
    const { replay, interventions } = this.#parts;
    const t = replay.episodeLength;
    replay.add(step);
    if (step.isIntervention)
      interventions?.add(t, step, (past) => replay.recentObservation(replay.episodeLength - past));
  }

  /** Whether there is an episode now. */
  async #beginEpisode(experience: ExperienceSource): Promise<boolean> {
    const start = await experience.begin();
    if (start === undefined) return false;
    this.#parts.interventions?.beginEpisode();
    this.#parts.replay.begin(start.first);
    this.#hasBegun = true;
    this.#inEpisode = true;
    this.#episodeFrames = 0;
    this.#tally = beginTally(start.info);
    return true;
  }

  async #endEpisode(
    experience: ExperienceSource,
    terminated: boolean,
    invalid: string | undefined,
  ): Promise<void> {
    const { config, replay, recorder, metrics } = this.#parts;
    const { interventions: marks, ...episode } = replay.lastEpisode();
    const { length } = episode;
    const { success, interventions, rewardTerms, instruction } = this.#tally;
    const told = success === undefined ? {} : { success };
    this.#inEpisode = false;
    this.#counters = { ...this.#counters, episodes: this.#counters.episodes + 1 };
    const facts = await experience.end();
    if (length > 0 && recorder !== undefined) {
      await this.#recording;
      const id = `episode-${String(this.#counters.episodes).padStart(7, '0')}`;
      this.#recording = recorder.append({
        ...episode,
        id,
        terminated,
        truncated: !terminated,
        ...told,
        ...(interventions !== undefined && { interventions: marks }),
        ...(instruction !== undefined && { instruction }),
      });
      this.#recording.catch(() => {});
      this.#recordedEpisodes++;
    }
    if (invalid !== undefined) {
      await metrics.write({ kind: 'invalidEpisode', ...this.#stand, reason: invalid, length, ...facts });
      this.#failedStarts.add(config.task, length, invalid);
      return;
    }
    this.#lastReturn = episode.rewards.reduce((sum, reward) => sum + reward, 0);
    await metrics.write({
      kind: 'episode',
      ...this.#stand,
      return: this.#lastReturn,
      length,
      ...told,
      ...(interventions !== undefined && { interventions }),
      ...(rewardTerms !== undefined && { rewardTerms }),
      ...facts,
    });
  }

  async #learn(batch: Batch, learning: Promise<UpdateMetrics>): Promise<void> {
    const metrics = await learning;
    this.#counters = { ...this.#counters, updates: this.#counters.updates + batch.minibatches };
    this.#requireFinite(badMetric(metrics));
    this.#means.add(metrics);
  }

  #requireFinite(bad: string | undefined): void {
    if (bad !== undefined) throw new NonFiniteError(bad, this.#counters, this.#lastCheckpoint?.path);
  }

  /** What is due at certain intervals: a line of metrics, an evaluation, a checkpoint. */
  async #afterStep(before: number, isLast: boolean): Promise<void> {
    const { config } = this.#parts;
    const after = this.#position;
    const crossed = (interval: number): boolean =>
      Math.floor(after / interval) > Math.floor(before / interval);
    this.#report(this.#counters.agentSteps === 0 ? 'pretraining' : 'training');
    if (crossed(config.logInterval) || isLast) await this.#log();
    if (crossed(config.evaluationInterval) || isLast) await this.#evaluate();
    if (crossed(config.checkpointInterval)) await this.#checkpoint();
  }

  async #log(): Promise<void> {
    const means = this.#means.take();
    if (Object.keys(means).length === 0) return;
    const speed = this.#clock.takeSpeed(this.#counters);
    const interventions = this.#interventions === undefined ? {} : { interventions: this.#interventions };
    if (this.#interventions !== undefined) this.#interventions = 0;
    await this.#parts.metrics.write({ kind: 'train', ...this.#stand, ...means, ...interventions }, speed);
  }

  async #evaluate(): Promise<void> {
    const { config, evaluationEnvironment, metrics, films, signal, folder } = this.#parts;
    if (this.#evaluatedAt === this.#position) return;
    this.#evaluationDue = true;
    this.#report('evaluating');
    let first: Rollout | undefined;
    const evaluation = await evaluate({
      environment: evaluationEnvironment,
      policy: (observation) => this.#act(observation, 'mean'),
      episodes: config.evaluationEpisodes,
      signal,
      onEpisode: (rollout) => {
        first ??= rollout;
      },
    });
    if (evaluation === undefined) return;
    this.#evaluationDue = false;
    this.#evaluatedAt = this.#position;
    this.#evaluationMean = evaluation.mean;
    this.#evaluationSuccess = evaluation.successRate;
    await metrics.write({ kind: 'evaluation', ...this.#stand, ...evaluation });
    await keepEvaluation(folder, config, stepName(this.#position), this.#counters, evaluation);
    if (first !== undefined) await films?.keep(this.#position, first);
    await this.#keepPolicy(evaluation.mean);
    this.#report('evaluating');
  }

  /** Where every evaluation is to keep the policy, or this one is the best so far. */
  async #keepPolicy(mean: number): Promise<void> {
    const { config, agent, folder, evaluationEnvironment } = this.#parts;
    const isBest = this.#bestEvaluationMean === undefined || mean > this.#bestEvaluationMean;
    // An untrained policy is no snapshot of a training.
    const snapshot = config.snapshots && this.#position > 0 ? stepName(this.#position) : undefined;
    if (snapshot === undefined && !isBest) return;
    const tensors = await agent.policyTensors();
    this.#requireFinite(badWeights(tensors));
    const images = evaluationEnvironment.observationSpace.images.map(({ name }) => name);
    const policy = { config, envFrames: this.#counters.envFrames, return: mean, tensors, images };
    await keepPolicy(folder, policy, { snapshot, isBest });
    if (isBest) this.#bestEvaluationMean = mean;
  }

  async #checkpoint(): Promise<void> {
    const { folder, config, agent, metrics, replay, recorder, experience } = this.#parts;
    const position = this.#position;
    const last = this.#lastCheckpoint;
    if (last?.position === position) {
      if (last.evaluationDue === this.#evaluationDue) return;
      await metrics.flush();
      await amendCheckpoint(last.path, await this.#state());
      this.#lastCheckpoint = { ...last, evaluationDue: this.#evaluationDue };
      return;
    }
    const tensors = await agent.tensors();
    // Nothing that is kept may hold a weight that is no number.
    this.#requireFinite(badWeights(tensors));
    await this.#recording;
    await recorder?.flush();
    await metrics.flush();
    const state = await this.#state();
    const checkpoint = {
      tensors,
      state,
      episode: this.#inEpisode ? replay.lastEpisode() : null,
    };
    const path = await writeCheckpoint(
      runPaths(folder).checkpoints,
      position,
      checkpoint,
      config.keepCheckpoints,
    ).catch((error: Error) => {
      throw new Error(
        `The checkpoint could not be written: ${error.message}. ${last === undefined ? 'There is none before it' : `The one before it, ${last.path}, is whole: go on from it by --resume`}.`,
        { cause: error },
      );
    });
    this.#lastCheckpoint = { path, position, evaluationDue: this.#evaluationDue };
    if (state.environment !== null) await experience?.checkpointed(state.environment);
  }

  async #state(): Promise<RunState> {
    const { agent, exploration, sampling, metrics, data } = this.#parts;
    return {
      counters: this.#counters,
      agent: agent.state(),
      generators: { exploration: exploration.state(), sampling: sampling.state() },
      ...(await this.#experienceState()),
      replayEpisodes: this.#recordedEpisodes,
      episodeFrames: this.#episodeFrames,
      episodeTally: this.#tally,
      interventions: this.#interventions,
      evaluationMean: this.#evaluationMean ?? null,
      bestEvaluationMean: this.bestEvaluationMean,
      evaluationDue: this.#evaluationDue,
      metrics: metrics.position,
      means: this.#means.state(),
      seconds: this.#clock.seconds,
      data,
    };
  }

  /** Of an environment at hand a checkpoint says no more than its state. */
  async #experienceState(): Promise<Pick<RunState, 'environment' | 'experience' | 'isBetweenEpisodes'>> {
    const { experience } = this.#parts;
    if (experience === undefined || !this.#hasBegun) return { environment: null };
    return {
      environment: await experience.saveState(),
      ...(experience.origin !== 'environment' && { experience: experience.origin }),
      ...(!this.#inEpisode && { isBetweenEpisodes: true }),
    };
  }

  /** Where the run stands, as every line of metrics says. */
  get #stand(): Counters & { readonly seconds: number } {
    return { ...this.#counters, seconds: this.#clock.seconds };
  }

  /** The policy's action; one that is no number stops the run here, before it reaches the simulation. */
  async #act(observation: Observation, mode: 'sample' | 'mean'): Promise<Float32Array> {
    const action = await this.#parts.agent.act(observation, mode);
    this.#requireFinite(badAction(action));
    return action;
  }

  /** What fills the replay before learning begins: the policy that the agent has for it, or chance. */
  async #warmUp(observation: Observation): Promise<Float32Array> {
    const { agent, exploration, replay } = this.#parts;
    const action = await agent.warmUp(observation);
    if (action !== undefined) {
      this.#requireFinite(badAction(action));
      return action;
    }
    return Float32Array.from({ length: replay.layout.actionSize }, () => exploration.uniform(-1, 1));
  }

  #report(phase: Progress['phase']): void {
    const { config, report, experience } = this.#parts;
    const counters = this.#counters;
    const offline = experience === undefined || phase === 'pretraining';
    report({
      ...counters,
      phase,
      unit: offline ? 'updates' : 'env frames',
      done: offline ? counters.updates : counters.envFrames,
      total: offline ? config.pretrainUpdates : config.envFrames,
      lastReturn: this.#lastReturn,
      evaluationMean: this.#evaluationMean,
      evaluationSuccess: this.#evaluationSuccess,
    });
  }
}

/** @throws InputError where the checkpoint's run learnt from experience of another origin */
function requireOrigin(state: RunState, source: ExperienceSource | undefined, path: string): void {
  if (state.environment === null || source === undefined) return;
  const { experience = 'environment' } = state;
  if (experience === source.origin) return;
  const [was, command] =
    experience === 'actors'
      ? ['of episodes that actors play elsewhere', 'rlpd learner']
      : ['of an environment of its own', 'rlpd train'];
  throw new InputError(`${path} is a checkpoint of a run that learns ${was}: go on with it by ${command}.`);
}
