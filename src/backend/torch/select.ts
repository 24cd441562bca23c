/** How the native engine is set up: on which device, in which precision, with how many threads. */
import { availableParallelism } from 'node:os';
import { InputError } from '../../errors.js';
import type { BackendOptions, Precision, SelectedBackend, TorchDevice } from '../options.js';
import { fastBfloat16 } from '../processor.js';
import type { Accelerator } from './addon.js';
import { registerTorch } from './register.js';
import type { TorchSettings } from './torchBackend.js';

/** Share of the GPU's memory that the replay's images may take unless they are told to. */
const RESIDENT_SHARE = 0.6;

/** Once torch is loaded its settings stay: a thread has one native engine. */
let taken: { accelerator: Accelerator; settings: TorchSettings; libtorch: string } | undefined;

export function isTorchTaken(): boolean {
  return taken !== undefined;
}

/**
 * Registers the native engine with tfjs, once.
 * @throws InputError when it cannot be had, or already runs with other settings
 */
export function selectTorch(options: BackendOptions): SelectedBackend {
  if (taken === undefined) {
    try {
      const { backend, accelerator, libtorch } = registerTorch((found) => settingsFor(options, found));
      taken = { accelerator, settings: backend.settings, libtorch };
    } catch (error) {
      throw new InputError(error instanceof Error ? error.message : String(error));
    }
  }
  const { accelerator, settings, libtorch } = taken;
  const wanted = settingsFor({ record: settings.record, ...options }, accelerator);
  const names = Object.keys(settings) as (keyof TorchSettings)[];
  if (names.some((name) => wanted[name] !== settings[name]))
    throw new InputError(
      `The torch backend already runs in ${precisionOf(settings)} on ${settings.device === 'cuda' ? 'the GPU' : `${settings.threads} threads`}${settings.record ? '' : ' without recording'}: one process has one setting.`,
    );
  const { threads } = settings;
  const where = settings.device === 'cuda' ? `${accelerator.description}, ` : '';
  // Whoever built it with CUDA means to use it.
  const missed =
    !accelerator.available && libtorch.includes('with CUDA')
      ? ` It does not use a GPU: ${accelerator.description}.`
      : '';
  return {
    backend: 'torch',
    device: settings.device === 'cuda' ? 'cuda' : 'cpu',
    precision: precisionOf(settings),
    threads,
    note: `Engine: torch, ${libtorch}, ${where}${productsOf(settings, options, accelerator)}, ${threads} ${threads === 1 ? 'thread' : 'threads'}.${missed}`,
  };
}

function settingsFor(options: BackendOptions, accelerator: Accelerator): TorchSettings {
  const device = deviceFor(options.device ?? 'auto', accelerator);
  const hasBfloat16 = device === 'cuda' ? accelerator.bfloat16 : fastBfloat16() !== undefined;
  const precision = options.precision ?? 'auto';
  return {
    device,
    residentBytes: residentBytes(options.replayDevice ?? 'auto', device, accelerator),
    threads: options.threads ?? availableParallelism(),
    bfloat16: precision === 'auto' ? hasBfloat16 : precision === 'bfloat16',
    record: options.record ?? true,
  };
}

function deviceFor(wanted: 'auto' | TorchDevice, accelerator: Accelerator): TorchDevice {
  if (wanted === 'auto') return accelerator.available ? 'cuda' : 'cpu';
  if (wanted === 'cuda' && !accelerator.available)
    throw new InputError(
      `The torch engine cannot compute on a GPU: ${accelerator.description}. Leave out --device cuda, or see "GPU" in the README.`,
    );
  return wanted;
}

function residentBytes(
  wanted: 'auto' | 'cpu' | 'cuda',
  device: TorchDevice,
  { memoryBytes }: Accelerator,
): number {
  if (device === 'cpu') {
    if (wanted === 'cuda')
      throw new InputError(
        'The replay cannot be on the GPU while the engine computes on the CPU: leave out --replay-device.',
      );
    return 0;
  }
  if (wanted === 'cpu') return 0;
  return wanted === 'cuda' ? Number.POSITIVE_INFINITY : RESIDENT_SHARE * memoryBytes;
}

function precisionOf({ bfloat16 }: TorchSettings): Precision {
  return bfloat16 ? 'bfloat16' : 'float32';
}

/** What products compute in, and why. */
function productsOf(
  { device, bfloat16 }: TorchSettings,
  { precision = 'auto' }: BackendOptions,
  accelerator: Accelerator,
): string {
  const hardware = device === 'cuda' ? (accelerator.bfloat16 ? 'tensor cores' : undefined) : fastBfloat16();
  if (bfloat16)
    return `bf16 products (${hardware ?? 'asked for; no fast bf16 instructions here, so it is slow'})`;
  const products = device === 'cuda' ? 'f32 products in TF32' : 'f32 products';
  return `${products} (${precision === 'auto' ? 'no fast bf16 instructions here' : 'asked for'})`;
}
