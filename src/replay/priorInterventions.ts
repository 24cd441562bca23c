/**
 * Transitions in which a person took over, kept with the prior data, since they are demonstrations (HIL-SERL, Luo et
 * al. 2024, section 4.2): of an episode, those alone can be sampled, and around them lie just the observations that
 * their frame stacks reach. The rows follow from the episodes alone, so that a resumed run puts each under its number.
 */
import {
  episodeObservation,
  type ReplayBuffer,
  type ReplayEpisode,
  type ReplayObservation,
  type ReplayStep,
} from './replayBuffer.js';

export class PriorInterventions {
  /** One past the last row of the datasets, and the first of the interventions. */
  readonly firstRow: number;
  readonly #prior: ReplayBuffer;
  /** How far a stack looks back. */
  readonly #reach: number;
  /** Time in the episode of the observation that was copied last; undefined where none of it was. */
  #last: number | undefined;
  #count = 0;

  /** @param prior holds the datasets; its last rows are for the interventions */
  constructor(prior: ReplayBuffer) {
    this.#prior = prior;
    this.firstRow = prior.written;
    this.#reach = Math.max(1, ...prior.layout.images.map(({ frameStack }) => frameStack)) - 1;
  }

  /** Transitions that were added. */
  get count(): number {
    return this.#count;
  }

  beginEpisode(): void {
    this.#last = undefined;
  }

  /**
   * Adds the transition from time `t` of the episode. Where there is no room for its rows any more, it is left out.
   * @param observation what was seen at a time in [t − K + 1, t] of the episode
   */
  add(t: number, step: ReplayStep, observation: (t: number) => ReplayObservation): void {
    const prior = this.#prior;
    const from = Math.max(0, t - this.#reach);
    const goesOn = this.#last !== undefined && this.#last >= from - 1;
    const first = goesOn ? (this.#last as number) + 1 : from;
    if (prior.written + t - first + 2 > prior.capacity) return;
    if (!goesOn) prior.begin(observation(from));
    for (let past = goesOn ? first : from + 1; past <= t; past++) prior.skipTo(observation(past));
    prior.add({ ...step, isIntervention: true });
    this.#last = t + 1;
    this.#count++;
  }

  /** Adds what a person did in a whole episode. */
  addEpisode(episode: ReplayEpisode): void {
    const { layout } = this.#prior;
    this.beginEpisode();
    for (let t = 0; t < episode.length; t++) {
      if (episode.interventions?.[t] !== 1) continue;
      const step = {
        action: episode.actions.subarray(t * layout.actionSize, (t + 1) * layout.actionSize),
        reward: episode.rewards[t] as number,
        terminated: episode.terminated && t === episode.length - 1,
        next: episodeObservation(layout, episode, t + 1),
      };
      this.add(t, step, (past) => episodeObservation(layout, episode, past));
    }
  }
}
