/**
 * Where the native engine's time goes: the time and the arithmetic of every kernel call, summed by kernel, and as a
 * Chrome trace; and what the processor could do at most.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeAddon } from './addon.js';
import { TorchBackend } from './torchBackend.js';

export interface KernelCallTime {
  readonly kernel: string;
  /** Shapes of a product's factors ("256×64×64×9 · 3×3×9×32": input and filter); empty for other kernels. */
  readonly factors: string;
  /** Microseconds since some fixed moment. */
  readonly start: number;
  /** Microseconds. */
  readonly duration: number;
  /** Multiplications and additions of its matrix products and convolutions; other arithmetic is not counted. */
  readonly flops: number;
  /** Of its inputs and outputs, as the engine holds them. */
  readonly bytes: number;
}

export interface KernelTotal {
  readonly kernel: string;
  readonly factors: string;
  readonly calls: number;
  readonly milliseconds: number;
  readonly flops: number;
  readonly bytes: number;
}

/** Of this processor with the engine's threads, or of the GPU where the engine computes there. */
export interface ProcessorPeak {
  /** Floating-point operations a second; null where the engine has no instructions of its own for them. */
  readonly float32: number | null;
  readonly bfloat16: number | null;
  /** Bytes read from memory a second. */
  readonly bandwidth: number;
}

/**
 * Takes the times of all native kernel calls, eager and replayed, that `work` makes.
 * @throws Error when the backend in use is not torch
 */
export async function profileKernels(work: () => Promise<void>): Promise<KernelCallTime[]> {
  const addon = torchAddon();
  addon.profile(1);
  try {
    await work();
  } finally {
    addon.profile(0);
  }
  const [numbers, factors] = addon.takeProfile();
  return Array.from({ length: numbers.length / 5 }, (_, i) => ({
    kernel: addon.kernels[numbers[5 * i] ?? 0] ?? 'unknown',
    factors: factors[i] ?? '',
    start: numbers[5 * i + 1] ?? 0,
    duration: numbers[5 * i + 2] ?? 0,
    flops: numbers[5 * i + 3] ?? 0,
    bytes: numbers[5 * i + 4] ?? 0,
  }));
}

/**
 * What the processor does at most: multiply-adds in registers, and reading far more than its caches hold; a GPU in
 * products of large matrices and in copying. Takes a second or two.
 * @throws Error when the backend in use is not torch
 */
export function processorPeak(): ProcessorPeak {
  const [float32, bfloat16, bandwidth] = torchAddon().measurePeak();
  return { float32: float32 || null, bfloat16: bfloat16 || null, bandwidth };
}

function torchAddon(): NativeAddon {
  const backend = tf.backend();
  if (!(backend instanceof TorchBackend))
    throw new Error('Kernel times are taken on the torch backend only.');
  return backend.addon;
}

/** Totals by kernel and shapes, the costliest first. */
export function kernelTotals(calls: readonly KernelCallTime[]): KernelTotal[] {
  const totals = new Map<string, KernelTotal>();
  for (const { kernel, factors, duration, flops, bytes } of calls) {
    const key = `${kernel} ${factors}`;
    const total = totals.get(key) ?? { kernel, factors, calls: 0, milliseconds: 0, flops: 0, bytes: 0 };
    totals.set(key, {
      ...total,
      calls: total.calls + 1,
      milliseconds: total.milliseconds + duration / 1000,
      flops: total.flops + flops,
      bytes: total.bytes + bytes,
    });
  }
  return [...totals.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}

/** The calls in Chrome's trace event format (chrome://tracing, Perfetto). */
export function chromeTrace(calls: readonly KernelCallTime[]): object {
  return {
    traceEvents: calls.map(({ kernel, start, duration }) => ({
      name: kernel,
      ph: 'X',
      ts: start,
      dur: duration,
      pid: 1,
      tid: 1,
    })),
  };
}
