/**
 * Planes are lit at the vertices of a grid and interpolated in between, as OpenGL lights them: with a grid of
 * metres this is what the floor's pool of light looks like. A vertex is lit when a pixel first needs it.
 */
import type { Simulation } from '../mujoco.js';
import { Illumination, type Lighting, type Sight, SurfacePoint } from './lighting.js';
import type { Shape } from './shape.js';
import { lodOf, type MipMap, materialTexture } from './texture.js';

/** Most lines MuJoCo draws along one axis of a plane. */
const maxGridLines = 200;

export class PlaneSurface {
  readonly shape: Shape;
  /** Coordinates of the grid's lines in the plane's frame. */
  readonly #gridX: Float64Array;
  readonly #gridY: Float64Array;
  /**
   * Colours at the vertices, RGB each: of the lights without shadows, then of each light that casts one; within
   * [0, 1], as OpenGL clamps them.
   */
  readonly #lit: Float64Array;
  /** Numbers a vertex. */
  readonly #parts: number;
  readonly #litIn: Uint32Array;
  /** Counted from 1. */
  #frame = 1;
  /** Cell of the point before: neighbouring pixels mostly share theirs. */
  #lastX = 0;
  #lastY = 0;
  readonly #texture: MipMap | null;
  /** Texture units per metre. */
  readonly #scaleX: number;
  readonly #scaleY: number;
  readonly #lighting: Lighting;
  readonly #point = new SurfacePoint();
  readonly #light = new Illumination();
  readonly #texel = new Float64Array(3);

  constructor(simulation: Simulation, shape: Shape, lighting: Lighting) {
    this.shape = shape;
    this.#lighting = lighting;
    this.#parts = 3 + 3 * lighting.lights.filter((light) => light.castsShadow).length;
    const far = simulation.visual.far * simulation.visual.extent;
    const spacing = simulation.model('geom_size')[3 * shape.index + 2] as number;
    this.#gridX = gridLines(shape.sizeX, spacing, far);
    this.#gridY = gridLines(shape.sizeY, spacing, far);
    const vertices = this.#gridX.length * this.#gridY.length;
    this.#lit = new Float64Array(vertices * this.#parts);
    this.#litIn = new Uint32Array(vertices);
    const material = shape.material;
    this.#texture = materialTexture(simulation, material);
    const repeat = (axis: number, size: number) => {
      if (material < 0) return 1;
      const times = simulation.model('mat_texrepeat')[2 * material + axis] as number;
      const uniform = simulation.model('mat_texuniform')[material] !== 0;
      return uniform || size === 0 ? times : times / size;
    };
    this.#scaleX = repeat(0, shape.sizeX) / 2;
    this.#scaleY = repeat(1, shape.sizeY) / 2;
  }

  /** Forgets the light of the frame before. */
  startFrame(): void {
    this.#frame++;
  }

