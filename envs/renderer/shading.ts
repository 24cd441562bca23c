/** The colour of one point of a shape: its ray, its surface there, and the lights that reach it. */
import type { Simulation } from '../mujoco.js';
import { Illumination, Lighting, type Sight, SurfacePoint } from './lighting.js';
import { PlaneSurface } from './plane.js';
import { type Projected, sampleOffsets } from './projected.js';
import { localNormal } from './rays.js';
import { bringWithin, isWithin, meetTriangle } from './rayTriangle.js';
import type { Light, Scene } from './scene.js';
import type { Shadows } from './shadow.js';
import { geomTypes, type Shape } from './shape.js';
import type { Level } from './simplify.js';
import { SurfaceTexture } from './surfaceTexture.js';
import type { Triangles } from './triangles.js';

/** Shades the shapes of a scene as they are seen in one way: by the eye, or in the mirror. */
export class Shading {
  /** RGB of the point last shaded, 1 being white: of the lights that cast no shadow, emission included; unclamped. */
  readonly unshadowed = new Float64Array(3);
  /** What the lights that cast shadows add. */
  readonly shadowed = new Float64Array(3);
  readonly #simulation: Simulation;
  /** By index of the shape; those that were seen. */
  readonly #planes: (PlaneSurface | undefined)[];
  readonly #projected: readonly Projected[];
  readonly #shadows: Shadows | null;
  readonly #shadowLights: readonly Light[];
  readonly #lighting: Lighting;
  readonly #light = new Illumination();
  readonly #point = new SurfacePoint();
  readonly #normal = new Float64Array(3);
  /** Of a triangle's corners at the point that is shaded. */
  readonly #weights = new Float64Array(3);
  readonly #corner = new Float64Array(3);
  /** Half sizes of the box that is shaded, and the corner of its grid that is lit. */
  readonly #sizes = new Float64Array(3);
  readonly #place = new Float64Array(3);
  /** Along each side of a box. */
  readonly #quads: number;
  readonly #texel = new Float64Array(3);
  /** By index of the shape; null for those without a texture. */
  readonly #textures: readonly (SurfaceTexture | null)[];
  #sight: Sight | null = null;

  /**
   * @param projected the shapes as they are seen.
   * @param shadows null where none are seen.
   */
  constructor(
    simulation: Simulation,
    scene: Scene,
    projected: readonly Projected[],
    shadows: Shadows | null,
  ) {
    this.#simulation = simulation;
    this.#quads = Math.max(1, simulation.visual.boxQuads);
    this.#projected = projected;
    this.#planes = scene.shapes.map(() => undefined);
    this.#textures = scene.shapes.map((shape) => SurfaceTexture.of(simulation, shape));
    this.#shadows = shadows;
    this.#lighting = new Lighting(scene);
    this.#shadowLights = scene.lights.filter((light) => light.castsShadow);
  }

