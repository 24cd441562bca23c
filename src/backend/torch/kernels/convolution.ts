/** Convolutions: NHWC images, [kh, kw, in, out] filters. Padding is resolved here, by tfjs's own rules. */
import type { Conv2DAttrs, Conv2DBackpropFilterAttrs, Conv2DBackpropInputAttrs } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { input, type KernelFamily, list, single } from '../kernel.js';

type Geometry = Pick<Conv2DAttrs, 'strides' | 'pad' | 'dataFormat' | 'dimRoundingMode'> &
  Partial<Pick<Conv2DAttrs, 'dilations'>>;

/** Strides, dilations and paddings (top, bottom, left, right) as the native kernels read them. */
function geometry(inputShape: number[], filterShape: number[], attrs: Geometry): number[] {
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
    attrs.dimRoundingMode,
    false,
    tf.backend_util.convertConv2DDataFormat(attrs.dataFormat),
  );
  if (info.dataFormat !== 'channelsLast') throw new Error('The torch backend convolves NHWC images only.');
  const { top, bottom, left, right } = info.padInfo;
  return [
    ...list([info.strideHeight, info.strideWidth]),
    ...list([info.dilationHeight, info.dilationWidth]),
    ...list([top, bottom, left, right]),
  ];
}

export const convolution: KernelFamily = {
  Conv2D: (call) => {
    const x = input(call, 'x');
    const filter = input(call, 'filter');
    const attrs = call.attrs as unknown as Conv2DAttrs;
    return single(call.native('Conv2D', [x, filter], geometry(x.shape, filter.shape, attrs)));
  },
  Conv2DBackpropFilter: (call) => {
    const x = input(call, 'x');
    const attrs = call.attrs as unknown as Conv2DBackpropFilterAttrs;
    const attributes = [...geometry(x.shape, attrs.filterShape, attrs), ...list(attrs.filterShape)];
    return single(call.native('Conv2DBackpropFilter', [x, input(call, 'dy')], attributes));
  },
  Conv2DBackpropInput: (call) => {
    const filter = input(call, 'filter');
    const attrs = call.attrs as unknown as Conv2DBackpropInputAttrs;
    const attributes = [...geometry(attrs.inputShape, filter.shape, attrs), ...list(attrs.inputShape)];
    return single(call.native('Conv2DBackpropInput', [input(call, 'dy'), filter], attributes));
  },
};
