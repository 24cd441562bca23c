/** `rlpd actor`: plays the episodes that a learner asks for, in an environment of its own, with the learner's policy. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Observation } from '../../envs/environment.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { RlpdAgent } from '../agent/agent.js';
import type { BackendOptions } from '../backend/options.js';
import { selectBackend } from '../backend/select.js';
import type { Detector } from '../classifier/detector.js';
import { InputError } from '../errors.js';
import { Generator } from '../random/generator.js';
import type { ReplayLayout } from '../replay/replayBuffer.js';
import { agentSettings, backendOptions, fromEarlierVersion, parseRunConfig } from '../training/config.js';
import { ControlRate } from '../training/controlRate.js';
import type { TakeOver, TrainingEnvironment } from '../training/environmentExperience.js';
import { environmentOptions, replayLayout } from '../training/environmentOptions.js';
import { openDetector, withDetectedSuccess } from '../training/rewardClassifier.js';
import { type Policy, type Rollout, rollout } from '../training/rollout.js';
import { PACKAGE_VERSION } from '../training/version.js';
import type { ServerAddress } from './connect.js';
import type { Plan, Spec } from './messages.js';
import { ANY_LANE, requireName } from './names.js';
import { readPolicyMessage } from './policyMessage.js';
import { type ActorPort, openActorPort } from './port.js';
import { pack, recordManifest } from './record.js';

export interface ActOptions {
  readonly address: ServerAddress;
  /** The run's name on the server. */
  readonly run: string;
  /** Whose plans are played; default: those that anybody may play. */
  readonly lane?: string | undefined;
  /** Where the environment is, if not where the learner's settings say: a robot has another address here. */
  readonly task?: string | undefined;
  /** Where the run's classifier is on this machine, if not where its settings say. */
  readonly rewardClassifier?: string | undefined;
  /** When a newer policy takes over, in the mode `free`; default: with the next episode. */
  readonly swap?: 'episode' | 'step' | undefined;
  /** Control steps a second, of which an action lasts action repeat; default: as fast as they come. */
  readonly controlHz?: number | undefined;
  readonly backend?: BackendOptions['backend'] | undefined;
  /** A person may take over: gives the environment as it is with that person. */
  readonly takeOver?: TakeOver | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEpisode?: ((done: number) => void) | undefined;
  readonly onNote?: ((line: string) => void) | undefined;
}

export interface ActResult {
  /** Episodes that count. */
  readonly episodes: number;
  readonly steps: number;
  /** Whether the run came to its end, or the actor was stopped before. */
  readonly finished: boolean;
}

/**
 * Plays until the run is finished or the signal is aborted; the episode in progress is then another actor's.
 * @throws InputError where the environment does not show what the run learns from, or the programs differ
 */
export async function act(options: ActOptions): Promise<ActResult> {
  const { address, run, lane = ANY_LANE, onNote = () => {} } = options;
  const signal = options.signal ?? new AbortController().signal;
  const none = { episodes: 0, steps: 0, finished: false };
  if (signal.aborted) return none;
  const name = `${hostname()} ${process.pid} ${randomUUID().slice(0, 8)}`;
  requireName(run, 'run');
  requireName(lane, 'lane');
  const ignoreStop = unlessStopped(signal);
  const port = await openActorPort({ address, run, lane, name }, signal, onNote).catch(ignoreStop);
  if (port === undefined) return none;
  signal.addEventListener('abort', () => void port.stop().catch(() => {}), { once: true });
  try {
    const spec = await port.spec().catch(ignoreStop);
    if (spec === undefined) return none;
    requireFit(options, spec);
    const player = await Player.create(options, spec, port, signal);
    try {
      return await player.playAll();
    } finally {
      await player.close();
    }
  } finally {
    await port.close();
  }
}

