/** The bodies of triangles of a compiled model: its meshes, and its height fields as what they look like. */
import { InputError } from '../../src/errors.js';
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

/** More take minutes and gigabytes before the first picture. */
const MOST_TRIANGLES = 1_000_000;

/** @throws InputError where so many are not drawn */
function requireDrawable(what: string, triangles: number): void {
  if (triangles > MOST_TRIANGLES)
    throw new InputError(
      `${what} of the model has ${triangles} triangles, and at most ${MOST_TRIANGLES} of one are drawn: make it coarser.`,
    );
}

function readMesh(simulation: Simulation, index: number): Triangles {
  const at = (field: Field): number => simulation.model(field)[index] as number;
  const rows = (field: Field, start: number, count: number, size: number): Float64Array =>
    Float64Array.from(simulation.model(field).subarray(size * start, size * (start + count)));
  const faces = (field: Field): Int32Array => {
    const [start, count] = [at('mesh_faceadr'), at('mesh_facenum')];
    return Int32Array.from(simulation.model(field).subarray(3 * start, 3 * (start + count)));
  };
  requireDrawable(`Mesh ${index}`, at('mesh_facenum'));
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

/** Cosine of the angle between a corner's normal and its triangle's, below which MuJoCo draws with the triangle's own. */
const sharpCosine = 0.8;

/**
 * A vertex for each place with its normal and texture coordinates: MuJoCo numbers each of the three by itself. A normal
 * that is far off its triangle's gives way to that.
 */
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
  let flat: Point = [0, 0, 0];
  for (let corner = 0; corner < corners.length; corner++) {
    const [p, n, t] = [
      cornerPlaces[corner] as number,
      cornerDirections[corner] as number,
      cornerCoordinates?.[corner] ?? 0,
    ];
    if (corner % 3 === 0) {
      const [a, b, c] = [0, 1, 2].map((i) => pointOf(places, cornerPlaces[corner + i] as number));
      flat = flatNormal(a as Point, b as Point, c as Point);
    }
    const isSharp = isFarOff(pointOf(directions, n), flat);
    // A triangle's own normal is shared by nobody.
    const key = isSharp ? -1 - corner : (p * directionCount + n) * coordinateCount + t;
    let vertex = numbers.get(key);
    if (vertex === undefined) {
      vertex = numbers.size;
      numbers.set(key, vertex);
      positions.push(...pointOf(places, p));
      normals.push(...(isSharp ? flat : pointOf(directions, n)));
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

/** @param flat the triangle's own normal; (0, 0, 0) of one without an area, from which nothing is far off */
function isFarOff([x, y, z]: Point, flat: Point): boolean {
  const [fx, fy, fz] = flat;
  if (fx === 0 && fy === 0 && fz === 0) return false;
  return x * fx + y * fy + z * fz < sharpCosine;
}

/**
 * The surface over a grid of columns (along x) and rows (along y), and its four sides down to the slab it stands on:
 * triangles with normals of their own.
 */
function readHeightField(simulation: Simulation, index: number): Triangles {
  const rows = simulation.model('hfield_nrow')[index] as number;
  const columns = simulation.model('hfield_ncol')[index] as number;
  requireDrawable(`Height field ${index} (${rows} × ${columns})`, 2 * (rows - 1) * (columns - 1));
  const start = simulation.model('hfield_adr')[index] as number;
  const heights = simulation.model('hfield_data').subarray(start, start + rows * columns);
  const [halfX, halfY, top, base] = [
    ...simulation.model('hfield_size').subarray(4 * index, 4 * index + 4),
  ] as [number, number, number, number];
  const positions: number[] = [];
  const normals: number[] = [];
  const corners: number[] = [];
  const point = (vertex: number): Point => {
    const column = vertex % columns;
    const row = (vertex - column) / columns;
    return [
      halfX * ((2 * column) / (columns - 1) - 1),
      halfY * ((2 * row) / (rows - 1) - 1),
      top * (heights[vertex] as number),
    ];
  };
  const add = (place: Point, normal: Point): number => {
    positions.push(...place);
    normals.push(...normal);
    return positions.length / 3 - 1;
  };
  const triangle = (a: number, b: number, c: number): void => {
    const [p, q, r] = [point(a), point(b), point(c)];
    const normal = flatNormal(p, q, r);
    corners.push(add(p, normal), add(q, normal), add(r, normal));
  };
  for (let row = 0; row + 1 < rows; row++)
    for (let column = 0; column + 1 < columns; column++) {
      const a = row * columns + column;
      const [b, c, d] = [a + 1, a + columns, a + columns + 1];
      triangle(a, b, d);
      triangle(a, d, c);
    }
  const side = (edge: readonly number[], nx: number, ny: number): void => {
    const upper = edge.map((vertex) => add(point(vertex), [nx, ny, 0]));
    const lower = edge.map((vertex) => {
      const [x, y] = point(vertex);
      return add([x, y, -base], [nx, ny, 0]);
    });
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

type Point = readonly [x: number, y: number, z: number];

/** @param rows `[n, 3]` */
function pointOf(rows: Float64Array, index: number): Point {
  return [rows[3 * index] as number, rows[3 * index + 1] as number, rows[3 * index + 2] as number];
}

/** Towards the side from which the corners go around counter-clockwise; (0, 0, 0) where there is no area. */
function flatNormal(a: Point, b: Point, c: Point): Point {
  const [ex, ey, ez] = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
  const [fx, fy, fz] = [c[0] - a[0], c[1] - a[1], c[2] - a[2]];
  const [x, y, z] = [ey * fz - ez * fy, ez * fx - ex * fz, ex * fy - ey * fx];
  const length = Math.sqrt(x * x + y * y + z * z) || 1;
  return [x / length, y / length, z / length];
}
