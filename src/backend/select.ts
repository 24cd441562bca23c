/**
 * Which tensor engine runs. `auto` takes the fastest that loads: torch, then tensorflow, then wasm; the note says
 * in one line what was taken and what would be faster.
 */
import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../errors.js';
import type { BackendName, BackendOptions, SelectedBackend } from './options.js';
import { registerTensorflow } from './tensorflow/register.js';
import { isTorchTaken, selectTorch } from './torch/select.js';
import { registerWasm } from './wasm/register.js';

// All that tfjs's production mode does is to silence its console warnings, of which the first greets every program on
// the wasm and cpu backends with an advertisement; what goes wrong is thrown, whatever the mode.
tf.enableProdMode();

let current: SelectedBackend | undefined;

/** What this thread computes with; undefined before the first selection. */
export function selectedBackend(): SelectedBackend | undefined {
  return current;
}

/**
 * Makes a backend tfjs's current one.
 * @throws InputError when the backend asked for cannot be had, or the precision is not one of its own.
 */
export async function selectBackend(options: BackendOptions = {}): Promise<SelectedBackend> {
  const wanted = options.backend ?? 'auto';
  if (wanted !== 'auto') return take(wanted, options);
  // Where only torch will do, what keeps it from being had is the answer, not an engine that was not meant.
  const { precision, device, replayDevice } = options;
  if (isTorchTaken() || precision === 'bfloat16' || device === 'cuda' || replayDevice === 'cuda')
    return take('torch', options);
  const refusals: string[] = [];
  for (const backend of ['torch', 'tensorflow', 'wasm'] as const) {
    try {
      const selected = await take(backend, options);
      const faster = refusals.length === 0 ? '' : ` Faster would be torch. ${refusals[0]}`;
      return { ...selected, note: selected.note + faster };
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
    }
  }
  return take('cpu', options);
}

async function take(backend: BackendName, options: BackendOptions): Promise<SelectedBackend> {
  const selected = await loaders[backend](options);
  if (!(await tf.setBackend(backend))) throw new InputError(`The ${backend} backend did not start.`);
  current = selected;
  const { threads } = options;
  // tfjs's packages choose for themselves: wasm has one thread in Node, TensorFlow one a core.
  if (threads === undefined || threads === selected.threads) return selected;
  return {
    ...selected,
    note: `${selected.note} It takes no number of threads: ${threads} is for torch alone.`,
  };
}

type Loader = (options: BackendOptions) => Promise<SelectedBackend>;

const loaders: Readonly<Record<BackendName, Loader>> = {
  async torch(options) {
    return selectTorch(options);
  },
  async tensorflow(options) {
    refuseBfloat16('tensorflow', options);
    const { device, module } = await registerTensorflow();
    return {
      backend: 'tensorflow',
      device,
      precision: 'float32',
      threads: availableParallelism(),
      note: `Engine: tensorflow (${module}, ${device === 'cuda' ? 'GPU' : 'CPU'}), float32.`,
    };
  },
  async wasm(options) {
    refuseBfloat16('wasm', options);
    const threads = await registerWasm();
    return {
      backend: 'wasm',
      device: 'cpu',
      precision: 'float32',
      threads,
      note: `Engine: wasm (tfjs-backend-wasm, SIMD), float32, ${threads} ${threads === 1 ? 'thread' : 'threads'}.`,
    };
  },
  async cpu(options) {
    refuseBfloat16('cpu', options);
    await import('@tensorflow/tfjs-backend-cpu');
    return {
      backend: 'cpu',
      device: 'cpu',
      precision: 'float32',
      threads: 1,
      note: 'Engine: cpu (plain JavaScript, the reference), float32: for checks, far too slow for images.',
    };
  },
};

function refuseBfloat16(backend: BackendName, options: BackendOptions): void {
  if (options.precision === 'bfloat16') {
    throw new InputError(`The ${backend} backend computes in float32 only: bfloat16 needs --backend torch.`);
  }
}
