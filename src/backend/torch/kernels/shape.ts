/** Layout: reshaping, slicing, joining, repeating, padding, gathering, and tensors made from nothing. */
import type {
  ConcatAttrs,
  ExpandDimsAttrs,
  FillAttrs,
  GatherV2Attrs,
  OneHotAttrs,
  PackAttrs,
  PadV2Attrs,
  RangeAttrs,
  ReshapeAttrs,
  ReverseAttrs,
  SliceAttrs,
  SplitVAttrs,
  StridedSliceAttrs,
  TensorInfo,
  TileAttrs,
  TransposeAttrs,
  UnpackAttrs,
} from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { input, inputList, type KernelCall, type KernelFamily, list, single } from '../kernel.js';
import { dtypeCode } from '../torchBackend.js';

function oneAxis(axis: number, shape: number[]): number {
  return tf.util.parseAxisParam(axis, shape)[0] ?? 0;
}

function reshape(call: KernelCall, x: TensorInfo, shape: number[]): TensorInfo {
  return single(call.native('Reshape', [x], list(shape)));
}

export const shape: KernelFamily = {
  Identity: (call) => {
    const x = input(call, 'x');
    call.backend.incRef(x.dataId);
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
  },
  Reshape: (call) => {
    const x = input(call, 'x');
    const attrs = call.attrs as unknown as ReshapeAttrs;
    return reshape(call, x, tf.util.inferFromImplicitShape(attrs.shape, tf.util.sizeFromShape(x.shape)));
  },
  ExpandDims: (call) => {
    const x = input(call, 'input');
    const { dim } = call.attrs as unknown as ExpandDimsAttrs;
    const expanded = [...x.shape];
    expanded.splice(dim < 0 ? dim + x.shape.length + 1 : dim, 0, 1);
    return reshape(call, x, expanded);
  },
  Transpose: (call) => {
    const { perm } = call.attrs as unknown as TransposeAttrs;
    return single(call.native('Transpose', [input(call, 'x')], list(perm)));
  },
  Slice: (call) => {
    const x = input(call, 'x');
    const { begin, size } = call.attrs as unknown as SliceAttrs;
    const [first, extent] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size) as [
      number[],
      number[],
    ];
    tf.slice_util.assertParamsValid(x as tf.Tensor, first, extent);
    return single(call.native('Slice', [x], [...list(first), ...list(extent)]));
  },
  StridedSlice: (call) => {
    const x = input(call, 'x');
    const attrs = call.attrs as unknown as StridedSliceAttrs;
    const resolved = tf.slice_util.sliceInfo(
      x.shape,
      attrs.begin,
      attrs.end,
      attrs.strides,
      attrs.beginMask,
      attrs.endMask,
      attrs.ellipsisMask,
      attrs.newAxisMask,
      attrs.shrinkAxisMask,
    );
    const size = tf.slice_util.computeOutShape(resolved.begin, resolved.end, resolved.strides);
    const sliced = single(
      call.native('StridedSlice', [x], [...list(resolved.begin), ...list(size), ...list(resolved.strides)]),
    );
    const final = reshape(call, sliced, resolved.finalShape);
    call.backend.disposeData(sliced.dataId);
    return final;
  },
  Concat: (call) => {
    const parts = inputList(call);
    const { axis } = call.attrs as unknown as ConcatAttrs;
    return single(call.native('Concat', parts, [oneAxis(axis, parts[0]?.shape ?? [])]));
  },
  Pack: (call) => {
    const { axis } = call.attrs as unknown as PackAttrs;
    return single(call.native('Pack', inputList(call), [axis]));
  },
  Unpack: (call) => {
    const value = input(call, 'value');
    const { axis } = call.attrs as unknown as UnpackAttrs;
    return call.native('Unpack', [value], [oneAxis(axis, value.shape)]);
  },
  SplitV: (call) => {
    const x = input(call, 'x');
    const { numOrSizeSplits, axis } = call.attrs as unknown as SplitVAttrs;
    const along = oneAxis(axis, x.shape);
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits, along);
    return call.native('SplitV', [x], [along, ...list(sizes)]);
  },
  Tile: (call) => {
    const { reps } = call.attrs as unknown as TileAttrs;
    return single(call.native('Tile', [input(call, 'x')], list(reps)));
  },
  PadV2: (call) => {
    const { paddings, constantValue } = call.attrs as unknown as PadV2Attrs;
    return single(call.native('PadV2', [input(call, 'x')], [...list(paddings.flat()), constantValue]));
  },
  Reverse: (call) => {
    const x = input(call, 'x');
    const { dims } = call.attrs as unknown as ReverseAttrs;
    return single(call.native('Reverse', [x], list(tf.util.parseAxisParam(dims, x.shape))));
  },
  GatherV2: (call) => {
    const x = input(call, 'x');
    const { axis, batchDims } = call.attrs as unknown as GatherV2Attrs;
    const along = oneAxis(axis, x.shape);
    return single(call.native('GatherV2', [x, input(call, 'indices')], [along, batchDims ?? 0]));
  },
  Fill: (call) => {
    const attrs = call.attrs as unknown as FillAttrs;
    if (typeof attrs.value !== 'number')
      throw new Error('The torch backend fills tensors with numbers only.');
    const dtype = attrs.dtype ?? tf.util.inferDtype(attrs.value);
    return single(call.native('Fill', [], [...list(attrs.shape), attrs.value, dtypeCode(dtype)]));
  },
  ZerosLike: (call) => single(call.native('ZerosLike', [input(call, 'x')])),
  OnesLike: (call) => single(call.native('OnesLike', [input(call, 'x')])),
  OneHot: (call) => {
    const { depth, onValue, offValue, dtype } = call.attrs as unknown as OneHotAttrs;
    const attributes = [depth, onValue, offValue, dtypeCode(dtype)];
    return single(call.native('OneHot', [input(call, 'indices')], attributes));
  },
  Range: (call) => {
    const { start, stop, step, dtype } = call.attrs as unknown as RangeAttrs;
    const count = Math.max(0, Math.ceil((stop - start) / step));
    return single(call.native('Range', [], [start, count, step, dtypeCode(dtype)]));
  },
};
