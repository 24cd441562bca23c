/**
 * Experience that actors play elsewhere, as a run's source: it asks for episodes by plans, of which only a few are
 * open at a time, and hands out what arrives step by step, so that the loop is the one of an environment at hand.
 *
 * `ordered`: episodes come by their numbers, and the policy of plan n is the one after episode n − D, D the plans in
 * flight. What is learnt depends on the seed and D alone, whoever plays. `free`: they come as they arrive.
 */
import { z } from 'zod';
import type { Episode } from '../../datasets/episode.js';
import type { Manifest } from '../../datasets/manifest.js';
import type { EnvironmentState, StepInfo } from '../../envs/environment.js';
import type { RlpdAgent } from '../agent/agent.js';
import { InputError } from '../errors.js';
import { encodeSafetensors } from '../files/safetensors.js';
import { Generator } from '../random/generator.js';
import { episodeObservation, type ReplayLayout } from '../replay/replayBuffer.js';
import type {
  EpisodeFacts,
  EpisodeStart,
  ExperiencedStep,
  ExperienceSource,
  StepUnderWay,
} from '../training/experience.js';
import { badWeights } from '../training/finite.js';
import type { Arrival, Wanted } from './learnerSide.js';
import { type Commit, commitSchema, type Plan, planSchema } from './messages.js';
import { policyFile } from './policyMessage.js';
import type { LearnerPort } from './port.js';
import { unpack } from './record.js';

export interface ArrivalsOptions {
  readonly port: LearnerPort;
  readonly agent: RlpdAgent;
  readonly layout: ReplayLayout;
  readonly manifest: Manifest;
  /** T of the longest episode. */
  readonly maxSteps: number;
  readonly actionRepeat: number;
  /** Agent steps before which actors do what fills the replay. */
  readonly randomSteps: number;
  readonly mode: 'ordered' | 'free';
  /** D. */
  readonly inFlight: number;
  readonly lanes: readonly string[];
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onNote: (line: string) => void;
}

const count = z.int().min(0);
/** What a checkpoint keeps of it. */
const stateSchema = z.object({
  /** Episodes that were learnt from to their end, and agent steps of all. */
  learnt: count,
  steps: count,
  /** Plans that were issued and whose episodes were not begun. */
  plans: z.array(planSchema),
  nextPlan: count,
  /** Of the last episode's commit. */
  sequence: count,
  /** Episodes whose parts the server may still hold. */
  held: z.array(count),
  /** The episode in progress, whole, since the server forgets it then. */
  current: z.object({ n: count, step: count, commit: commitSchema, record: z.base64() }).nullable(),
});
type State = z.output<typeof stateSchema>;

interface Current {
  readonly n: number;
  readonly episode: Episode;
  readonly commit: Commit;
  readonly record: Uint8Array;
  step: number;
}

export class Arrivals implements ExperienceSource {
  readonly origin = 'actors';
  readonly isAwaited = true;
  readonly #options: ArrivalsOptions;
  readonly #random: Generator;
  #state: Omit<State, 'current'> = { learnt: 0, steps: 0, plans: [], nextPlan: 0, sequence: 0, held: [] };
  #current: Current | undefined;
  #hasStarted = false;
  /** What was sent and not yet taken by the server, in order. */
  #outbox: Promise<void> = Promise.resolve();

  constructor(options: ArrivalsOptions) {
    this.#options = options;
    this.#random = new Generator(options.seed).child('plans');
    options.signal.addEventListener('abort', () => void options.port.stop().catch(() => {}), { once: true });
  }

