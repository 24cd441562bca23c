/**
 * A body of triangles in its own frame, at several levels of detail, and the hierarchy of boxes by which rays find them.
 * Corners of a triangle go around it counter-clockwise as seen from the outside.
 */
import { isWithin, meetTriangle } from './rayTriangle.js';
import { type Level, simplified, type Vertices } from './simplify.js';

/** Triangles in a leaf of the hierarchy. */
const leafSize = 4;
/** Depth of the hierarchy, at most: halves of 2³¹ triangles. */
const deepest = 64;

/** Of the triangle that a ray is held against. */
const weights = new Float64Array(3);

export class Triangles implements Vertices {
  readonly positions: Float64Array;
  readonly normals: Float64Array;
  readonly textureCoordinates: Float64Array | null;
  /** From the finest to the coarsest. */
  readonly levels: readonly Level[];
  /** Of a sphere around the origin of its frame. */
  readonly boundingRadius: number;
  /** Of a sphere around the middle of its box, which is the smaller one. */
  readonly centreX: number;
  readonly centreY: number;
  readonly centreZ: number;
  readonly radius: number;
  /** Scratch space of whoever draws them: place on the image and distance of each vertex. */
  readonly projected: Float64Array;
  /** Which triangle of the finest level `enter` met last. */
  met = 0;
  #hierarchy: Hierarchy | null = null;

  /** @param corners `[triangles, 3]` */
  constructor(original: Vertices, corners: Int32Array) {
    const { vertices, levels } = simplified(original, corners);
    this.levels = levels;
    this.positions = vertices.positions;
    this.normals = vertices.normals;
    this.textureCoordinates = vertices.textureCoordinates;
    this.projected = new Float64Array(vertices.positions.length);
    this.boundingRadius = furthest(this.positions, 0, 0, 0);
    [this.centreX, this.centreY, this.centreZ] = [0, 1, 2].map((axis) => {
      let [low, high] = [Infinity, -Infinity];
      for (let i = axis; i < this.positions.length; i += 3) {
        low = Math.min(low, this.positions[i] as number);
        high = Math.max(high, this.positions[i] as number);
      }
      return (low + high) / 2;
    }) as [number, number, number];
    this.radius = furthest(this.positions, this.centreX, this.centreY, this.centreZ);
  }

  /** The coarsest level that is no further from the truth than `error` metres. */
  levelFor(error: number): Level {
    let chosen = this.levels[0] as Level;
    for (const level of this.levels) if (level.error <= error) chosen = level;
    return chosen;
  }

  /** Distance along o + t·d to the first triangle that is met from the outside; Infinity where there is none. */
  enter(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): number {
    this.#hierarchy ??= new Hierarchy(this.positions, (this.levels[0] as Level).corners);
    const t = this.#hierarchy.first(ox, oy, oz, dx, dy, dz);
    if (t < Infinity) this.met = this.#hierarchy.met;
    return t;
  }
}

/** Boxes within boxes, each split at the middle triangle of its longest side. */
class Hierarchy {
  readonly #positions: Float64Array;
  readonly #corners: Int32Array;
  /** Triangles in the order of the leaves. */
  readonly #order: Int32Array;
  /** Six numbers a node: least x, y, z, greatest x, y, z. */
  readonly #boxes: Float64Array;
  /** Two numbers a node: first triangle and count of a leaf; second child and 0 else (the first child follows its parent). */
  readonly #nodes: Int32Array;
  #nodeCount = 0;
  /** The triangle that was met last. */
  met = 0;
  readonly #stack = new Int32Array(deepest);

  constructor(positions: Float64Array, corners: Int32Array) {
    this.#positions = positions;
    this.#corners = corners;
    const count = corners.length / 3;
    this.#order = Int32Array.from({ length: count }, (_, i) => i);
    this.#boxes = new Float64Array(6 * 2 * Math.max(1, count));
    this.#nodes = new Int32Array(2 * 2 * Math.max(1, count));
    this.#build(0, count, centres(positions, corners));
  }

