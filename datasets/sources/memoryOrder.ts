/** Orders in which an array's numbers may lie in memory: everything here is C order, the last axis fastest. */

type Numbers = { readonly length: number; [i: number]: unknown; slice(from: number, to: number): Numbers };

/**
 * @param stride of each axis, in numbers
 * @returns the same numbers in C order; `values` itself where they are
 */
export function inCOrder<T extends Numbers>(
  values: T,
  shape: readonly number[],
  stride: readonly number[],
): T {
  const wanted = cStride(shape);
  if (shape.every((size, axis) => size < 2 || stride[axis] === wanted[axis])) return values;
  const ordered = values.slice(0, values.length) as T;
  const index = shape.map(() => 0);
  for (let to = 0, from = 0; to < values.length; to++) {
    ordered[to] = values[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += stride[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= (stride[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return ordered;
}

/** Of an array whose first axis is fastest. */
export function fortranStride(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
}

function cStride(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
}
