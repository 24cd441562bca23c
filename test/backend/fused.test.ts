/**
 * The fused kernels of the torch backend against the same formulas composed of tfjs ops on the plain-JavaScript
 * backend, their gradients against finite differences, and the optimiser against arithmetic by hand.
 */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { type Activation, FusedKernel } from '../../src/backend/fusedKernels.js';
import { assertClose, compute, normals, torchOrSkip, use } from './engines.js';

const torch = await torchOrSkip('float32');

const tensor = (seed: number, ...shape: number[]) => tf.tensor(normals(shape, seed), shape);
const run = (kernel: string, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap) =>
  tf.engine().runKernel(kernel, inputs, attrs) as unknown as tf.Tensor | tf.Tensor[];
const activate = (x: tf.Tensor, activation: Activation) =>
  activation === 'relu' ? tf.relu(x) : activation === 'tanh' ? tf.tanh(x) : x;
const activations: readonly Activation[] = ['linear', 'relu', 'tanh'];

interface Layer {
  readonly inputs: Record<string, () => tf.Tensor>;
  readonly forward: string;
  readonly gradient: string;
  readonly attrs: tf.NamedAttrMap;
  /** Which inputs the gradient kernel is given beside dy, and which of its outputs belongs to which input. */
  readonly given: readonly string[];
  readonly gradients: readonly string[];
  composed(inputs: Record<string, tf.Tensor>): tf.Tensor;
}

function conv(stride: number, activation: Activation, size = 9, images = 2): Layer {
  return {
    inputs: {
      x: () => tensor(1, images, size, size + 1, 3),
      filter: () => tensor(2, 3, 3, 3, 4),
      bias: () => tensor(3, 4),
    },
    forward: FusedKernel.ConvBiasActivation,
    gradient: FusedKernel.ConvBiasActivationGrad,
    attrs: { strideHeight: stride, strideWidth: stride, activation, needsInputGradient: true },
    given: ['x', 'filter', 'y'],
    gradients: ['filter', 'bias', 'x'],
    composed: ({ x, filter, bias }) =>
      activate(
        tf.add(tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, 'valid'), bias as tf.Tensor),
        activation,
      ),
  };
}

function dense(
  shared: boolean,
  activation: Activation,
  members = 3,
  [rows, inputs, outputs] = [6, 5, 7],
): Layer {
  return {
    inputs: {
      x: () => (shared ? tensor(1, rows, inputs) : tensor(1, members, rows, inputs)),
      weight: () => tensor(2, members, inputs, outputs),
      bias: () => tensor(3, members, outputs),
    },
    forward: FusedKernel.EnsembleDense,
    gradient: FusedKernel.EnsembleDenseGrad,
    attrs: { activation, needsWeightGradients: true, needsInputGradient: true },
    given: ['x', 'weight', 'y'],
    gradients: ['weight', 'bias', 'x'],
    composed: ({ x, weight, bias }) => {
      const each = shared ? tf.tile(tf.expandDims(x as tf.Tensor, 0), [members, 1, 1]) : (x as tf.Tensor);
      return activate(
        tf.add(tf.matMul(each, weight as tf.Tensor), tf.expandDims(bias as tf.Tensor, 1)),
        activation,
      );
    },
  };
}

function layerNorm(activation: Activation, rows = 150, width = 21): Layer {
  return {
    inputs: {
      x: () => tensor(1, 2, rows, width),
      gain: () => tensor(2, 2, width),
      offset: () => tensor(3, 2, width),
    },
    forward: FusedKernel.LayerNormActivation,
    gradient: FusedKernel.LayerNormActivationGrad,
    attrs: { epsilon: 1e-5, activation },
    given: ['x', 'gain', 'offset', 'y', 'mean', 'inverseStd'],
    gradients: ['gain', 'offset', 'x'],
    composed: ({ x, gain, offset }) => {
      const { mean, variance } = tf.moments(x as tf.Tensor, -1, true);
      const normal = tf.div(tf.sub(x as tf.Tensor, mean), tf.sqrt(tf.add(variance, 1e-5)));
      const scaled = tf.mul(normal, tf.expandDims(gain as tf.Tensor, 1));
      return activate(tf.add(scaled, tf.expandDims(offset as tf.Tensor, 1)), activation);
    },
  };
}

