/** Element by element: arithmetic, functions, comparisons, logic, selection, casts. */
import type { CastAttrs, ClipByValueAttrs, LeakyReluAttrs, StepAttrs } from '@tensorflow/tfjs-core';
import { input, inputList, type KernelFamily, single, type TorchKernel } from '../kernel.js';
import { dtypeCode } from '../torchBackend.js';

const unaryNames = [
  'Abs',
  'Neg',
  'Sign',
  'Square',
  'Sqrt',
  'Rsqrt',
  'Reciprocal',
  'Exp',
  'Expm1',
  'Log',
  'Log1p',
  'Softplus',
  'Sin',
  'Cos',
  'Tan',
  'Asin',
  'Acos',
  'Atan',
  'Sinh',
  'Cosh',
  'Tanh',
  'Asinh',
  'Acosh',
  'Atanh',
  'Erf',
  'Sigmoid',
  'Relu',
  'Relu6',
  'Elu',
  'Selu',
  'Floor',
  'Ceil',
  'Round',
  'IsNan',
  'IsInf',
  'IsFinite',
  'LogicalNot',
];

const binaryNames = [
  'Add',
  'Sub',
  'Multiply',
  'RealDiv',
  'FloorDiv',
  'Mod',
  'Maximum',
  'Minimum',
  'SquaredDifference',
  'Pow',
  'Atan2',
  'Equal',
  'NotEqual',
  'Greater',
  'GreaterEqual',
  'Less',
  'LessEqual',
  'LogicalAnd',
  'LogicalOr',
];

const unary =
  (name: string): TorchKernel =>
  (call) =>
    single(call.native(name, [input(call, 'x')]));

const binary =
  (name: string): TorchKernel =>
  (call) =>
    single(call.native(name, [input(call, 'a'), input(call, 'b')]));

export const elementwise: KernelFamily = {
  ...Object.fromEntries(unaryNames.map((name) => [name, unary(name)])),
  ...Object.fromEntries(binaryNames.map((name) => [name, binary(name)])),
  EluGrad: (call) => single(call.native('EluGrad', [input(call, 'dy'), input(call, 'y')])),
  Prelu: (call) => single(call.native('Prelu', [input(call, 'x'), input(call, 'alpha')])),
  AddN: (call) => single(call.native('AddN', inputList(call))),
  Step: (call) => {
    const { alpha } = call.attrs as unknown as StepAttrs;
    return single(call.native('Step', [input(call, 'x')], [alpha]));
  },
  LeakyRelu: (call) => {
    const { alpha } = call.attrs as unknown as LeakyReluAttrs;
    return single(call.native('LeakyRelu', [input(call, 'x')], [alpha]));
  },
  ClipByValue: (call) => {
    const { clipValueMin, clipValueMax } = call.attrs as unknown as ClipByValueAttrs;
    return single(call.native('ClipByValue', [input(call, 'x')], [clipValueMin, clipValueMax]));
  },
  Cast: (call) => {
    const { dtype } = call.attrs as unknown as CastAttrs;
    return single(call.native('Cast', [input(call, 'x')], [dtypeCode(dtype)]));
  },
  Select: (call) =>
    single(call.native('Select', [input(call, 'condition'), input(call, 't'), input(call, 'e')])),
};
