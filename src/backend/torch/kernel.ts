/** How a family of kernels says what it has: a tfjs kernel's name, and how its call becomes a native command. */
import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import type { TorchBackend } from './torchBackend.js';

export interface KernelCall {
  readonly inputs: NamedTensorInfoMap;
  readonly attrs: NamedAttrMap;
  readonly backend: TorchBackend;
  /** Runs the native kernel of that name. */
  native(name: string, inputs: readonly TensorInfo[], attributes?: readonly number[]): TensorInfo[];
}

export type TorchKernel = (call: KernelCall) => TensorInfo | TensorInfo[];

/** A family: tfjs kernel name → implementation. */
export type KernelFamily = Readonly<Record<string, TorchKernel>>;

/** An input that a kernel cannot do without. */
export function input(call: KernelCall, name: string): TensorInfo {
  const info = call.inputs[name];
  if (info === undefined) throw new Error(`A kernel was called without its input "${name}".`);
  return info;
}

/** All inputs of a kernel that takes a list. */
export function inputList(call: KernelCall): TensorInfo[] {
  return Object.values(call.inputs).filter((info) => info !== undefined);
}

/** The single output of a native kernel. */
export function single(outputs: readonly TensorInfo[]): TensorInfo {
  const [output] = outputs;
  if (output === undefined)
    throw new Error('A native kernel returned nothing where one tensor was expected.');
  return output;
}

/** A list of numbers as native kernels read it: its length first. */
export function list(numbers: readonly number[]): number[] {
  return [numbers.length, ...numbers];
}

export function flag(value: unknown): number {
  return value ? 1 : 0;
}