const layers: Record<string, Layer> = {
  ...Object.fromEntries(activations.map((a) => [`convolution, stride 2, ${a}`, conv(2, a)])),
  'convolution, stride 1': conv(1, 'relu'),
  'convolution that leaves pixels over': conv(2, 'relu', 10),
  'convolution of more images than are read at once': conv(2, 'linear', 90, 65),
  ...Object.fromEntries(activations.map((a) => [`dense, input per member, ${a}`, dense(false, a)])),
  ...Object.fromEntries(activations.map((a) => [`dense, shared input, ${a}`, dense(true, a)])),
  'dense, one member': dense(true, 'relu', 1),
  ...Object.fromEntries(activations.map((a) => [`layer norm, ${a}`, layerNorm(a)])),
  'layer norm, one row': layerNorm('relu', 1, 50),
};

const make = (layer: Layer) =>
  Object.fromEntries(Object.entries(layer.inputs).map(([name, input]) => [name, input()]));

function first(outputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  const output = Array.isArray(outputs) ? outputs[0] : outputs;
  assert.ok(output);
  return output;
}

/** Forward and gradient on the current backend's fused kernels, with dL/dy = `dy(y)`. */
function forwardAndGradient(layer: Layer, dy: (y: tf.Tensor) => tf.Tensor): tf.Tensor[] {
  const inputs = make(layer);
  const outputs = run(layer.forward, inputs, layer.attrs);
  const y = first(outputs);
  const [, mean, inverseStd] = Array.isArray(outputs) ? outputs : [];
  const known: Record<string, tf.Tensor | undefined> = { ...inputs, y, mean, inverseStd };
  const given = Object.fromEntries(layer.given.map((name) => [name, known[name] as tf.Tensor]));
  const gradients = run(layer.gradient, { ...given, dy: dy(y) }, layer.attrs);
  assert.ok(Array.isArray(gradients));
  return [y, ...gradients];
}

/** Σ y·w over the composed layer, with one input moved by `step` along a fixed random direction. */
async function loss(layer: Layer, moved: string, step: number): Promise<number> {
  const [value] = await compute('cpu', () => {
    const inputs: Record<string, tf.Tensor> = make(layer);
    const start = inputs[moved] as tf.Tensor;
    inputs[moved] = tf.add(start, tf.mul(tensor(77, ...start.shape), step));
    const y = layer.composed(inputs);
    return tf.sum(tf.mul(y, tensor(99, ...y.shape)));
  });
  return value?.values[0] as number;
}

describe('fused layers in float32', torch, () => {
  for (const [name, layer] of Object.entries(layers)) {
    test(`${name}: the forward pass is that of the composed formula`, async () => {
      const fused = await compute('torch', () => first(run(layer.forward, make(layer), layer.attrs)));
      assertClose(fused, await compute('cpu', () => layer.composed(make(layer))), 2e-6);
    });

    test(`${name}: the gradient is that of finite differences`, async () => {
      const outputs = await compute('torch', () => forwardAndGradient(layer, (y) => tensor(99, ...y.shape)));
      for (const [i, moved] of layer.gradients.entries()) {
        const gradient = outputs[i + 1];
        assert.ok(gradient);
        const direction = normals(gradient.shape, 77);
        const slope = direction.reduce((sum, d, place) => sum + d * (gradient.values[place] as number), 0);
        // Small, so that few units cross their kink on the way.
        const step = 5e-4;
        const difference =
          ((await loss(layer, moved, step)) - (await loss(layer, moved, -step))) / (2 * step);
        const tolerance = 0.01 * Math.max(1, Math.abs(slope)) + 0.02;
        assert.ok(
          Math.abs(slope - difference) < tolerance,
          `${moved}: ${slope}, by differences ${difference}`,
        );
      }
    });

    test(`${name}: without the input's gradient the others are the same`, async () => {
      if (layer.attrs.needsInputGradient === undefined) return;
      const frozen = { ...layer, attrs: { ...layer.attrs, needsInputGradient: false } };
      const all = await compute('torch', () => forwardAndGradient(layer, tf.sin));
      const some = await compute('torch', () => forwardAndGradient(frozen, tf.sin));
      assertClose(some, all.slice(0, -1), 1e-6);
    });
  }
});

