/**
 * A tfjs backend over libtorch. A tensor's data is a native handle; every kernel is one command, that is a kernel
 * number, input handles and plain numbers, so that a program's commands can be recorded and replayed natively.
 * Float tensors may be held in bf16 between fused kernels: to tfjs they are float32.
 */
import type { BackendValues, DataType, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../../errors.js';
import type { FrameMemory } from '../../replay/frameMemory.js';
import type { TorchDevice } from '../options.js';
import type { Handle, NativeAddon } from './addon.js';

type DataId = TensorInfo['dataId'];

interface TensorData {
  readonly handle: Handle;
  readonly dtype: DataType;
  readonly size: number;
  refCount: number;
}

const dtypeCodes = new Map<DataType, number>([
  ['float32', 0],
  ['int32', 1],
  ['bool', 2],
]);
const dtypes: readonly DataType[] = ['float32', 'int32', 'bool'];

/** The number by which a data type crosses to the native side. */
export function dtypeCode(dtype: DataType): number {
  const code = dtypeCodes.get(dtype);
  if (code === undefined) throw new Error(`The torch backend has no ${dtype} tensors.`);
  return code;
}

const deviceCodes: Readonly<Record<TorchDevice, number>> = { cpu: 0, cuda: 1, portable: 2 };

export interface TorchSettings {
  readonly device: TorchDevice;
  /** Bytes of the device's memory that the replay's images may take; those of a memory beyond it cross for each batch. */
  readonly residentBytes: number;
  readonly threads: number;
  readonly bfloat16: boolean;
  /** Whether programs are recorded and replayed unless they say otherwise. */
  readonly record: boolean;
}

export class TorchBackend extends tf.KernelBackend {
  readonly addon: NativeAddon;
  readonly settings: TorchSettings;
  readonly #data: tf.DataStorage<TensorData>;
  readonly #kernelNumbers: ReadonlyMap<string, number>;
  readonly #frameMemories = new Map<
    number,
    { memory: WeakRef<FrameMemory>; blocks: number; residentBytes: number }
  >();
  readonly #frameMemoryIds = new WeakMap<FrameMemory, number>();
  readonly #dropped: FinalizationRegistry<number>;
  #nextFrameMemory = 1;

  constructor(addon: NativeAddon, settings: TorchSettings) {
    super();
    this.addon = addon;
    this.settings = settings;
    this.#data = new tf.DataStorage(this, tf.engine());
    this.#kernelNumbers = new Map(addon.kernels.map((name, number) => [name, number]));
    this.#dropped = new FinalizationRegistry((id) => {
      this.#frameMemories.delete(id);
      addon.removeFrameMemory(id);
    });
    addon.configure(settings.threads, settings.bfloat16 ? 1 : 0, deviceCodes[settings.device]);
  }

  /** The number of a native kernel. @throws Error when the binary has none of that name. */
  kernelNumber(name: string): number {
    const number = this.#kernelNumbers.get(name);
    if (number === undefined) throw new Error(`The native engine has no kernel named ${name}.`);
    return number;
  }

  /** Runs one native kernel and registers its outputs, whose types and shapes it reports. */
  execute(kernel: number, inputs: readonly TensorInfo[], attributes: readonly number[]): TensorInfo[] {
    const { command } = this.addon;
    command[0] = kernel;
    command[1] = inputs.length;
    command[2] = attributes.length;
    let end = 3;
    for (const input of inputs) command[end++] = this.#data.get(input.dataId).handle;
    for (const attribute of attributes) command[end++] = attribute;
    if (end > command.length)
      throw new Error(`A kernel call of ${end} numbers is longer than the engine takes.`);
    const count = this.addon.dispatch();
    const outputs: TensorInfo[] = [];
    let place = 0;
    for (let i = 0; i < count; i++) {
      const handle = command[place] as number;
      const dtype = dtypes[command[place + 1] as number] as DataType;
      const rank = command[place + 2] as number;
      const shape = Array.from(command.subarray(place + 3, place + 3 + rank));
      place += 3 + rank;
      outputs.push({ dataId: this.#register(handle, shape, dtype), shape, dtype });
    }
    return outputs;
  }

  /** Replays a recording after those that are pending; until all are done, nothing else may be asked of the engine. */
  replay(tape: number, inputs: readonly (Float32Array | Int32Array)[]): Promise<Float32Array> {
    this.#syncFrameMemories();
    return this.addon.replay(tape, inputs);
  }

  /** The native handle of a tensor. */
  handle(tensor: TensorInfo): Handle {
    return this.#data.get(tensor.dataId).handle;
  }

  /** The engine's number for a frame memory; blocks that are new since the last call are made known. */
  frameMemory(memory: FrameMemory): number {
    let id = this.#frameMemoryIds.get(memory);
    if (id === undefined) {
      id = this.#nextFrameMemory++;
      this.#frameMemoryIds.set(memory, id);
      const residentBytes = this.#keepOnDevice(id, memory);
      this.#frameMemories.set(id, { memory: new WeakRef(memory), blocks: 0, residentBytes });
      this.#dropped.register(memory, id);
    }
    this.#syncBlocks(id, memory);
    return id;
  }

  /** Takes a memory's frames to the device if there is room for all of them; returns the bytes they take there. */
  #keepOnDevice(id: number, memory: FrameMemory): number {
    const bytes = memory.capacity * memory.frameBytes;
    let taken = 0;
    for (const { residentBytes } of this.#frameMemories.values()) taken += residentBytes;
    if (this.settings.device === 'cpu' || taken + bytes > this.settings.residentBytes) return 0;
    try {
      this.addon.keepFramesOnDevice(id, memory.capacity, memory.frameBytes);
    } catch (error) {
      throw new InputError(
        `The GPU has no room for ${(bytes / 1e9).toFixed(2)} GB of the replay's images (${error instanceof Error ? error.message.split('\n')[0] : String(error)}): leave them in the computer's memory with --replay-device cpu.`,
      );
    }
    return bytes;
  }

  /** Makes blocks known that frame memories have grown since the engine last saw them, and frames that changed. */
  #syncFrameMemories(): void {
    for (const [id, entry] of this.#frameMemories) {
      const memory = entry.memory.deref();
      if (memory !== undefined) this.#syncBlocks(id, memory);
    }
  }

  #syncBlocks(id: number, memory: FrameMemory): void {
    const entry = this.#frameMemories.get(id);
    if (entry === undefined) return;
    for (const block of memory.blocks.slice(entry.blocks)) {
      this.addon.addFrameBlock(id, memory.frameBytes, memory.framesPerBlock, block);
      entry.blocks++;
    }
    if (entry.residentBytes === 0) return;
    for (const [from, to] of memory.takeChanges()) this.addon.copyFrames(id, from, to);
  }

  #register(handle: Handle, shape: readonly number[], dtype: DataType): DataId {
    const dataId = {};
    this.#data.set(dataId, { handle, dtype, size: tf.util.sizeFromShape([...shape]), refCount: 1 });
    return dataId;
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: DataId,
    values: BackendValues,
    shape: number[],
    dtype: DataType,
    refCount: number,
  ): void {
    const handle = this.addon.upload(typed(values, dtype), dtypeCode(dtype), shape);
    this.#data.set(dataId, { handle, dtype, size: tf.util.sizeFromShape(shape), refCount });
  }

  override readSync(dataId: DataId): BackendValues {
    const { handle, dtype, size } = this.#data.get(dataId);
    const target =
      dtype === 'int32'
        ? new Int32Array(size)
        : dtype === 'bool'
          ? new Uint8Array(size)
          : new Float32Array(size);
    this.addon.download(handle, target);
    return target;
  }

  override async read(dataId: DataId): Promise<BackendValues> {
    return this.readSync(dataId);
  }

  override refCount(dataId: DataId): number {
    return this.#data.has(dataId) ? this.#data.get(dataId).refCount : 0;
  }

  override incRef(dataId: DataId): void {
    this.#data.get(dataId).refCount++;
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.#data.has(dataId)) return true;
    const data = this.#data.get(dataId);
    data.refCount--;
    if (!force && data.refCount > 0) return false;
    this.#data.delete(dataId);
    this.addon.release(data.handle);
    return true;
  }

  override numDataIds(): number {
    return this.#data.numDataIds();
  }

  override memory(): { unreliable: boolean; nativeTensors: number; nativeBytes: number } {
    const [nativeTensors, nativeBytes] = this.addon.memory();
    return { unreliable: false, nativeTensors, nativeBytes };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return true;
  }

  override async time(work: () => void): Promise<{ kernelMs: number }> {
    const start = performance.now();
    work();
    return { kernelMs: performance.now() - start };
  }

  override dispose(): void {}
}

function typed(values: BackendValues, dtype: DataType): ArrayBufferView {
  const numbers = values as ArrayLike<number>;
  if (dtype === 'float32') return values instanceof Float32Array ? values : Float32Array.from(numbers);
  if (dtype === 'int32') return values instanceof Int32Array ? values : Int32Array.from(numbers);
  return values instanceof Uint8Array ? values : Uint8Array.from(numbers);
}
