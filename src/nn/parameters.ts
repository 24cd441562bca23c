/**
 * Who owns weights: a named group of tf.Variables (`critic`, `targetCritic`, `actor`). A layer adds its parameters
 * to a group when it is built; optimiser, moving average and checkpoint then see one ordered list.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Generator } from '../random/generator.js';
import { type Initialiser, initialise } from './initialisers.js';
import type { NamedTensor } from './namedTensor.js';

export type { NamedTensor } from './namedTensor.js';

export interface Parameter {
  /** Path within the group, e.g. `encoder/conv1/filter`. */
  readonly name: string;
  /** Whether weight decay applies: true for filters and matrices, false for biases, gains and offsets. */
  readonly decays: boolean;
  readonly variable: tf.Variable;
}

export class ParameterGroup {
  readonly name: string;
  readonly parameters: Parameter[] = [];
  readonly #random: Generator;

  /** @param random stream of the initial values; each parameter draws from a child named after it. */
  constructor(name: string, random: Generator) {
    this.name = name;
    this.#random = random;
  }

  get variables(): tf.Variable[] {
    return this.parameters.map((parameter) => parameter.variable);
  }

  /** Number of scalars in the group. */
  get size(): number {
    return this.parameters.reduce((sum, { variable }) => sum + variable.size, 0);
  }

  /** A filter or matrix. Leading axes before the last `fanAxes` are ensemble members, each initialised by itself. */
  weight<R extends tf.Rank>(
    name: string,
    shape: tf.ShapeMap[R],
    initialiser: Initialiser,
    members = 1,
  ): tf.Variable<R> {
    const values = initialise(initialiser, shape, members, this.#random.child(`${this.name}/${name}`));
    return this.#add(name, shape, values, true);
  }

  /** A bias, gain or offset: one value everywhere. */
  constant<R extends tf.Rank>(name: string, shape: tf.ShapeMap[R], value: number): tf.Variable<R> {
    return this.#add(name, shape, new Float32Array(tf.util.sizeFromShape(shape)).fill(value), false);
  }

  /** The parameter of that name. @throws Error when there is none */
  parameter(name: string): Parameter {
    const found = this.parameters.find((parameter) => parameter.name === name);
    if (found === undefined) throw new Error(`Group ${this.name} has no parameter ${name}.`);
    return found;
  }

  /** Takes over another group's values; it holds every parameter of this one, and may hold more. */
  copyFrom(source: ParameterGroup): void {
    for (const { variable, name } of this.parameters) {
      const from = source.parameter(name);
      // A tensor of its own, not a second reference: the two are updated in place, apart from each other.
      const copy = tf.tensor(from.variable.dataSync().slice(), variable.shape);
      variable.assign(copy);
      copy.dispose();
    }
  }

  dispose(): void {
    for (const { variable } of this.parameters) variable.dispose();
  }

  #add<R extends tf.Rank>(
    name: string,
    shape: tf.ShapeMap[R],
    values: Float32Array,
    decays: boolean,
  ): tf.Variable<R> {
    const initial = tf.tensor<R>(values, shape, 'float32');
    const variable = tf.variable(initial);
    initial.dispose();
    this.parameters.push({ name, decays, variable });
    return variable;
  }
}

/** Writes values into variables. */
export function assignValues(variable: tf.Variable, values: NamedTensor): void {
  const tensor = tf.tensor(values.data, values.shape, 'float32');
  variable.assign(tensor);
  tensor.dispose();
}

export async function readValues(variable: tf.Variable): Promise<NamedTensor> {
  return { shape: [...variable.shape], data: Float32Array.from(await variable.data()) };
}