  async begin(): Promise<EpisodeStart | undefined> {
    const { layout, signal, onNote } = this.#options;
    if (!this.#hasStarted) await this.#start();
    for (;;) {
      const arrival = await this.#nextArrival();
      if (arrival === undefined || signal.aborted) return undefined;
      const plan = this.#state.plans.find(({ n }) => n === arrival.n);
      // One that was learnt from before is none of what is awaited; only free ones are met again.
      if (plan === undefined) {
        this.#state = { ...this.#state, sequence: arrival.sequence };
        continue;
      }
      const current = await this.#open(arrival, plan);
      if (current === 'again') continue;
      this.#state = {
        ...this.#state,
        sequence: arrival.sequence,
        held: [...this.#state.held, arrival.n],
        plans: this.#state.plans.filter(({ n }) => n !== arrival.n),
      };
      if (typeof current === 'string') {
        onNote(`Episode ${arrival.n} is left out: ${current}.`);
        await this.#learntFrom();
        continue;
      }
      this.#current = current;
      const { episode } = current;
      const info: StepInfo = episode.instruction === undefined ? {} : { instruction: episode.instruction };
      return { first: episodeObservation(layout, episode, 0), info };
    }
  }

  async step(): Promise<StepUnderWay> {
    const { layout } = this.#options;
    const { episode, step } = this.#inProgress();
    const { actionSize } = layout;
    this.#inProgress().step++;
    this.#state = { ...this.#state, steps: this.#state.steps + 1 };
    return {
      action: step < episode.length ? rowOf(episode.actions, step, actionSize) : new Float32Array(actionSize),
      outcome: Promise.resolve(this.#outcome(step)),
    };
  }

  async end(): Promise<EpisodeFacts> {
    const { n, commit } = this.#inProgress();
    const { learnt } = this.#state;
    this.#current = undefined;
    await this.#learntFrom();
    return {
      plan: n,
      policyVersion: commit.policy,
      policyLag: learnt - commit.policy,
      ...(commit.missedDeadlines !== undefined && { missedDeadlines: commit.missedDeadlines }),
    };
  }

  async saveState(): Promise<EnvironmentState> {
    // What a checkpoint counts as sent is sent, but for where the run is stopped while the server is away.
    await this.#outbox.catch(() => {});
    const current = this.#current && {
      n: this.#current.n,
      step: this.#current.step,
      commit: this.#current.commit,
      record: Buffer.from(this.#current.record).toString('base64'),
    };
    return { ...this.#state, current: current ?? null };
  }

  async restoreState(state: EnvironmentState): Promise<void> {
    const { manifest, maxSteps } = this.#options;
    const parsed = stateSchema.safeParse(state);
    if (!parsed.success)
      throw new InputError(
        `The checkpoint's episodes are damaged at "${parsed.error.issues[0]?.path.join('.')}": ${parsed.error.issues[0]?.message}.`,
      );
    const { current, ...rest } = parsed.data;
    this.#state = rest;
    if (current === null) return;
    const record = Buffer.from(current.record, 'base64');
    this.#current = { ...current, record, episode: await unpack(record, current.n, manifest, maxSteps) };
  }

  async checkpointed(state: EnvironmentState): Promise<void> {
    const { held } = stateSchema.pick({ held: true }).parse(state);
    this.#state = { ...this.#state, held: this.#state.held.filter((n) => !held.includes(n)) };
    this.#send(() => this.#options.port.forgetParts(held));
  }

  async close(isFinished: boolean): Promise<void> {
    const { port } = this.#options;
    if (isFinished) await this.#outbox.then(() => port.finish()).catch(() => {});
    else await port.stop();
    await port.close();
  }

  /** Asks for what is to be asked for now, as if for the first time: what the server knows already stays as it is. */
  async #start(): Promise<void> {
    const { inFlight } = this.#options;
    this.#hasStarted = true;
    const { nextPlan, plans, held } = this.#state;
    if (nextPlan === 0) {
      await this.#publish(0);
      for (let i = 0; i < inFlight; i++) this.#plan(0);
      return;
    }
    // A learner that was stopped for want of room has had no time to make any.
    this.#send(() => this.#options.port.forgetParts(held));
    this.#state = { ...this.#state, held: [] };
    for (const plan of plans) {
      const now = await this.#policyFile(plan.policy);
      this.#send(() => this.#issueAgain(plan, now));
    }
  }

  async #issueAgain(plan: Plan, now: Uint8Array): Promise<void> {
    const { port, onNote } = this.#options;
    const lane = this.#lane(plan);
    if (await port.issue(plan, lane)) return;
    onNote(
      `The server has lost the policy of episode ${plan.n}: the newest one plays it, and the run is another one from there on.`,
    );
    await port.publishPolicy(plan.policy, now);
    await port.issue(plan, lane);
  }

  /** An episode's updates are done: its policy may act, and one more episode be played. */
  async #learntFrom(): Promise<void> {
    const learnt = this.#state.learnt + 1;
    this.#state = { ...this.#state, learnt };
    await this.#publish(learnt);
    this.#plan(learnt);
  }