/** What goes on at a stop is broken off by it; anything else is an error. */
function unlessStopped(signal: AbortSignal): (error: Error) => undefined {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

/** @throws InputError where this actor is not one of that run */
function requireFit({ run, lane = ANY_LANE, swap = 'episode' }: ActOptions, spec: Spec): void {
  if (spec.version !== PACKAGE_VERSION)
    throw new InputError(
      `The learner of ${run} is version ${spec.version} of this program and this actor ${PACKAGE_VERSION}: install the same on both machines.`,
    );
  if (!spec.lanes.includes(lane))
    throw new InputError(
      `The run ${run} has no plans for "${lane}": its lanes are ${spec.lanes.join(', ')} (--lanes of rlpd learner).`,
    );
  if (swap === 'step' && spec.mode === 'ordered')
    throw new InputError(
      `In the run ${run} each episode has the policy of its plan (--mode ordered of rlpd learner): --swap step goes with --mode free.`,
    );
}

interface Played {
  /** Version of the policy that acted. */
  readonly policy: number;
  readonly episode: Rollout;
  /** Where a control rate is kept. */
  readonly missedDeadlines: number | undefined;
}

class Player {
  readonly #options: ActOptions;
  readonly #spec: Spec;
  readonly #port: ActorPort;
  readonly #signal: AbortSignal;
  readonly #environment: TrainingEnvironment;
  readonly #detector: Detector | undefined;
  readonly #agent: RlpdAgent;
  /** Milliseconds of a step where a control rate is kept. */
  readonly #periodMs: number | undefined;
  /** Version of the policy that acts. */
  #version: number | undefined;
  /** A newer policy on its way while the one before it acts, and once it is here. */
  #coming: Promise<void> | undefined;
  #arrived: { readonly version: number; readonly bytes: Uint8Array } | undefined;

  private constructor(
    options: ActOptions,
    spec: Spec,
    port: ActorPort,
    signal: AbortSignal,
    environment: TrainingEnvironment,
    detector: Detector | undefined,
    agent: RlpdAgent,
  ) {
    this.#options = options;
    this.#spec = spec;
    this.#port = port;
    this.#signal = signal;
    this.#environment = environment;
    this.#detector = detector;
    this.#agent = agent;
    const { controlHz } = options;
    if (controlHz !== undefined) this.#periodMs = (1000 * environment.spec.actionRepeat) / controlHz;
  }

  /** @throws InputError where the environment shows something else than the run learns from */
  static async create(
    options: ActOptions,
    spec: Spec,
    port: ActorPort,
    signal: AbortSignal,
  ): Promise<Player> {
    const config = parseRunConfig(fromEarlierVersion(spec.config), (name) => `"${name}" of the run`);
    const { task = config.task, backend = config.backend, onNote = () => {} } = options;
    const environment = await EnvironmentWorker.create(task, environmentOptions(config));
    let detector: Detector | undefined;
    try {
      const { observationSpace, spec: environmentSpec } = environment;
      const layout = replayLayout(observationSpace, environmentSpec);
      const [wanted, shown] = [spec.layout, layout].map(layoutWords);
      if (wanted !== shown)
        throw new InputError(
          `The environment ${task} shows ${shown}, and the run ${options.run} learns from ${wanted}: give its settings to both, or --task another environment.`,
        );
      // One observation at a time needs no more, and its numbers are then the same on any number of cores.
      const engine = {
        ...backendOptions(config),
        backend,
        precision: 'float32',
        device: 'cpu',
        threads: 1,
      } as const;
      onNote((await selectBackend(engine)).note);
      const { rewardClassifier = config.rewardClassifier } = options;
      // Of the run's reward, not of its own.
      detector =
        config.rewardClassifier === null ? undefined : await openDetector({ ...config, rewardClassifier });
      const rewarding = withDetectedSuccess(environment, detector, config.rewardThreshold);
      const agent = RlpdAgent.create({
        config: agentSettings(config),
        observationSpace,
        actionSize: environmentSpec.actionSize,
        seed: 0,
      });
      const driven = (await options.takeOver?.(rewarding, task)) ?? rewarding;
      return new Player(options, spec, port, signal, driven, detector, agent);
    } catch (error) {
      detector?.dispose();
      await environment.close();
      throw error;
    }
  }

  async playAll(): Promise<ActResult> {
    let [episodes, steps] = [0, 0];
    const ignoreStop = unlessStopped(this.#signal);
    let handing: Promise<unknown> = Promise.resolve();
    for (;;) {
      // What cannot be handed over fails here, rather than wait for a plan that follows from it.
      const failed = new Promise<never>((_, reject) => handing.catch(reject));
      const plan = await Promise.race([this.#port.nextPlan(), failed]).catch(ignoreStop);
      if (plan === undefined || plan === 'finished') {
        await handing;
        return { episodes, steps, finished: plan === 'finished' };
      }
      const played = await this.#play(plan).catch(ignoreStop);
      await handing;
      if (played === undefined) {
        await this.#port.giveBack(plan.n).catch(ignoreStop);
        continue;
      }
      const handOver = async (): Promise<void> => {
        if ((await this.#handOver(plan, played).catch(ignoreStop)) !== true) return;
        episodes++;
        steps += played.episode.length;
        this.#options.onEpisode?.(episodes);
      };
      // It goes on while the next one is played, but where deadlines are kept, which it might cost.
      handing = handOver();
      handing.catch(() => {});
      if (this.#periodMs !== undefined) await handing;
    }
  }

  /** @returns whether it counts */
  async #handOver({ n }: Plan, { policy, episode, missedDeadlines }: Played): Promise<boolean> {
    const { envFrames, invalid, rewardTerms } = episode;
    const record = await pack(episode, n, this.#manifest);
    return this.#port.commit(
      n,
      {
        policy,
        envFrames,
        ...(invalid !== undefined && { invalid }),
        ...(rewardTerms && { rewardTerms: { ...rewardTerms } }),
        ...(missedDeadlines !== undefined && { missedDeadlines }),
      },
      record,
    );
  }

  async close(): Promise<void> {
    await this.#coming;
    await this.#environment.close();
    this.#detector?.dispose();
    this.#agent.dispose();
  }

  get #manifest() {
    const { observationSpace, spec } = this.#environment;
    return recordManifest(observationSpace, spec);
  }

  /** Undefined where it was stopped on the way, or its policy is gone, and with it the need for the episode. */
  async #play(plan: Plan): Promise<Played | undefined> {
    const isFree = this.#spec.mode === 'free';
    const policy = isFree ? Math.max(plan.policy, await this.#port.newestPolicy()) : plan.policy;
    if (policy !== this.#version) {
      const bytes = await this.#port.policy(policy);
      if (bytes === undefined) return undefined;
      this.#load(policy, bytes);
    }
    this.#agent.seedExploration(plan.noiseSeed);
    const rate = this.#periodMs === undefined ? undefined : new ControlRate(this.#periodMs);
    const act = plan.isWarmUp ? this.#warmUp(plan) : (observation: Observation) => this.#act(observation);
    let hasActed = false;
    const episode = await rollout({
      environment: this.#environment,
      policy: async (observation) => {
        await rate?.next(this.#signal);
        hasActed = true;
        return act(observation);
      },
      watch: async () => {
        if (hasActed) rate?.answered();
      },
      seed: plan.seed,
      signal: this.#signal,
    });
    return episode && { policy, episode, missedDeadlines: rate?.missed };
  }

  /** What fills the replay before learning begins: the policy that the agent has for it, or chance. */
  #warmUp({ noiseSeed }: Plan): Policy {
    const random = new Generator(noiseSeed);
    const { actionSize } = this.#environment.spec;
    return async (observation) => {
      const action = await this.#agent.warmUp(observation);
      return action ?? Float32Array.from({ length: actionSize }, () => random.uniform(-1, 1));
    };
  }

  async #act(observation: Observation): Promise<Float32Array> {
    if (this.#options.swap === 'step') await this.#swap();
    return this.#agent.act(observation, 'sample');
  }

  /** A newer policy is fetched while the one before it acts, and takes over once it is here. */
  async #swap(): Promise<void> {
    if (this.#arrived !== undefined) this.#load(this.#arrived.version, this.#arrived.bytes);
    this.#arrived = undefined;
    if (this.#coming !== undefined) return;
    const newest = await this.#port.newestPolicy();
    if (newest <= (this.#version ?? -1)) return;
    this.#coming = this.#port.policy(newest).then(
      (bytes) => {
        this.#arrived = bytes && { bytes, version: newest };
        this.#coming = undefined;
      },
      // It is asked for again with the next step.
      () => {
        this.#coming = undefined;
      },
    );
  }

  #load(version: number, bytes: Uint8Array): void {
    const { tensors, explorationNoise } = readPolicyMessage(bytes, version);
    this.#agent.restorePolicy(tensors, explorationNoise);
    this.#version = version;
  }
}

function layoutWords({ images, stateSize, actionSize }: ReplayLayout): string {
  const shown = images.map(
    ({ name, height, width, channels, frameStack }) =>
      `"${name}" of ${width}×${height} pixels with ${channels} channels, ${frameStack} stacked`,
  );
  return [...shown, `${stateSize} numbers of state`, `${actionSize} of action`].join(', ');
}
