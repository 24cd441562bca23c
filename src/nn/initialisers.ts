/** Initial values of filters and matrices. Biases start at zero, layer-norm gains at one. */
import type { Generator } from '../random/generator.js';

/**
 * - `xavierUniform`: U(−l, l), l = sqrt(6 / (fanIn + fanOut)) (Glorot & Bengio 2010), what RLPD uses everywhere.
 * - `orthogonal`: rows or columns orthonormal (Saxe et al. 2014); `orthogonalRelu` times √2, as DrQ-v2's convolutions.
 */
export type Initialiser = 'xavierUniform' | 'orthogonal' | 'orthogonalRelu';

/**
 * Values for a weight of the given shape. The last axis is the output; `members` > 1 says that the first axis
 * holds that many ensemble members, each drawn by itself; whatever is left is the input (kernel height, width and
 * channels of a filter), as fans are counted.
 */
export function initialise(
  initialiser: Initialiser,
  shape: readonly number[],
  members: number,
  random: Generator,
): Float32Array {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const outputs = shape.at(-1) ?? 1;
  const perMember = size / members;
  const inputs = perMember / outputs;
  const values = new Float32Array(size);
  for (let member = 0; member < members; member++) {
    const part = values.subarray(member * perMember, (member + 1) * perMember);
    if (initialiser === 'xavierUniform') {
      // A filter's fan counts its receptive field on both sides.
      const field = shape.length === 4 ? (shape[0] ?? 1) * (shape[1] ?? 1) : 1;
      const limit = Math.sqrt(6 / (inputs + outputs * field));
      for (let i = 0; i < part.length; i++) part[i] = random.uniform(-limit, limit);
    } else {
      fillOrthogonal(part, inputs, outputs, initialiser === 'orthogonalRelu' ? Math.SQRT2 : 1, random);
    }
  }
  return values;
}

/** Gram–Schmidt on Gaussian vectors along the shorter side: [inputs, outputs] row-major, WᵀW or WWᵀ = gain²·I. */
function fillOrthogonal(
  values: Float32Array,
  inputs: number,
  outputs: number,
  gain: number,
  random: Generator,
): void {
  const count = Math.min(inputs, outputs);
  const length = Math.max(inputs, outputs);
  const vectors: Float64Array[] = [];
  while (vectors.length < count) {
    const vector = Float64Array.from({ length }, () => random.normal());
    // Twice, since once loses orthogonality to rounding.
    for (let pass = 0; pass < 2; pass++) {
      for (const earlier of vectors) {
        const overlap = dot(vector, earlier);
        for (let i = 0; i < length; i++) vector[i] = (vector[i] ?? 0) - overlap * (earlier[i] ?? 0);
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    vectors.push(vector.map((value) => value / norm));
  }
  vectors.forEach((vector, v) => {
    vector.forEach((value, i) => {
      values[inputs >= outputs ? i * outputs + v : v * outputs + i] = gain * value;
    });
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
