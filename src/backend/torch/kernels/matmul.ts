/** Matrix products. */
import type { _FusedMatMulAttrs, BatchMatMulAttrs, TensorInfo } from '@tensorflow/tfjs-core';
import { flag, input, type KernelCall, type KernelFamily, single } from '../kernel.js';

/** tfjs's names of activations → the kernel that applies them. */
const activationKernels: Readonly<Record<string, string>> = {
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
};

function activated(call: KernelCall, y: TensorInfo, attrs: _FusedMatMulAttrs): TensorInfo {
  const { activation } = attrs;
  if (activation === undefined || activation === null || activation === 'linear') return y;
  let result: TensorInfo;
  if (activation === 'prelu') {
    result = single(call.native('Prelu', [y, input(call, 'preluActivationWeights')]));
  } else if (activation === 'leakyrelu') {
    result = single(call.native('LeakyRelu', [y], [attrs.leakyreluAlpha ?? 0.2]));
  } else {
    const kernel = activationKernels[activation];
    if (kernel === undefined) throw new Error(`_FusedMatMul has no activation named ${activation}.`);
    result = single(call.native(kernel, [y]));
  }
  call.backend.disposeData(y.dataId);
  return result;
}

export const matmul: KernelFamily = {
  BatchMatMul: (call) => {
    const { transposeA, transposeB } = call.attrs as unknown as BatchMatMulAttrs;
    return single(
      call.native('BatchMatMul', [input(call, 'a'), input(call, 'b')], [flag(transposeA), flag(transposeB)]),
    );
  },
  _FusedMatMul: (call) => {
    const attrs = call.attrs as unknown as _FusedMatMulAttrs;
    const factors = [input(call, 'a'), input(call, 'b')];
    const flags = [flag(attrs.transposeA), flag(attrs.transposeB)];
    const { bias } = call.inputs;
    const y =
      bias === undefined
        ? call.native('BatchMatMul', factors, flags)
        : call.native('MatMulBias', [...factors, bias], flags);
    return activated(call, single(y), attrs);
  },
};
