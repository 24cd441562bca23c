/**
 * An actor-critic's update as two programs for batches of one form: a critic step, and the full step, which adds
 * the actor's. A batch of G minibatches takes G − 1 of the first and one of the second.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { createProgram, type Program } from '../backend/program.js';
import type { Batch } from '../replay/batch.js';
import {
  batchForm,
  type InputArrays,
  type InputSpecs,
  type Inputs,
  sameForm,
  TransitionInputs,
  type TransitionTensors,
} from './batchInputs.js';
import type { UpdateMetrics } from './learner.js';
import type { AgentShape, Features } from './observation.js';
import { addToMeans, asVector } from './stepMetrics.js';

/** The two steps of an algorithm: what they take beside the transitions, and what they do. */
export interface UpdateSteps {
  /** Names the programs. */
  readonly name: string;
  /** What each step reports, in order. */
  readonly criticMetricNames: readonly string[];
  readonly actorMetricNames: readonly string[];
  /** Whether the transitions are to say which rows are prior data. */
  readonly takesPrior: boolean;
  /** Inputs of a critic step on `rows` transitions. */
  criticSpecs(rows: number): InputSpecs;
  /** Inputs that the actor's step adds. */
  actorSpecs(rows: number): InputSpecs;
  /** Counts the next critic step and draws what is random in it. */
  criticInputs(rows: number): InputArrays;
  /** The same for the actor's step; asked for after the critic step's. */
  actorInputs(rows: number): InputArrays;
  /** @returns the metrics, and the features of s that the actor's step is handed */
  criticStep(transitions: TransitionTensors, inputs: Inputs): { metrics: tf.Scalar[]; features: Features };
  actorStep(transitions: TransitionTensors, features: Features, inputs: Inputs): { metrics: tf.Scalar[] };
}

interface Programs {
  readonly transitions: TransitionInputs;
  readonly critic: Program<string>;
  readonly full: Program<string>;
}

export class UpdatePrograms {
  readonly #steps: UpdateSteps;
  readonly #shape: AgentShape;
  readonly #randomShiftPad: number;
  #programs: Programs | undefined;

  constructor(steps: UpdateSteps, shape: AgentShape, randomShiftPad: number) {
    this.#steps = steps;
    this.#shape = shape;
    this.#randomShiftPad = randomShiftPad;
  }

  /** One update; the critic's metrics are averages over the minibatches. */
  async run(batch: Batch): Promise<UpdateMetrics> {
    const { transitions, critic, full } = this.#programsFor(batch);
    const { criticMetricNames, actorMetricNames } = this.#steps;
    const metrics: UpdateMetrics = {};
    const last = batch.minibatches - 1;
    const prepare = (index: number): InputArrays => ({
      ...transitions.arrays(batch, index),
      ...this.#steps.criticInputs(batch.size),
      ...(index === last && this.#steps.actorInputs(batch.size)),
    });
    const start = (index: number): Promise<Float32Array> =>
      (index === last ? full : critic).run(prepare(index));
    let running = start(0);
    let next: Promise<Float32Array> | undefined;
    try {
      for (let index = 0; index <= last; index++) {
        // Drawn and handed over while this step is computed, so that the engine need not wait between the two.
        next = index < last ? start(index + 1) : undefined;
        const values = await running;
        addToMeans(metrics, criticMetricNames, values, batch.minibatches);
        if (next !== undefined) running = next;
        if (index < last) continue;
        addToMeans(metrics, actorMetricNames, values.subarray(criticMetricNames.length), 1);
      }
    } finally {
      // After a failure the one behind it is pending still.
      await next?.catch(() => {});
    }
    return metrics;
  }

  /** Drops the programs; the next update makes them anew. */
  forget(): void {
    this.#programs?.critic.dispose();
    this.#programs?.full.dispose();
    this.#programs = undefined;
  }

  #programsFor(batch: Batch): Programs {
    if (this.#programs !== undefined && sameForm(this.#programs.transitions.form, batchForm(batch)))
      return this.#programs;
    this.forget();
    const steps = this.#steps;
    const transitions = new TransitionInputs(this.#shape, batch, this.#randomShiftPad, steps.takesPrior);
    const criticSpecs: InputSpecs = { ...transitions.specs, ...steps.criticSpecs(batch.size) };
    const critic = createProgram<string>({
      name: `${steps.name} critic step`,
      inputs: criticSpecs,
      body: (inputs) => asVector(steps.criticStep(transitions.tensors(inputs), inputs).metrics),
    });
    const full = createProgram<string>({
      name: `${steps.name} full step`,
      inputs: { ...criticSpecs, ...steps.actorSpecs(batch.size) },
      body: (inputs) => {
        const tensors = transitions.tensors(inputs);
        const { metrics, features } = steps.criticStep(tensors, inputs);
        return asVector([...metrics, ...steps.actorStep(tensors, features, inputs).metrics]);
      },
    });
    this.#programs = { transitions, critic, full };
    return this.#programs;
  }
}
