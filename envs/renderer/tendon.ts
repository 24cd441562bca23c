/**
 * A tendon as MuJoCo draws it: capsules from one of its points to the next. One that can only pull (two points, a
 * greatest length, no spring) hangs as a string of that length does: in a catenary. Where a limit holds a tendon it
 * has the colour of constraints.
 */
import type { Simulation } from '../mujoco.js';
import { geomTypes, Shape, surfaceOf } from './shape.js';

const stringSegments = 30;
/** Share of its length within which a string is taken to be straight. */
const tautness = 1e-9;
/** mjtWrap: tendons over joints have no place to be drawn at. */
const jointWrap = 1;
/** Marks the gap of a pulley among a tendon's points. */
const pulley = -2;

export class Tendon {
  readonly shapes: readonly Shape[];
  readonly #simulation: Simulation;
  readonly #index: number;
  /** Length as a string, in metres; null for other tendons. */
  readonly #stringLength: number | null;
  readonly #points: Float64Array;
  readonly #limits: readonly [number, number];
  readonly #colours: { readonly own: readonly number[]; readonly limited: readonly number[] };

  constructor(simulation: Simulation, index: number) {
    this.#simulation = simulation;
    this.#index = index;
    const read = (field: 'tendon_stiffness' | 'tendon_damping' | 'tendon_frictionloss' | 'tendon_limited') =>
      simulation.model(field)[index] as number;
    const count = simulation.model('tendon_num')[index] as number;
    const [shortest, longest] = simulation.model('tendon_range').subarray(2 * index, 2 * index + 2);
    const isString =
      count === 2 &&
      read('tendon_limited') !== 0 &&
      shortest === 0 &&
      read('tendon_stiffness') === 0 &&
      read('tendon_damping') === 0 &&
      read('tendon_frictionloss') === 0 &&
      simulation.gravity < 0;
    this.#stringLength = isString ? (longest as number) : null;
    // Around a geom that it wraps, a tendon has two points.
    const segments = isString ? stringSegments : 2 * count;
    this.#points = new Float64Array(3 * (stringSegments + 1));
    const material = simulation.model('tendon_matid')[index] as number;
    const surface = surfaceOf(simulation, material);
    this.#limits =
      read('tendon_limited') === 0 ? [-Infinity, Infinity] : [shortest as number, longest as number];
    this.#colours = {
      own: Array.from(simulation.model('tendon_rgba').subarray(4 * index, 4 * index + 4)),
      limited: simulation.constraintColour,
    };
    this.shapes = Array.from(
      { length: segments },
      () => new Shape({ index, kind: 'tendon', type: geomTypes.capsule, material, surface }),
    );
  }

  /** Whether the model's tendon is one to draw. */
  static isDrawn(simulation: Simulation, index: number): boolean {
    const first = simulation.model('tendon_adr')[index] as number;
    return simulation.model('wrap_type')[first] !== jointWrap;
  }

  /** Lays the capsules where the tendon is now. */
  update(): void {
    const simulation = this.#simulation;
    const first = simulation.data('ten_wrapadr')[this.#index] as number;
    const count = simulation.data('ten_wrapnum')[this.#index] as number;
    const points = simulation.data('wrap_xpos').subarray(3 * first, 3 * (first + count));
    const objects = simulation.data('wrap_obj');
    const radius = simulation.model('tendon_width')[this.#index] as number;
    const length = simulation.data('ten_length')[this.#index] as number;
    const [shortest, longest] = this.#limits;
    const { own, limited } = this.#colours;
    const colour = (length < shortest || length > longest ? limited : own) as [
      number,
      number,
      number,
      number,
    ];
    const isSlack = this.#stringLength !== null && length < this.#stringLength * (1 - tautness);
    if (isSlack && this.#stringLength !== null) hang(points, this.#stringLength, this.#points);
    const path = isSlack ? this.#points : points;
    const segments = isSlack ? stringSegments : count - 1;
    this.shapes.forEach((shape, i) => {
      shape.setColour(...colour);
      const isThere =
        i < segments && (isSlack || (objects[first + i] !== pulley && objects[first + i + 1] !== pulley));
      if (isThere) connect(shape, path, 3 * i, radius);
      else shape.alpha = 0;
    });
  }
}

/** Turns a capsule so that its axis runs from the point at `at` to the one after it. */
function connect(shape: Shape, points: Float64Array, at: number, radius: number): void {
  const [ax, ay, az, bx, by, bz] = points.subarray(at, at + 6) as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  shape.x = (ax + bx) / 2;
  shape.y = (ay + by) / 2;
  shape.z = (az + bz) / 2;
  const length = Math.sqrt((bx - ax) ** 2 + (by - ay) ** 2 + (bz - az) ** 2);
  shape.setSize(radius, length / 2, 0);
  const [zx, zy, zz] = length > 0 ? [(bx - ax) / length, (by - ay) / length, (bz - az) / length] : [0, 0, 1];
  // Any axes across it: the world's x or y, whichever is less aligned, made orthogonal.
  const [ex, ey] = Math.abs(zx) < Math.abs(zy) ? [1, 0] : [0, 1];
  const along = ex * zx + ey * zy;
  const across = Math.sqrt(1 - along * along);
  const [xx, xy, xz] = [(ex - along * zx) / across, (ey - along * zy) / across, (-along * zz) / across];
  shape.r00 = xx;
  shape.r10 = xy;
  shape.r20 = xz;
  shape.r01 = zy * xz - zz * xy;
  shape.r11 = zz * xx - zx * xz;
  shape.r21 = zx * xy - zy * xx;
  shape.r02 = zx;
  shape.r12 = zy;
  shape.r22 = zz;
}

/**
 * Points of a string of a given length between two ends, at equal horizontal distances. With h and v the ends'
 * horizontal and vertical distances, it is z = a·cosh((s − s₀)/a) + z₀ with √(length² − v²) = 2a·sinh(h/2a).
 * @param ends two points; nearer to each other than the length.
 */
export function hang(ends: Float64Array, length: number, out: Float64Array): void {
  const [ax, ay, az, bx, by, bz] = ends as unknown as [number, number, number, number, number, number];
  const segments = out.length / 3 - 1;
  const h = Math.sqrt((bx - ax) ** 2 + (by - ay) ** 2);
  const v = bz - az;
  const stretch = Math.sqrt(length * length - v * v) / h;
  // u = h/2a solves sinh(u)/u = stretch; beyond 20 the string hangs straight down and up again.
  let u = Infinity;
  if (stretch < Math.sinh(20) / 20) {
    // From above, Newton's method comes down to the root without passing it.
    u = 20;
    for (let i = 0; i < 60; i++) u -= (Math.sinh(u) - stretch * u) / (Math.cosh(u) - stretch);
  }
  const a = h / (2 * u);
  // The lowest point's distance from the middle follows from the ends' heights.
  const middle = h / 2 - a * Math.atanh(v / length);
  const lowest = Math.min(az, bz) - (length - Math.abs(v)) / 2;
  for (let i = 0; i <= segments; i++) {
    const share = i / segments;
    out[3 * i] = ax + share * (bx - ax);
    out[3 * i + 1] = ay + share * (by - ay);
    const isEnd = i === 0 || i === segments;
    out[3 * i + 2] =
      u < Infinity
        ? az + a * (Math.cosh((share * h - middle) / a) - Math.cosh(middle / a))
        : isEnd
          ? i === 0
            ? az
            : bz
          : lowest;
  }
}
