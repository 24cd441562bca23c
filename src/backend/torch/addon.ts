/**
 * The native engine as JavaScript sees it: the binary that `scripts/native.mjs` built, loaded and typed.
 * Handles stand for native tensors; a handle's number is never used twice.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { processor } from '../processor.js';

export type Handle = number;

export interface NativeAddon {
  /** Names of the native kernels; a kernel's number is its place here. */
  readonly kernels: readonly string[];
  /** Where a command is written before `dispatch`, and its outputs are read after it (layout: addon.cpp). */
  readonly command: Float64Array;
  /** Runs the command; returns the number of outputs. */
  dispatch(): number;
  upload(values: ArrayBufferView, dtype: number, shape: readonly number[]): Handle;
  download(handle: Handle, target: ArrayBufferView): void;
  release(handle: Handle): void;
  /** Device: 0 this processor, 1 the GPU, 2 this processor by the code that GPUs take. */
  configure(threads: number, bfloat16: number, device: number): void;
  /** The GPU that this build of the engine could use; without one `description` says why there is none. */
  accelerator(): Accelerator;
  /** [live handles, bytes behind them]. */
  memory(): [number, number];
  /** 1 starts and 0 stops taking the time of every kernel call. */
  profile(on: number): void;
  /**
   * [kernel, start, duration, flops, bytes] of every call in turn, times in microseconds, and the shapes of every call's
   * factors; forgets them.
   */
  takeProfile(): [Float64Array, string[]];
  /** [float32 FLOP/s, bf16 FLOP/s, bytes/s] of the processor with the engine's threads; 0 where it was not measured. */
  measurePeak(): [number, number, number];
  addFrameBlock(memory: number, frameBytes: number, framesPerBlock: number, block: Uint8Array): void;
  /** Room for all of a memory's frames on the device; before its first gather. */
  keepFramesOnDevice(memory: number, capacity: number, frameBytes: number): void;
  /** Frames [from, to), of known blocks, become the same on the device. */
  copyFrames(memory: number, from: number, to: number): void;
  removeFrameMemory(memory: number): void;
  beginRecording(inputs: readonly Handle[]): void;
  /** The tape's number; a negative result abandons the recording. */
  endRecording(result: Handle): number;
  isCurrent(tape: number): boolean;
  /**
   * Reads the inputs before it returns. A replay that is asked for while others are pending follows them at once; where
   * one fails, those that were asked for since are not run.
   */
  replay(tape: number, inputs: readonly ArrayBufferView[]): Promise<Float32Array>;
  releaseTape(tape: number): void;
}

export interface Accelerator {
  readonly available: boolean;
  readonly description: string;
  /** Has bf16 matrix units. */
  readonly bfloat16: boolean;
  readonly memoryBytes: number;
}

const stampSchema = z.object({ libtorch: z.string(), cpu: z.string() });

const buildFolder = new URL('../../../../build/', import.meta.url);

/**
 * Loads the addon.
 * @throws Error with one sentence that says why it cannot be had and what to do.
 */
export function loadAddon(): { addon: NativeAddon; libtorch: string } {
  let stamp: z.infer<typeof stampSchema>;
  try {
    stamp = stampSchema.parse(JSON.parse(readFileSync(new URL('rlpd_torch.json', buildFolder), 'utf8')));
  } catch {
    throw new Error('The native engine is not built: run "npx rlpd setup", which says what it needs.');
  }
  const cpu = cpus()[0]?.model ?? 'unknown';
  if (stamp.cpu !== cpu) {
    throw new Error(
      `The native engine was built for another processor (${stamp.cpu}; this is ${cpu}): run "npx rlpd setup".`,
    );
  }
  chooseBlasKernels();
  try {
    const addon: NativeAddon = createRequire(import.meta.url)(
      fileURLToPath(new URL('rlpd_torch.node', buildFolder)),
    );
    return { addon, libtorch: stamp.libtorch };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new Error(`The native engine does not load (${reason}): run "npx rlpd setup" to build it anew.`);
  }
}

/**
 * OpenBLAS picks its kernels by the processor's model number, and falls back to AVX2 on an AMD processor that is
 * newer than itself: half the speed. Where there is AVX-512 on AMD it is told so before it loads.
 */
function chooseBlasKernels(): void {
  if (process.env.OPENBLAS_CORETYPE !== undefined || process.platform !== 'linux') return;
  const { amd, avx512, avx512Bfloat16 } = processor();
  if (amd && avx512) process.env.OPENBLAS_CORETYPE = avx512Bfloat16 ? 'Cooperlake' : 'SkylakeX';
}
