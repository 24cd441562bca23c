/** A tensor in host memory, as a checkpoint stores it: a type that programs see, so it names no tensor library. */
export interface NamedTensor {
  readonly shape: number[];
  readonly data: Float32Array;
}