  async #publish(version: number): Promise<void> {
    const bytes = await this.#policyFile(version);
    this.#send(() => this.#options.port.publishPolicy(version, bytes));
  }

  async #policyFile(version: number): Promise<Uint8Array> {
    const { agent } = this.#options;
    const tensors = await agent.policyTensors();
    const bad = badWeights(tensors);
    if (bad !== undefined) throw new Error(`No actor can act any more: ${bad}.`);
    return encodeSafetensors(policyFile(tensors, version, agent.explorationNoise));
  }

  #plan(policy: number): void {
    const { randomSteps } = this.#options;
    const { nextPlan: n, steps, plans } = this.#state;
    const isWarmUp = steps < randomSteps;
    const bits = (name: string): number => this.#random.child(`${name} ${n}`).bits32();
    const plan: Plan = { n, policy, isWarmUp, seed: bits('environment'), noiseSeed: bits('noise') };
    this.#state = { ...this.#state, nextPlan: n + 1, plans: [...plans, plan] };
    this.#send(async () => {
      if (!(await this.#options.port.issue(plan, this.#lane(plan))))
        throw new Error(`The policy of plan ${n} is not on the server.`);
    });
  }

  #lane({ n }: Plan): string {
    const { lanes } = this.#options;
    return lanes[n % lanes.length] as string;
  }

  #send(work: () => Promise<void>): void {
    this.#outbox = this.#outbox.then(work);
    // It is met where the next episode is wanted.
    this.#outbox.catch(() => {});
  }

  async #nextArrival(): Promise<Arrival | undefined> {
    const { port, mode, signal } = this.#options;
    const { sequence, plans } = this.#state;
    const [next] = plans;
    if (next === undefined) throw new Error('There is no plan in flight.');
    const wanted: Wanted = mode === 'ordered' ? { n: next.n } : { after: sequence };
    // What cannot be sent fails here, rather than wait for ever.
    const failed = new Promise<never>((_, reject) => {
      this.#outbox.catch((error) => {
        if (!signal.aborted) reject(error);
      });
    });
    return Promise.race([port.nextArrival(wanted), failed]);
  }

  /** The episode; a word of why there is none; `again` where it has to be played once more. */
  async #open(arrival: Arrival, plan: Plan): Promise<Current | string | 'again'> {
    const { port, manifest, maxSteps, onNote } = this.#options;
    const { n, sequence, commit, record, problem, isLost } = arrival;
    if (commit === undefined) return problem ?? 'it has no commit';
    if (record === undefined) {
      if (!isLost) return problem ?? 'it is not whole';
      onNote(`The server has lost a part of episode ${n}: it is played again.`);
      await port.reissue(plan, this.#lane(plan), sequence);
      return 'again';
    }
    try {
      return { n, commit, record, step: 0, episode: await unpack(record, n, manifest, maxSteps) };
    } catch (error) {
      if (error instanceof InputError) return error.message.replace(/\.$/, '');
      throw error;
    }
  }

  #outcome(step: number): ExperiencedStep {
    const { layout, actionRepeat } = this.#options;
    const { episode, commit } = this.#inProgress();
    const isLast = step >= episode.length - (commit.invalid === undefined ? 1 : 0);
    const envFrames = isLast ? commit.envFrames : (step + 1) * actionRepeat;
    if (step >= episode.length)
      return {
        next: undefined,
        reward: 0,
        terminated: false,
        truncated: true,
        info: { envFrames, invalid: commit.invalid ?? 'it has no more steps' },
      };
    const { interventions, success, actions, rewards, terminated } = episode;
    // What an episode's steps come to is said with the last of them.
    const info: StepInfo = {
      envFrames,
      ...(interventions && {
        executedAction: interventions[step] === 1 ? rowOf(actions, step, layout.actionSize) : null,
      }),
      ...(step === episode.length - 1 && {
        ...(success !== undefined && { success }),
        ...(commit.rewardTerms && { rewardTerms: commit.rewardTerms }),
      }),
    };
    return {
      next: episodeObservation(layout, episode, step + 1),
      reward: rewards[step] as number,
      terminated: isLast && terminated,
      truncated: isLast && !terminated,
      info,
    };
  }

  #inProgress(): Current {
    if (this.#current === undefined) throw new Error('A step needs an episode: call begin first.');
    return this.#current;
  }
}

function rowOf(values: Float32Array, row: number, size: number): Float32Array {
  return values.slice(row * size, (row + 1) * size);
}
