/**
 * The fused kernels a fast engine may register beside tfjs's own, under tfjs's own registry
 * (`tf.registerKernel`). Each layer in `src/nn` runs its fused kernel where the current backend has it and the
 * same formula in composed tfjs ops elsewhere; both share one hand-written gradient. This file is the contract:
 * names, inputs, attributes, outputs. Shapes are logical; an engine may hold any of these tensors in bf16.
 *
 * Every kernel is a pure function of its inputs except `AdamUpdate` and `EmaUpdate`, which write in place.
 */
import { getKernel } from '@tensorflow/tfjs-core';

export type Activation = 'linear' | 'relu' | 'tanh';

export const FusedKernel = {
  /**
   * y = relu(conv2d(x, filter) + bias), VALID padding.
   * inputs x [B,H,W,C], filter [kh,kw,C,O], bias [O]; attrs {strideHeight, strideWidth, activation};
   * output y [B,H',W',O].
   */
  ConvBiasActivation: 'RlpdConvBiasActivation',
  /**
   * inputs x, filter, y, dy; attrs as the forward's, and needsInputGradient;
   * outputs [dFilter, dBias] or, with needsInputGradient, [dFilter, dBias, dx].
   */
  ConvBiasActivationGrad: 'RlpdConvBiasActivationGrad',
  /**
   * y = activation(x·W + b), batched over the ensemble.
   * inputs x [B,I] (shared by all members) or [E,B,I], weight [E,I,O], bias [E,O]; attrs {activation};
   * output y [E,B,O]. A plain dense layer is E = 1.
   */
  EnsembleDense: 'RlpdEnsembleDense',
  /**
   * inputs x, weight, y, dy; attrs as the forward's, needsWeightGradients and needsInputGradient (one at least);
   * outputs what is wanted of [dWeight, dBias, dx], dx of x's shape.
   */
  EnsembleDenseGrad: 'RlpdEnsembleDenseGrad',
  /**
   * y = activation(gain·(x − mean)/sqrt(variance + epsilon) + offset) over the last axis.
   * inputs x [E,B,D], gain [E,D], offset [E,D]; attrs {epsilon, activation};
   * outputs [y [E,B,D], mean [E,B], inverseStd [E,B]].
   */
  LayerNormActivation: 'RlpdLayerNormActivation',
  /** inputs x, gain, offset, y, mean, inverseStd, dy; attrs as the forward's; outputs [dGain, dOffset, dx]. */
  LayerNormActivationGrad: 'RlpdLayerNormActivationGrad',
  /**
   * One Adam step (Kingma & Ba 2015, algorithm 1) over a list of n parameters, in place.
   * inputs {param0.., gradient0.., firstMoment0.., secondMoment0..} as `param${i}` etc., and step [] (int32, the
   * 1-based number of this step, already advanced); attrs {count, learningRate, beta1, beta2, epsilon,
   * weightDecay} (decoupled, as AdamW: param −= learningRate·weightDecay·param); no output.
   */
  AdamUpdate: 'RlpdAdamUpdate',
  /** target ← (1−rate)·target + rate·source, in place. inputs `target${i}`, `source${i}`; attrs {count, rate}; no output. */
  EmaUpdate: 'RlpdEmaUpdate',
  /**
   * A batch of shifted frame stacks straight from the replay's uint8 memory, scaled to [0, 1].
   * inputs frames [B,K] int32 (frame numbers, oldest first), shifts [B,2] int32 (row, column crop offsets in
   * [0, 2·pad]); attrs {memories: FrameMemory[], counts: number[] (how many leading rows of the batch come from each
   * memory, in order, cyclically until B is reached), height, width, channels, pad}; output [B,H,W,C·K].
   * Pixel (y, x) of the output is pixel (clamp(y + shift₀ − pad), clamp(x + shift₁ − pad)) of the frame:
   * the random shift of DrQ (pad with edge pixels, crop).
   */
  GatherFrames: 'RlpdGatherFrames',
} as const;

export type FusedKernelName = (typeof FusedKernel)[keyof typeof FusedKernel];

/** Whether the backend has a fused kernel of that name. */
export function hasFusedKernel(name: FusedKernelName, backendName: string): boolean {
  return getKernel(name, backendName) !== undefined;
}
