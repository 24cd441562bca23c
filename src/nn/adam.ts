/**
 * Adam (Kingma & Ba 2015, algorithm 1) over a list of parameters; weight decay is decoupled (AdamW, Loshchilov &
 * Hutter 2019) and spares biases, gains and offsets.
 *   m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  θ ← θ − λ·decay·θ − λ·m̂/(√v̂ + ε),  m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ)
 * The fused kernel writes in place; the composed form assigns.
 */
import * as tf from '@tensorflow/tfjs-core';
import { FusedKernel } from '../backend/fusedKernels.js';
import { isFused, runFused } from './fusedLayer.js';
import type { Parameter } from './parameters.js';

const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-8;

/** A parameter with its two running moments. */
interface Slot {
  readonly parameter: Parameter;
  readonly first: tf.Variable;
  readonly second: tf.Variable;
}

export class Adam {
  readonly slots: readonly Slot[];
  readonly #learningRate: number;
  readonly #weightDecay: number;

  constructor(parameters: readonly Parameter[], o: { learningRate: number; weightDecay?: number }) {
    this.slots = parameters.map((parameter) => ({
      parameter,
      first: zerosLike(parameter.variable),
      second: zerosLike(parameter.variable),
    }));
    this.#learningRate = o.learningRate;
    this.#weightDecay = o.weightDecay ?? 0;
  }

  /**
   * One step.
   * @param gradients in the order of the parameters
   * @param step `[]` int32, this step's number, counted from 1
   */
  apply(gradients: readonly tf.Tensor[], step: tf.Scalar): void {
    const paired = this.slots.map((slot, i) => {
      const gradient = gradients[i];
      if (gradient === undefined) throw new Error(`No gradient reached ${slot.parameter.name}.`);
      return { ...slot, gradient };
    });
    if (this.#weightDecay === 0) {
      this.#applyTo(paired, step, 0);
      return;
    }
    for (const decays of [true, false]) {
      const part = paired.filter((slot) => slot.parameter.decays === decays);
      if (part.length > 0) this.#applyTo(part, step, decays ? this.#weightDecay : 0);
    }
  }

  dispose(): void {
    for (const { first, second } of this.slots) {
      first.dispose();
      second.dispose();
    }
  }

  #applyTo(slots: readonly (Slot & { gradient: tf.Tensor })[], step: tf.Scalar, weightDecay: number): void {
    const learningRate = this.#learningRate;
    if (isFused(FusedKernel.AdamUpdate)) {
      const inputs: tf.NamedTensorMap = { step };
      slots.forEach(({ parameter, first, second, gradient }, i) => {
        inputs[`param${i}`] = parameter.variable;
        inputs[`gradient${i}`] = gradient;
        inputs[`firstMoment${i}`] = first;
        inputs[`secondMoment${i}`] = second;
      });
      runFused(FusedKernel.AdamUpdate, inputs, {
        count: slots.length,
        learningRate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
      });
      return;
    }
    tf.tidy(() => {
      const t = tf.cast(step, 'float32');
      const correction1 = tf.sub(1, tf.pow(beta1, t));
      const correction2 = tf.sub(1, tf.pow(beta2, t));
      for (const { parameter, first, second, gradient } of slots) {
        const { variable } = parameter;
        const m = tf.add(tf.mul(first, beta1), tf.mul(gradient, 1 - beta1));
        const v = tf.add(tf.mul(second, beta2), tf.mul(tf.square(gradient), 1 - beta2));
        const denominator = tf.add(tf.sqrt(tf.div(v, correction2)), epsilon);
        const move = tf.mul(tf.div(tf.div(m, correction1), denominator), learningRate);
        const kept = weightDecay === 0 ? variable : tf.mul(variable, 1 - learningRate * weightDecay);
        first.assign(m);
        second.assign(v);
        variable.assign(tf.sub(kept, move));
      }
    });
  }
}

function zerosLike(variable: tf.Variable): tf.Variable {
  const zeros = tf.zeros(variable.shape);
  const moment = tf.variable(zeros, false);
  zeros.dispose();
  return moment;
}