  first(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): number {
    const ix = 1 / dx;
    const iy = 1 / dy;
    const iz = 1 / dz;
    const stack = this.#stack;
    const boxes = this.#boxes;
    const nodes = this.#nodes;
    let nearest = Infinity;
    let depth = 0;
    stack[depth++] = 0;
    while (depth > 0) {
      const node = stack[--depth] as number;
      const b = 6 * node;
      const x0 = ((boxes[b] as number) - ox) * ix;
      const x1 = ((boxes[b + 3] as number) - ox) * ix;
      const y0 = ((boxes[b + 1] as number) - oy) * iy;
      const y1 = ((boxes[b + 4] as number) - oy) * iy;
      const z0 = ((boxes[b + 2] as number) - oz) * iz;
      const z1 = ((boxes[b + 5] as number) - oz) * iz;
      // A ray within a side gives NaN there, which compares as false: such a side does not narrow it.
      let near = 0;
      let far = nearest;
      if (x0 < x1) {
        if (x0 > near) near = x0;
        if (x1 < far) far = x1;
      } else if (x1 <= x0) {
        if (x1 > near) near = x1;
        if (x0 < far) far = x0;
      }
      if (y0 < y1) {
        if (y0 > near) near = y0;
        if (y1 < far) far = y1;
      } else if (y1 <= y0) {
        if (y1 > near) near = y1;
        if (y0 < far) far = y0;
      }
      if (z0 < z1) {
        if (z0 > near) near = z0;
        if (z1 < far) far = z1;
      } else if (z1 <= z0) {
        if (z1 > near) near = z1;
        if (z0 < far) far = z0;
      }
      if (near > far) continue;
      const count = nodes[2 * node + 1] as number;
      if (count === 0) {
        stack[depth++] = nodes[2 * node] as number;
        stack[depth++] = node + 1;
        continue;
      }
      const start = nodes[2 * node] as number;
      for (let i = start; i < start + count; i++) {
        const triangle = this.#order[i] as number;
        const t = meetTriangle(this.#positions, this.#corners, triangle, ox, oy, oz, dx, dy, dz, weights);
        if (t <= 0 || t >= nearest || !isWithin(weights)) continue;
        nearest = t;
        this.met = triangle;
      }
    }
    return nearest;
  }

  #build(start: number, end: number, centre: Float64Array): void {
    const node = this.#nodeCount++;
    this.#bound(node, start, end);
    if (end - start <= leafSize) {
      this.#nodes[2 * node] = start;
      this.#nodes[2 * node + 1] = end - start;
      return;
    }
    const b = 6 * node;
    const side = (axis: number) => (this.#boxes[b + 3 + axis] as number) - (this.#boxes[b + axis] as number);
    const axis = side(0) >= side(1) && side(0) >= side(2) ? 0 : side(1) >= side(2) ? 1 : 2;
    // By number where centres are equal: the same tree on every machine.
    this.#order
      .subarray(start, end)
      .sort((p, q) => (centre[3 * p + axis] as number) - (centre[3 * q + axis] as number) || p - q);
    const middle = (start + end) >> 1;
    this.#build(start, middle, centre);
    this.#nodes[2 * node] = this.#nodeCount;
    this.#nodes[2 * node + 1] = 0;
    this.#build(middle, end, centre);
  }

  #bound(node: number, start: number, end: number): void {
    const positions = this.#positions;
    const corners = this.#corners;
    const box = this.#boxes.subarray(6 * node, 6 * node + 6);
    box.fill(Infinity, 0, 3).fill(-Infinity, 3, 6);
    for (let i = start; i < end; i++)
      for (let corner = 0; corner < 3; corner++) {
        const at = 3 * (corners[3 * (this.#order[i] as number) + corner] as number);
        for (let axis = 0; axis < 3; axis++) {
          const value = positions[at + axis] as number;
          if (value < (box[axis] as number)) box[axis] = value;
          if (value > (box[3 + axis] as number)) box[3 + axis] = value;
        }
      }
  }
}

/** Greatest distance of a position from a point. */
function furthest(positions: Float64Array, x: number, y: number, z: number): number {
  let square = 0;
  for (let i = 0; i < positions.length; i += 3) {
    const dx = (positions[i] as number) - x;
    const dy = (positions[i + 1] as number) - y;
    const dz = (positions[i + 2] as number) - z;
    square = Math.max(square, dx * dx + dy * dy + dz * dz);
  }
  return Math.sqrt(square);
}

/** Sums of the corners, `[triangles, 3]`: three times the centres. */
function centres(positions: Float64Array, corners: Int32Array): Float64Array {
  const sums = new Float64Array(corners.length);
  for (let triangle = 0; triangle < corners.length; triangle += 3)
    for (let corner = 0; corner < 3; corner++)
      for (let axis = 0; axis < 3; axis++)
        sums[triangle + axis] =
          (sums[triangle + axis] as number) +
          (positions[3 * (corners[triangle + corner] as number) + axis] as number);
  return sums;
}
