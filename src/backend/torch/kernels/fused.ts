/** The project's fused kernels (contract: ../../fusedKernels.ts). */
import type { NamedAttrMap } from '@tensorflow/tfjs-core';
import type { FrameMemory } from '../../../replay/frameMemory.js';
import { type Activation, FusedKernel } from '../../fusedKernels.js';
import { flag, input, type KernelCall, type KernelFamily, list, single } from '../kernel.js';

const activations: readonly Activation[] = ['linear', 'relu', 'tanh'];

function activationCode(attrs: NamedAttrMap): number {
  const code = activations.indexOf(attrs.activation as Activation);
  if (code < 0) throw new Error(`No fused kernel has an activation named ${String(attrs.activation)}.`);
  return code;
}

function number(attrs: NamedAttrMap, name: string): number {
  const value = attrs[name];
  if (typeof value !== 'number') throw new Error(`A fused kernel was called without its number "${name}".`);
  return value;
}

function inputs(call: KernelCall, ...names: string[]) {
  return names.map((name) => input(call, name));
}

/** `param0, param1, …` */
function numbered(call: KernelCall, name: string, count: number) {
  return Array.from({ length: count }, (_, i) => input(call, `${name}${i}`));
}

function convolutionAttributes(attrs: NamedAttrMap): number[] {
  return [...list([number(attrs, 'strideHeight'), number(attrs, 'strideWidth')]), activationCode(attrs)];
}

export const fused: KernelFamily = {
  [FusedKernel.ConvBiasActivation]: (call) =>
    single(
      call.native(
        'RlpdConvBiasActivation',
        inputs(call, 'x', 'filter', 'bias'),
        convolutionAttributes(call.attrs),
      ),
    ),
  [FusedKernel.ConvBiasActivationGrad]: (call) =>
    call.native('RlpdConvBiasActivationGrad', inputs(call, 'x', 'filter', 'y', 'dy'), [
      ...convolutionAttributes(call.attrs),
      flag(call.attrs.needsInputGradient),
    ]),
  [FusedKernel.EnsembleDense]: (call) =>
    single(
      call.native('RlpdEnsembleDense', inputs(call, 'x', 'weight', 'bias'), [activationCode(call.attrs)]),
    ),
  [FusedKernel.EnsembleDenseGrad]: (call) =>
    call.native('RlpdEnsembleDenseGrad', inputs(call, 'x', 'weight', 'y', 'dy'), [
      activationCode(call.attrs),
      flag(call.attrs.needsWeightGradients),
      flag(call.attrs.needsInputGradient),
    ]),
  [FusedKernel.LayerNormActivation]: (call) =>
    call.native('RlpdLayerNormActivation', inputs(call, 'x', 'gain', 'offset'), [
      number(call.attrs, 'epsilon'),
      activationCode(call.attrs),
    ]),
  [FusedKernel.LayerNormActivationGrad]: (call) =>
    call.native(
      'RlpdLayerNormActivationGrad',
      inputs(call, 'x', 'gain', 'offset', 'y', 'mean', 'inverseStd', 'dy'),
      [number(call.attrs, 'epsilon'), activationCode(call.attrs)],
    ),
  [FusedKernel.AdamUpdate]: (call) => {
    const count = number(call.attrs, 'count');
    const lists = ['param', 'gradient', 'firstMoment', 'secondMoment'];
    return call.native(
      'RlpdAdamUpdate',
      [...lists.flatMap((name) => numbered(call, name, count)), input(call, 'step')],
      [
        count,
        ...['learningRate', 'beta1', 'beta2', 'epsilon', 'weightDecay'].map((name) =>
          number(call.attrs, name),
        ),
      ],
    );
  },
  [FusedKernel.EmaUpdate]: (call) => {
    const count = number(call.attrs, 'count');
    return call.native(
      'RlpdEmaUpdate',
      [...numbered(call, 'target', count), ...numbered(call, 'source', count)],
      [count, number(call.attrs, 'rate')],
    );
  },
  [FusedKernel.GatherFrames]: (call) => {
    const { memories, counts } = call.attrs as unknown as { memories: FrameMemory[]; counts: number[] };
    return single(
      call.native('RlpdGatherFrames', inputs(call, 'frames', 'shifts'), [
        ...list(memories.map((memory) => call.backend.frameMemory(memory))),
        ...list(counts),
        ...['height', 'width', 'channels', 'pad'].map((name) => number(call.attrs, name)),
      ]),
    );
  },
};
