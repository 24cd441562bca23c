/** Reductions over axes, and what is computed along one axis. */
import type {
  ArgMaxAttrs,
  CumsumAttrs,
  LogSoftmaxAttrs,
  MaxAttrs,
  SoftmaxAttrs,
  SumAttrs,
} from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import {
  flag,
  input,
  type KernelCall,
  type KernelFamily,
  list,
  single,
  type TorchKernel,
} from '../kernel.js';

/** tfjs names the axes `axis` in most reductions and `reductionIndices` in Max and Min. */
const reduction =
  (name: string): TorchKernel =>
  (call) => {
    const x = input(call, 'x');
    const attrs = call.attrs as unknown as Partial<SumAttrs & MaxAttrs>;
    const axes = tf.util.parseAxisParam(attrs.axis ?? attrs.reductionIndices ?? allAxes(x.shape), x.shape);
    return single(call.native(name, [x], [...list(axes), flag(attrs.keepDims)]));
  };

const argument =
  (name: string): TorchKernel =>
  (call) => {
    const x = input(call, 'x');
    const { axis } = call.attrs as unknown as ArgMaxAttrs;
    return single(call.native(name, [x], [oneAxis(axis, x.shape)]));
  };

function softmax(name: string, call: KernelCall, axis: number): tf.TensorInfo {
  const logits = input(call, 'logits');
  return single(call.native(name, [logits], [oneAxis(axis, logits.shape)]));
}

function allAxes(shape: readonly number[]): number[] {
  return shape.map((_, axis) => axis);
}

function oneAxis(axis: number, shape: number[]): number {
  return tf.util.parseAxisParam(axis, shape)[0] ?? 0;
}

export const reductions: KernelFamily = {
  Sum: reduction('Sum'),
  Mean: reduction('Mean'),
  Prod: reduction('Prod'),
  Max: reduction('Max'),
  Min: reduction('Min'),
  All: reduction('All'),
  Any: reduction('Any'),
  ArgMax: argument('ArgMax'),
  ArgMin: argument('ArgMin'),
  Softmax: (call) => softmax('Softmax', call, (call.attrs as unknown as SoftmaxAttrs).dim),
  LogSoftmax: (call) => softmax('LogSoftmax', call, (call.attrs as unknown as LogSoftmaxAttrs).axis),
  Cumsum: (call) => {
    const x = input(call, 'x');
    const { axis, exclusive, reverse } = call.attrs as unknown as CumsumAttrs;
    return single(call.native('Cumsum', [x], [oneAxis(axis, x.shape), flag(exclusive), flag(reverse)]));
  },
};