// Tiles and panels that are whole, that are left over, and a single column.
const denseSizes = [
  [64, 32, 64],
  [131, 75, 90],
  [50, 100, 1],
  [1, 40, 17],
] as const;

describe('dense layers in float32, whatever their size', torch, () => {
  for (const size of denseSizes) {
    for (const shared of [true, false]) {
      const layer = dense(shared, 'linear', 2, [...size]);
      const composed = () =>
        compute('cpu', () => {
          const { x, weight, ...bias } = make(layer) as Record<'x' | 'weight', tf.Tensor>;
          const y = layer.composed({ x, weight, ...bias });
          const dy = tensor(99, ...y.shape);
          const each = shared ? tf.stack([x, x]) : x;
          const dx = tf.matMul(dy, weight, false, true);
          return [y, tf.matMul(each, dy, true, false), tf.sum(dy, 1), shared ? tf.sum(dx, 0) : dx];
        });
      const name = `${size.join(' × ')}, ${shared ? 'shared input' : 'input per member'}`;

      test(`${name}: layer and gradients are xW + b, xᵀdy, Σdy and dyWᵀ`, async () => {
        const fused = await compute('torch', () => forwardAndGradient(layer, (y) => tensor(99, ...y.shape)));
        assertClose(fused, await composed(), 1e-5);
      });

      test(`${name}: the input's gradient alone is the same`, async () => {
        const alone = { ...layer, attrs: { ...layer.attrs, needsWeightGradients: false } };
        const fused = await compute('torch', () => forwardAndGradient(alone, (y) => tensor(99, ...y.shape)));
        const [y, , , dx] = await composed();
        assert.ok(y !== undefined && dx !== undefined);
        assertClose(fused, [y, dx], 1e-5);
      });
    }
  }
});

