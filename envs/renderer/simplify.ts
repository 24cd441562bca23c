/**
 * Fewer triangles for bodies that are seen small: meshoptimizer's simplification, which keeps vertices and leaves out
 * others. It is the same on every machine.
 */
import { MeshoptSimplifier } from 'meshoptimizer/simplifier';

/** What triangles are made of. */
export interface Vertices {
  /** `[vertices, 3]` */
  readonly positions: Float64Array;
  /** `[vertices, 3]`, units. */
  readonly normals: Float64Array;
  /** `[vertices, 2]`, null without. */
  readonly textureCoordinates: Float64Array | null;
}

/** The triangles as they are, or fewer of them that look nearly the same. */
export interface Level {
  /** `[triangles, 3]`: rows of the vertices. */
  readonly corners: Int32Array;
  /** Vertices that it is made of: the first ones. */
  readonly vertices: number;
  /** How far its surface may lie from the true one, in metres. */
  readonly error: number;
  /**
   * `[triangles]`: which edges of a triangle are no other's too, as bits of the corner across (1, 2, 4). Surfaces that
   * merely touch come apart there, by the error. Null of the finest level, which is as it is.
   */
  readonly openEdges: Uint8Array | null;
}

/** Bodies of fewer triangles stay as they are. */
const worthIt = 200;
/** How far each level may lie from the one before, as a share of the body's size. */
const errors = [0.001, 0.003, 0.01, 0.03] as const;
/** What a normal that is turned by a radian counts for, as a share of the body's size. */
const normalWeight = 0.05;
/** A level is kept where it has at most this share of the triangles of the one before. */
const worthKeeping = 0.8;

// It is compiled when it is first loaded, which takes milliseconds.
await MeshoptSimplifier.ready;

/**
 * @param corners `[triangles, 3]`: rows of the vertices
 * @returns the vertices in the order that levels take them in, and the levels from the finest, which has all the triangles
 */
export function simplified(vertices: Vertices, corners: Int32Array): { vertices: Vertices; levels: Level[] } {
  const coarser: { corners: Uint32Array; error: number }[] = [
    { corners: Uint32Array.from(corners), error: 0 },
  ];
  const points = Float32Array.from(vertices.positions);
  const { values, weights } = attributes(vertices);
  const size = corners.length / 3 < worthIt ? 0 : MeshoptSimplifier.getScale(points, 3);
  for (const error of size > 0 ? errors : []) {
    const before = coarser.at(-1) as (typeof coarser)[number];
    const [found, reached] = MeshoptSimplifier.simplifyWithAttributes(
      before.corners,
      points,
      3,
      values,
      weights.length,
      weights,
      null,
      0,
      error,
      ['Permissive'],
    );
    if (found.length <= worthKeeping * before.corners.length && found.length > 0)
      coarser.push({ corners: found, error: before.error + reached * size });
  }
  return ordered(vertices, coarser);
}

function attributes({ normals, textureCoordinates }: Vertices): { values: Float32Array; weights: number[] } {
  const ofNormals = [normalWeight, normalWeight, normalWeight];
  if (textureCoordinates === null) return { values: Float32Array.from(normals), weights: ofNormals };
  const count = normals.length / 3;
  const values = new Float32Array(count * 5);
  for (let i = 0; i < count; i++) {
    values.set(normals.subarray(3 * i, 3 * i + 3), 5 * i);
    values.set(textureCoordinates.subarray(2 * i, 2 * i + 2), 5 * i + 3);
  }
  return { values, weights: [...ofNormals, 1, 1] };
}

/** Vertices of the coarsest level first: each level is then made of the first ones. */
function ordered(
  vertices: Vertices,
  levels: readonly { corners: Uint32Array; error: number }[],
): { vertices: Vertices; levels: Level[] } {
  const count = vertices.positions.length / 3;
  const places = new Int32Array(count).fill(-1);
  const order: number[] = [];
  const counts = new Array<number>(levels.length).fill(0);
  for (let level = levels.length - 1; level >= 0; level--) {
    for (const vertex of levels[level]?.corners ?? []) {
      if (places[vertex] !== -1) continue;
      places[vertex] = order.length;
      order.push(vertex);
    }
    counts[level] = order.length;
  }
  const moved = (values: Float64Array, width: number): Float64Array => {
    const out = new Float64Array(order.length * width);
    for (const [to, from] of order.entries())
      for (let i = 0; i < width; i++) out[width * to + i] = values[width * from + i] as number;
    return out;
  };
  const { normals, textureCoordinates } = vertices;
  const positions = moved(vertices.positions, 3);
  return {
    vertices: {
      positions,
      normals: moved(normals, 3),
      textureCoordinates: textureCoordinates && moved(textureCoordinates, 2),
    },
    levels: levels.map(({ corners: before, error }, level) => {
      const corners = Int32Array.from(before, (vertex) => places[vertex] as number);
      const openEdges = level === 0 ? null : findOpenEdges(positions, corners);
      return { corners, vertices: counts[level] as number, error, openEdges };
    }),
  };
}

/** Vertices in one place are one here, whatever their normals: an edge is open where no triangle has it the other way. */
function findOpenEdges(positions: Float64Array, corners: Int32Array): Uint8Array {
  const numbers = new Map<string, number>();
  const places = Array.from(corners, (vertex) => {
    const key = positions.subarray(3 * vertex, 3 * vertex + 3).join();
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
  const count = numbers.size;
  const keyOf = (triangle: number, across: number, isReversed: boolean): number => {
    const from = places[3 * triangle + ((across + 1) % 3)] as number;
    const to = places[3 * triangle + ((across + 2) % 3)] as number;
    return isReversed ? to * count + from : from * count + to;
  };
  const edges = new Set<number>();
  const triangles = corners.length / 3;
  for (let triangle = 0; triangle < triangles; triangle++)
    for (let across = 0; across < 3; across++) edges.add(keyOf(triangle, across, false));
  return Uint8Array.from({ length: triangles }, (_, triangle) => {
    let open = 0;
    for (let across = 0; across < 3; across++)
      if (!edges.has(keyOf(triangle, across, true))) open |= 1 << across;
    return open;
  });
}