  /** Forgets the light of the frame before. */
  startFrame(sight: Sight): void {
    this.#sight = sight;
    for (const plane of this.#planes) plane?.startFrame();
  }

  /** Of the point last shaded, within [0, 1]: one channel of both parts in a single pass of drawing. */
  total(channel: number): number {
    return Math.min(1, (this.unshadowed[channel] as number) + (this.shadowed[channel] as number));
  }

  /**
   * Shades the shape `id` where the pixel around (sx, sy), or else its sample `sample`, sees it.
   * @param triangle which of the shape's triangles, where it is of such
   */
  shade(id: number, sample: number, sx: number, sy: number, pixel: number, triangle = 0): void {
    const projected = this.#projected[id] as Projected;
    if (projected.shape.triangles !== null) {
      this.#shadeTriangle(id, projected, projected.shape.triangles, triangle, sample, sx, sy, pixel);
      return;
    }
    projected.aim(sample, sx, sy, pixel);
    if (projected.shape.type === geomTypes.plane)
      this.#shadePlane(this.#planes[id] ?? this.#addPlane(id, projected.shape), projected, pixel);
    else this.#shadeSolid(id, projected, pixel);
  }

  #addPlane(id: number, shape: Shape): PlaneSurface {
    const plane = new PlaneSurface(this.#simulation, shape, this.#lighting);
    this.#planes[id] = plane;
    return plane;
  }

  #shadePlane(plane: PlaneSurface, p: Projected, pixel: number): void {
    const { shape } = plane;
    const { t, dx, dy, dz } = p;
    const x = p.ox + t * dx;
    const y = p.oy + t * dy;
    // How the point moves with sx and sy: t changes with dz.
    const step = Math.abs(t) * pixel;
    const pixelX = step * Math.max(Math.abs(p.ux - (dx * p.uz) / dz), Math.abs(p.vx - (dx * p.vz) / dz));
    const pixelY = step * Math.max(Math.abs(p.uy - (dy * p.uz) / dz), Math.abs(p.vy - (dy * p.vz) / dz));
    const px = shape.x + shape.r00 * x + shape.r01 * y;
    const py = shape.y + shape.r10 * x + shape.r11 * y;
    const pz = shape.z + shape.r20 * x + shape.r21 * y;
    let shadows = 0;
    for (let i = 0; i < this.#shadowLights.length; i++) {
      if (this.#shadows?.isShadowed(i, shape, px, py, pz)) shadows |= 1 << i;
    }
    plane.shade(this.#sight as Sight, x, y, pixelX, pixelY, shadows, this.unshadowed, this.shadowed);
  }

  #shadeSolid(id: number, p: Projected, pixel: number): void {
    const { shape } = p;
    const { view, camera, share } = this.#sight as Sight;
    // Point and normal in the shape's own frame.
    const lx = p.ox + p.t * p.dx;
    const ly = p.oy + p.t * p.dy;
    const lz = p.oz + p.t * p.dz;
    localNormal(shape, lx, ly, lz, this.#normal);
    const mx = this.#normal[0] as number;
    const my = this.#normal[1] as number;
    const mz = this.#normal[2] as number;
    const nx = shape.r00 * mx + shape.r01 * my + shape.r02 * mz;
    const ny = shape.r10 * mx + shape.r11 * my + shape.r12 * mz;
    const nz = shape.r20 * mx + shape.r21 * my + shape.r22 * mz;
    const px = shape.x + shape.r00 * lx + shape.r01 * ly + shape.r02 * lz;
    const py = shape.y + shape.r10 * lx + shape.r11 * ly + shape.r12 * lz;
    const pz = shape.z + shape.r20 * lx + shape.r21 * ly + shape.r22 * lz;
    const point = this.#point;
    point.place(px, py, pz, nx, ny, nz, view);
    const reached = this.#lightsThatReach(shape, px, py, pz);
    if (shape.type === geomTypes.box) this.#lightQuad(shape, lx, ly, lz, reached);
    else {
      const light = this.#light;
      light.clear();
      this.#lighting.addUnshadowed(light, shape, point, camera);
      store(this.unshadowed, light, shape, share, shape.emission);
      light.clear();
      for (let i = 0; i < this.#shadowLights.length; i++)
        if (reached & (1 << i)) this.#lighting.addLight(light, this.#shadowLights[i] as Light, shape, point);
      store(this.shadowed, light, shape, share, 0);
    }
    const texture = this.#textures[id] ?? null;
    if (texture === null) return;
    texture.samplePoint(lx, ly, lz, p.t * pixel, this.#texel);
    this.#multiply();
  }

  /** What was shaded, by the texel that lies there. */
  #multiply(): void {
    for (let c = 0; c < 3; c++) {
      const texel = (this.#texel[c] as number) / 255;
      this.unshadowed[c] = (this.unshadowed[c] as number) * texel;
      this.shadowed[c] = (this.shadowed[c] as number) * texel;
    }
  }

  /** Lit at its corners and interpolated in between, as OpenGL lights triangles. */
  #shadeTriangle(
    id: number,
    p: Projected,
    triangles: Triangles,
    triangle: number,
    sample: number,
    sx: number,
    sy: number,
    pixel: number,
  ): void {
    const { shape } = p;
    const weights = this.#weights;
    const { corners } = p.level ?? (triangles.levels[0] as Level);
    const { positions } = triangles;
    p.direct(sx, sy);
    let t = meetTriangle(positions, corners, triangle, p.ox, p.oy, p.oz, p.dx, p.dy, p.dz, weights);
    if (!isWithin(weights)) {
      const [across, down] = sampleOffsets[sample] as readonly [number, number];
      p.direct(sx + (across - 0.5) * pixel, sy + (0.5 - down) * pixel);
      t = meetTriangle(positions, corners, triangle, p.ox, p.oy, p.oz, p.dx, p.dy, p.dz, weights);
    }
    const { unshadowed, shadowed } = this;
    unshadowed.fill(0);
    shadowed.fill(0);
    if (t === Infinity) return;
    let lx = p.ox + t * p.dx;
    let ly = p.oy + t * p.dy;
    let lz = p.oz + t * p.dz;
    if (!isWithin(weights)) {
      // Beside an open edge, which reaches further than the triangle.
      bringWithin(weights);
      [lx, ly, lz] = [0, 0, 0];
      for (let corner = 0; corner < 3; corner++) {
        const v = 3 * (corners[3 * triangle + corner] as number);
        const weight = weights[corner] as number;
        lx += weight * (positions[v] as number);
        ly += weight * (positions[v + 1] as number);
        lz += weight * (positions[v + 2] as number);
      }
      t = (lx - p.ox) * p.fx + (ly - p.oy) * p.fy + (lz - p.oz) * p.fz;
    }
    const px = shape.x + shape.r00 * lx + shape.r01 * ly + shape.r02 * lz;
    const py = shape.y + shape.r10 * lx + shape.r11 * ly + shape.r12 * lz;
    const pz = shape.z + shape.r20 * lx + shape.r21 * ly + shape.r22 * lz;
    const reached = this.#lightsThatReach(shape, px, py, pz);
    const { normals } = triangles;
    for (let corner = 0; corner < 3; corner++) {
      const v = 3 * (corners[3 * triangle + corner] as number);
      this.#addCorner(
        shape,
        positions[v] as number,
        positions[v + 1] as number,
        positions[v + 2] as number,
        normals[v] as number,
        normals[v + 1] as number,
        normals[v + 2] as number,
        weights[corner] as number,
        reached,
      );
    }
    const texture = this.#textures[id] ?? null;
    if (texture === null) return;
    if (texture.hasCoordinates) texture.sampleTriangle(corners, triangle, weights, t * pixel, this.#texel);
    else texture.samplePoint(lx, ly, lz, t * pixel, this.#texel);
    this.#multiply();
  }

  /** Bit i: the i-th light that casts shadows reaches the point. */
  #lightsThatReach(shape: Shape, px: number, py: number, pz: number): number {
    let reached = 0;
    for (let i = 0; i < this.#shadowLights.length; i++)
      if (!this.#shadows?.isShadowed(i, shape, px, py, pz)) reached |= 1 << i;
    return reached;
  }

  /**
   * A box's sides are grids of quads, lit at their corners; a quad is two triangles. (lx, ly, lz) lies on the side whose
   * normal is in `#normal`.
   */
  #lightQuad(shape: Shape, lx: number, ly: number, lz: number, reached: number): void {
    const normal = this.#normal;
    const sizes = this.#sizes;
    sizes[0] = shape.sizeX;
    sizes[1] = shape.sizeY;
    sizes[2] = shape.sizeZ;
    const across = Math.abs(normal[0] as number) > 0.5 ? 0 : Math.abs(normal[1] as number) > 0.5 ? 1 : 2;
    const u = (across + 1) % 3;
    const last = this.#quads - 1;
    const placeU = this.#quadsTo(u === 0 ? lx : u === 1 ? ly : lz, u);
    const v = (across + 2) % 3;
    const placeV = this.#quadsTo(v === 0 ? lx : v === 1 ? ly : lz, v);
    const i = Math.min(last, Math.floor(placeU));
    const j = Math.min(last, Math.floor(placeV));
    const fu = placeU - i;
    const fv = placeV - j;
    this.unshadowed.fill(0);
    this.shadowed.fill(0);
    if (fu + fv <= 1) {
      this.#addQuadCorner(shape, across, i, j, 1 - fu - fv, reached);
      this.#addQuadCorner(shape, across, i + 1, j, fu, reached);
      this.#addQuadCorner(shape, across, i, j + 1, fv, reached);
    } else {
      this.#addQuadCorner(shape, across, i + 1, j + 1, fu + fv - 1, reached);
      this.#addQuadCorner(shape, across, i + 1, j, 1 - fv, reached);
      this.#addQuadCorner(shape, across, i, j + 1, 1 - fu, reached);
    }
  }

  /** From the lower end of a box's side to a place along it, in quads. */
  #quadsTo(place: number, axis: number): number {
    return (this.#quads / 2) * Math.min(2, Math.max(0, 1 + place / (this.#sizes[axis] as number)));
  }

  /** The corner (i, j) of the grid on the side of a box that the axis `across` goes through. */
  #addQuadCorner(shape: Shape, across: number, i: number, j: number, weight: number, reached: number): void {
    const place = this.#place;
    const normal = this.#normal;
    const sizes = this.#sizes;
    const quads = this.#quads;
    const u = (across + 1) % 3;
    const v = (across + 2) % 3;
    place[across] = (normal[across] as number) * (sizes[across] as number);
    place[u] = ((2 * i) / quads - 1) * (sizes[u] as number);
    place[v] = ((2 * j) / quads - 1) * (sizes[v] as number);
    this.#addCorner(
      shape,
      place[0] as number,
      place[1] as number,
      place[2] as number,
      normal[0] as number,
      normal[1] as number,
      normal[2] as number,
      weight,
      reached,
    );
  }

  /** Adds the share that a corner at (lx, ly, lz) with the normal (mx, my, mz), of the shape's frame, has of a point's light. */
  #addCorner(
    shape: Shape,
    lx: number,
    ly: number,
    lz: number,
    mx: number,
    my: number,
    mz: number,
    weight: number,
    reached: number,
  ): void {
    const { view, camera, share } = this.#sight as Sight;
    const point = this.#point;
    point.place(
      shape.x + shape.r00 * lx + shape.r01 * ly + shape.r02 * lz,
      shape.y + shape.r10 * lx + shape.r11 * ly + shape.r12 * lz,
      shape.z + shape.r20 * lx + shape.r21 * ly + shape.r22 * lz,
      shape.r00 * mx + shape.r01 * my + shape.r02 * mz,
      shape.r10 * mx + shape.r11 * my + shape.r12 * mz,
      shape.r20 * mx + shape.r21 * my + shape.r22 * mz,
      view,
    );
    const light = this.#light;
    const colour = this.#corner;
    light.clear();
    this.#lighting.addUnshadowed(light, shape, point, camera);
    store(colour, light, shape, share, shape.emission);
    addClamped(this.unshadowed, colour, weight);
    light.clear();
    for (let i = 0; i < this.#shadowLights.length; i++)
      if (reached & (1 << i)) this.#lighting.addLight(light, this.#shadowLights[i] as Light, shape, point);
    store(colour, light, shape, share, 0);
    addClamped(this.shadowed, colour, weight);
  }
}

/** OpenGL clamps a corner's colour before it interpolates. */
function addClamped(out: Float64Array, colour: Float64Array, weight: number): void {
  for (let c = 0; c < 3; c++)
    out[c] = (out[c] as number) + weight * Math.min(1, Math.max(0, colour[c] as number));
}

function store(out: Float64Array, light: Illumination, shape: Shape, share: number, emission: number): void {
  out[0] = shape.red * share * (light.red + emission) + light.specularRed;
  out[1] = shape.green * share * (light.green + emission) + light.specularGreen;
  out[2] = shape.blue * share * (light.blue + emission) + light.specularBlue;
}
