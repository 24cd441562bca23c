/** Which tensor engines there are, what may be asked of them, and what was had. */
export type BackendName = 'torch' | 'tensorflow' | 'wasm' | 'cpu';
export type Precision = 'float32' | 'bfloat16';
/** Where tensors live; `portable` is this processor by the code that GPUs take, for its tests. */
export type TorchDevice = 'cpu' | 'cuda' | 'portable';

export const backendNames: readonly BackendName[] = ['torch', 'tensorflow', 'wasm', 'cpu'];

export interface BackendOptions {
  readonly backend?: BackendName | 'auto' | undefined;
  /** What convolutions and matrix products compute in; weights are float32 always. `auto`: by the hardware. */
  readonly precision?: Precision | 'auto' | undefined;
  /** Where the torch engine computes; `auto`: the GPU where it has one. */
  readonly device?: 'auto' | TorchDevice | undefined;
  /**
   * Where a GPU finds the replay's images: its own memory, or the computer's, from which each batch crosses. `auto`:
   * its own if they fit into 60% of it.
   */
  readonly replayDevice?: 'auto' | 'cpu' | 'cuda' | undefined;
  /** Threads of the torch engine, the only one that takes a number; default: all cores. */
  readonly threads?: number | undefined;
  /** Whether programs are recorded and replayed where the engine can; default true. */
  readonly record?: boolean | undefined;
}

export interface SelectedBackend {
  readonly backend: BackendName;
  readonly device: 'cpu' | 'cuda';
  readonly precision: Precision;
  readonly threads: number;
  /** One line: what was taken and why, and what would be faster. */
  readonly note: string;
}
