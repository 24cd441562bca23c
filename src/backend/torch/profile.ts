/** Where the native engine's time goes: the time of every kernel call, summed by kernel, and as a Chrome trace. */
import * as tf from '@tensorflow/tfjs-core';
import { TorchBackend } from './torchBackend.js';

export interface KernelCallTime {
  readonly kernel: string;
  /** Microseconds since some fixed moment. */
  readonly start: number;
  /** Microseconds. */
  readonly duration: number;
}

export interface KernelTotal {
  readonly kernel: string;
  readonly calls: number;
  readonly milliseconds: number;
}

/**
 * Takes the times of all native kernel calls, eager and replayed, that `work` makes.
 * @throws Error when the backend in use is not torch
 */
export async function profileKernels(work: () => Promise<void>): Promise<KernelCallTime[]> {
  const backend = tf.backend();
  if (!(backend instanceof TorchBackend))
    throw new Error('Kernel times are taken on the torch backend only.');
  const { addon } = backend;
  addon.profile(1);
  try {
    await work();
  } finally {
    addon.profile(0);
  }
  const numbers = addon.takeProfile();
  return Array.from({ length: numbers.length / 3 }, (_, i) => ({
    kernel: addon.kernels[numbers[3 * i] ?? 0] ?? 'unknown',
    start: numbers[3 * i + 1] ?? 0,
    duration: numbers[3 * i + 2] ?? 0,
  }));
}

/** Totals by kernel, the costliest first. */
export function kernelTotals(calls: readonly KernelCallTime[]): KernelTotal[] {
  const totals = new Map<string, { calls: number; milliseconds: number }>();
  for (const { kernel, duration } of calls) {
    const total = totals.get(kernel) ?? { calls: 0, milliseconds: 0 };
    totals.set(kernel, { calls: total.calls + 1, milliseconds: total.milliseconds + duration / 1000 });
  }
  return [...totals]
    .map(([kernel, total]) => ({ kernel, ...total }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
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
