/** The bodies of triangles of a compiled model: its meshes, and its height fields as what they look like. */
import type { Simulation } from '../mujoco.js';
import { Triangles } from './triangles.js';

/** By the number of a mesh; read when a shape first asks for it. */
export class Meshes {
  readonly #simulation: Simulation;
  readonly #meshes = new Map<number, Triangles>();
  readonly #fields = new Map<number, Triangles>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  mesh(index: number): Triangles {
    const found = this.#meshes.get(index) ?? readMesh(this.#simulation, index);
    this.#meshes.set(index, found);
    return found;
  }

  heightField(index: number): Triangles {
    const found = this.#fields.get(index) ?? readHeightField(this.#simulation, index);
    this.#fields.set(index, found);
    return found;
  }
}

type Field = Parameters<Simulation['model']>[0];

function readMesh(simulation: Simulation, index: number): Triangles {
  const at = (field: Field): number => simulation.model(field)[index] as number;
  const rows = (field: Field, start: number, count: number, size: number): Float64Array =>
    Float64Array.from(simulation.model(field).subarray(size * start, size * (start + count)));
  const faces = (field: Field): Int32Array => {
    const [start, count] = [at('mesh_faceadr'), at('mesh_facenum')];
    return Int32Array.from(simulation.model(field).subarray(3 * start, 3 * (start + count)));
  };
  const coordinates = at('mesh_texcoordadr');
  return joinedVertices(
    rows('mesh_vert', at('mesh_vertadr'), at('mesh_vertnum'), 3),
    faces('mesh_face'),
    rows('mesh_normal', at('mesh_normaladr'), at('mesh_normalnum'), 3),
    faces('mesh_facenormal'),
    coordinates >= 0 ? rows('mesh_texcoord', coordinates, at('mesh_texcoordnum'), 2) : null,
    coordinates >= 0 ? faces('mesh_facetexcoord') : null,
  );
}

/** A vertex for each place with its normal and texture coordinates: MuJoCo numbers each of the three by itself. */
function joinedVertices(
  places: Float64Array,
  cornerPlaces: Int32Array,
  directions: Float64Array,
  cornerDirections: Int32Array,
  coordinates: Float64Array | null,
  cornerCoordinates: Int32Array | null,
): Triangles {
  const numbers = new Map<number, number>();
  const positions: number[] = [];
  const normals: number[] = [];
  const texture: number[] = [];
  const directionCount = directions.length / 3;
  const coordinateCount = Math.max(1, (coordinates?.length ?? 0) / 2);
  const corners = new Int32Array(cornerPlaces.length);
  for (let corner = 0; corner < corners.length; corner++) {
    const [p, n, t] = [
      cornerPlaces[corner] as number,
      cornerDirections[corner] as number,
      cornerCoordinates?.[corner] ?? 0,
    ];
    const key = (p * directionCount + n) * coordinateCount + t;
    let vertex = numbers.get(key);
    if (vertex === undefined) {
      vertex = numbers.size;
      numbers.set(key, vertex);
      positions.push(...places.subarray(3 * p, 3 * p + 3));
      normals.push(...directions.subarray(3 * n, 3 * n + 3));
      if (coordinates !== null) texture.push(...coordinates.subarray(2 * t, 2 * t + 2));
    }
    corners[corner] = vertex;
  }
  return new Triangles(
    {
      positions: Float64Array.from(positions),
      normals: Float64Array.from(normals),
      textureCoordinates: coordinates === null ? null : Float64Array.from(texture),
    },
    corners,
  );
}

/**
 * The surface over a grid of columns (along x) and rows (along y), its four sides, and the slab it stands on: a normal at
 * each point of the surface is the mean of the triangles around it, those of the sides are their own.
 */
function readHeightField(simulation: Simulation, index: number): Triangles {
  const rows = simulation.model('hfield_nrow')[index] as number;
  const columns = simulation.model('hfield_ncol')[index] as number;
  const start = simulation.model('hfield_adr')[index] as number;
  const heights = simulation.model('hfield_data').subarray(start, start + rows * columns);
  const [halfX, halfY, top, base] = [
    ...simulation.model('hfield_size').subarray(4 * index, 4 * index + 4),
  ] as [number, number, number, number];
  const positions: number[] = [];
  const corners: number[] = [];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      positions.push(
        halfX * ((2 * column) / (columns - 1) - 1),
        halfY * ((2 * row) / (rows - 1) - 1),
        top * (heights[row * columns + column] as number),
      );
  for (let row = 0; row + 1 < rows; row++)
    for (let column = 0; column + 1 < columns; column++) {
      const a = row * columns + column;
      const [b, c, d] = [a + 1, a + columns, a + columns + 1];
      corners.push(a, b, c, b, d, c);
    }
  const normals = smoothNormals(positions, corners);
  const side = (edge: readonly number[], nx: number, ny: number): void => {
    const at = (vertex: number, axis: number): number => positions[3 * vertex + axis] as number;
    const add = (x: number, y: number, z: number): number => {
      positions.push(x, y, z);
      normals.push(nx, ny, 0);
      return positions.length / 3 - 1;
    };
    const upper = edge.map((vertex) => add(at(vertex, 0), at(vertex, 1), at(vertex, 2)));
    const lower = edge.map((vertex) => add(at(vertex, 0), at(vertex, 1), -base));
    for (let i = 0; i + 1 < edge.length; i++) {
      const [a, b, c, d] = [upper[i], upper[i + 1], lower[i], lower[i + 1]] as [
        number,
        number,
        number,
        number,
      ];
      corners.push(a, c, b, b, c, d);
    }
  };
  const along = (count: number, at: (i: number) => number): number[] =>
    Array.from({ length: count }, (_, i) => at(i));
  side(
    along(columns, (i) => i),
    0,
    -1,
  );
  side(
    along(columns, (i) => rows * columns - 1 - i),
    0,
    1,
  );
  side(
    along(rows, (i) => (rows - 1 - i) * columns),
    -1,
    0,
  );
  side(
    along(rows, (i) => i * columns + columns - 1),
    1,
    0,
  );
  return new Triangles(
    {
      positions: Float64Array.from(positions),
      normals: Float64Array.from(normals),
      textureCoordinates: null,
    },
    Int32Array.from(corners),
  );
}

/** Of each vertex: the mean of the triangles around it, each with the weight of its area. */
function smoothNormals(positions: readonly number[], corners: readonly number[]): number[] {
  const normals = new Array<number>(positions.length).fill(0);
  const at = (vertex: number, axis: number): number => positions[3 * vertex + axis] as number;
  for (let i = 0; i < corners.length; i += 3) {
    const [a, b, c] = corners.slice(i, i + 3) as [number, number, number];
    const e = [0, 1, 2].map((axis) => at(b, axis) - at(a, axis)) as [number, number, number];
    const f = [0, 1, 2].map((axis) => at(c, axis) - at(a, axis)) as [number, number, number];
    const normal = [e[1] * f[2] - e[2] * f[1], e[2] * f[0] - e[0] * f[2], e[0] * f[1] - e[1] * f[0]];
    for (const vertex of [a, b, c])
      for (let axis = 0; axis < 3; axis++)
        normals[3 * vertex + axis] = (normals[3 * vertex + axis] as number) + (normal[axis] as number);
  }
  for (let i = 0; i < normals.length; i += 3) {
    const [x, y, z] = normals.slice(i, i + 3) as [number, number, number];
    const length = Math.sqrt(x * x + y * y + z * z) || 1;
    [normals[i], normals[i + 1], normals[i + 2]] = [x / length, y / length, z / length];
  }
  return normals;
}