  /**
   * Colour of the point (x, y) of the plane's frame. `pixelX`, `pixelY`: how far the point moves, in metres along
   * the plane's axes, from one pixel to the next (whichever neighbour is further).
   * @param sight the same in all calls of a frame.
   * @param shadows bit i: the i-th light that casts shadows does not reach the point.
   * @param unshadowed receives RGB in [0, 1] without the lights that cast shadows.
   * @param shadowed receives what those lights add.
   */
  shade(
    sight: Sight,
    x: number,
    y: number,
    pixelX: number,
    pixelY: number,
    shadows: number,
    unshadowed: Float64Array,
    shadowed: Float64Array,
  ): void {
    const i = cellOf(this.#gridX, x, this.#lastX);
    const j = cellOf(this.#gridY, y, this.#lastY);
    this.#lastX = i;
    this.#lastY = j;
    const x0 = this.#gridX[i] as number;
    const y0 = this.#gridY[j] as number;
    const fx = (x - x0) / ((this.#gridX[i + 1] as number) - x0);
    const fy = (y - y0) / ((this.#gridY[j + 1] as number) - y0);
    // A quad is two triangles that meet along the diagonal from (x1, y0) to (x0, y1).
    const corner10 = this.#vertex(sight, i + 1, j);
    const corner01 = this.#vertex(sight, i, j + 1);
    let a: number;
    let wa: number;
    let w10: number;
    let w01: number;
    if (fx + fy <= 1) {
      a = this.#vertex(sight, i, j);
      wa = 1 - fx - fy;
      w10 = fx;
      w01 = fy;
    } else {
      a = this.#vertex(sight, i + 1, j + 1);
      wa = fx + fy - 1;
      w10 = 1 - fy;
      w01 = 1 - fx;
    }
    const textured = this.#texture !== null;
    if (this.#texture !== null) {
      const { width, height } = this.#texture;
      const texels = Math.max(pixelX * this.#scaleX * width, pixelY * this.#scaleY * height);
      this.#texture.sample(x * this.#scaleX - 0.5, -y * this.#scaleY - 0.5, lodOf(texels), true, this.#texel);
    }
    const lit = this.#lit;
    for (let c = 0; c < 3; c++) {
      const texel = textured ? (this.#texel[c] as number) / 255 : 1;
      unshadowed[c] =
        texel *
        (wa * (lit[a + c] as number) +
          w10 * (lit[corner10 + c] as number) +
          w01 * (lit[corner01 + c] as number));
      let sum = 0;
      for (let part = c + 3, light = 0; part < this.#parts; part += 3, light++) {
        if (shadows & (1 << light)) continue;
        sum +=
          wa * (lit[a + part] as number) +
          w10 * (lit[corner10 + part] as number) +
          w01 * (lit[corner01 + part] as number);
      }
      shadowed[c] = texel * sum;
    }
  }

  /** Offset of a vertex's light in `#lit`; computes it on its first use in a frame. */
  #vertex(sight: Sight, i: number, j: number): number {
    const vertex = j * this.#gridX.length + i;
    const at = vertex * this.#parts;
    if (this.#litIn[vertex] === this.#frame) return at;
    this.#litIn[vertex] = this.#frame;
    const { view, camera, share } = sight;
    const { shape } = this;
    const gx = this.#gridX[i] as number;
    const gy = this.#gridY[j] as number;
    const px = shape.x + shape.r00 * gx + shape.r01 * gy;
    const py = shape.y + shape.r10 * gx + shape.r11 * gy;
    const pz = shape.z + shape.r20 * gx + shape.r21 * gy;
    const point = this.#point;
    point.place(px, py, pz, shape.r02, shape.r12, shape.r22, view);
    const light = this.#light;
    light.clear();
    this.#lighting.addUnshadowed(light, shape, point, camera);
    this.#store(at, share, shape.emission);
    let part = at + 3;
    for (const source of this.#lighting.lights) {
      if (!source.castsShadow) continue;
      light.clear();
      this.#lighting.addLight(light, source, shape, point);
      this.#store(part, share, 0);
      part += 3;
    }
    return at;
  }

  #store(at: number, share: number, emission: number): void {
    const { shape } = this;
    const light = this.#light;
    this.#lit[at] = Math.min(1, share * shape.red * (light.red + emission) + light.specularRed);
    this.#lit[at + 1] = Math.min(1, share * shape.green * (light.green + emission) + light.specularGreen);
    this.#lit[at + 2] = Math.min(1, share * shape.blue * (light.blue + emission) + light.specularBlue);
  }
}

/** MuJoCo's grid: an even number of cells of twice `spacing`, what is left over at both ends. */
function gridLines(halfSize: number, spacing: number, far: number): Float64Array {
  if (halfSize === 0)
    return Float64Array.from(
      { length: maxGridLines + 1 },
      (_, i) => ((i - maxGridLines / 2) * 2.1 * far) / maxGridLines,
    );
  const half = Math.max(spacing, halfSize / (maxGridLines - 2));
  let cells = Math.floor(halfSize / half);
  cells -= cells % 2;
  const rest = halfSize - cells * half;
  const lines = [];
  if (rest > 0) lines.push(-halfSize);
  for (let i = 0; i <= cells; i++) lines.push(-halfSize + rest + 2 * half * i);
  if (rest > 0) lines.push(halfSize);
  return Float64Array.from(lines);
}

/** Index of the cell that holds x; the first or last one outside the grid. `guess` is tried first. */
function cellOf(lines: Float64Array, x: number, guess: number): number {
  if (x >= (lines[guess] as number) && x < (lines[guess + 1] as number)) return guess;
  let low = 0;
  let high = lines.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lines[middle] as number) <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}