describe('the optimiser kernels', torch, () => {
  test('AdamUpdate follows algorithm 1 with decoupled weight decay, in place, over a list', async () => {
    await use('torch');
    const sizes = [40_000, 7];
    const [rate, beta1, beta2, epsilon, decay] = [0.01, 0.9, 0.999, 1e-8, 0.1];
    const parameters = sizes.map((size, i) => tensor(10 + i, size));
    const moments = [0, 1].map(() => sizes.map((size) => tf.zeros([size])));
    const expected = sizes.map((size, i) => ({
      p: Float64Array.from(normals([size], 10 + i)),
      m: new Float64Array(size),
      v: new Float64Array(size),
    }));
    for (const step of [1, 2, 3]) {
      const gradients = sizes.map((size, i) => tensor(20 * step + i, size));
      const number = tf.scalar(step, 'int32');
      const named = (name: string, tensors: readonly tf.Tensor[] | undefined) =>
        Object.fromEntries((tensors ?? []).map((t, i) => [`${name}${i}`, t]));
      run(
        FusedKernel.AdamUpdate,
        {
          ...named('param', parameters),
          ...named('gradient', gradients),
          ...named('firstMoment', moments[0]),
          ...named('secondMoment', moments[1]),
          step: number,
        },
        { count: 2, learningRate: rate, beta1, beta2, epsilon, weightDecay: decay },
      );
      for (const [i, { p, m, v }] of expected.entries()) {
        const g = normals([sizes[i] as number], 20 * step + i);
        for (const [j, gj] of g.entries()) {
          m[j] = beta1 * (m[j] as number) + (1 - beta1) * gj;
          v[j] = beta2 * (v[j] as number) + (1 - beta2) * gj * gj;
          const change =
            (m[j] as number) /
            (1 - beta1 ** step) /
            (Math.sqrt((v[j] as number) / (1 - beta2 ** step)) + epsilon);
          p[j] = (p[j] as number) - rate * decay * (p[j] as number) - rate * change;
        }
      }
      tf.dispose([...gradients, number]);
    }
    for (const [i, { p }] of expected.entries()) {
      const actual = (parameters[i] as tf.Tensor).dataSync();
      p.forEach((value, j) => {
        assert.ok(
          Math.abs((actual[j] as number) - value) < 2e-6 * Math.max(1, Math.abs(value)),
          `${i}, ${j}`,
        );
      });
    }
    tf.dispose([parameters, ...moments]);
  });

  test('AdamUpdate’s first step gives moments that are exact but for the rounding of 1 − β', async () => {
    await use('torch');
    const size = 100;
    const [beta1, beta2] = [0.9, 0.999];
    // Powers of two, whose squares and products are not rounded.
    const gradient = Float32Array.from({ length: size }, (_, i) => (-1) ** i * 2 ** ((i % 9) - 4));
    const inputs = {
      param0: tensor(1, size),
      gradient0: tf.tensor(gradient),
      firstMoment0: tf.zeros([size]),
      secondMoment0: tf.zeros([size]),
      step: tf.scalar(1, 'int32'),
    };
    const attrs = { count: 1, learningRate: 0.01, beta1, beta2, epsilon: 1e-8, weightDecay: 0 };
    run(FusedKernel.AdamUpdate, inputs, attrs);
    const [m, v] = [inputs.firstMoment0.dataSync(), inputs.secondMoment0.dataSync()];
    const off = { m: 0, v: 0 };
    for (const [i, g] of gradient.entries()) {
      off.m = Math.max(off.m, Math.abs((m[i] as number) / ((1 - beta1) * g) - 1));
      off.v = Math.max(off.v, Math.abs((v[i] as number) / ((1 - beta2) * g * g) - 1));
    }
    assert.ok(off.m < 1e-7 && off.v < 1e-7, JSON.stringify(off));
    tf.dispose(inputs);
  });

  test('EmaUpdate moves every target towards its source, in place', async () => {
    await use('torch');
    const targets = [tensor(1, 5000), tensor(2, 3, 3)];
    const sources = [tensor(3, 5000), tensor(4, 3, 3)];
    run(
      FusedKernel.EmaUpdate,
      Object.fromEntries([
        ...targets.map((t, i) => [`target${i}`, t] as const),
        ...sources.map((t, i) => [`source${i}`, t] as const),
      ]),
      { count: 2, rate: 0.005 },
    );
    const before = [normals([5000], 1), normals([9], 2)];
    const towards = [normals([5000], 3), normals([9], 4)];
    for (const [i, target] of targets.entries()) {
      target.dataSync().forEach((value, j) => {
        const expected = 0.995 * (before[i]?.[j] as number) + 0.005 * (towards[i]?.[j] as number);
        assert.ok(Math.abs(value - expected) < 1e-6);
      });
    }
    tf.dispose([targets, sources]);
  });

  test('refuses lists whose sizes differ, with the kernel named', async () => {
    await use('torch');
    const [a, b] = [tensor(1, 3), tensor(1, 4)];
    assert.throws(
      () => run(FusedKernel.EmaUpdate, { target0: a, source0: b }, { count: 1, rate: 0.5 }),
      /RlpdEmaUpdate: item 0 .* 3 values .* 4/,
    );
    tf.dispose([a, b]);
  });
});
