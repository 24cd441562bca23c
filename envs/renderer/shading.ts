/** The colour of one point of a shape: its ray, its surface there, and the lights that reach it. */
import type { Simulation } from '../mujoco.js';
import { Illumination, Lighting, type Sight, SurfacePoint } from './lighting.js';
import { PlaneSurface } from './plane.js';
import { type Projected, sampleOffsets } from './projected.js';
import { meetTriangle } from './rasterizer.js';
import { localNormal } from './rays.js';
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
    else this.#shadeSolid(projected);
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

  #shadeSolid(p: Projected): void {
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
    const light = this.#light;
    light.clear();
    this.#lighting.addUnshadowed(light, shape, point, camera);
    store(this.unshadowed, light, shape, share, shape.emission);
    light.clear();
    for (let i = 0; i < this.#shadowLights.length; i++) {
      if (this.#shadows?.isShadowed(i, shape, px, py, pz)) continue;
      this.#lighting.addLight(light, this.#shadowLights[i] as Light, shape, point);
    }
    store(this.shadowed, light, shape, share, 0);
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
    let t = meetTriangle(p, positions, corners, triangle, sx, sy, weights);
    if (weights.some((weight) => weight < 0)) {
      const [x, y] = sampleOffsets[sample] as readonly [number, number];
      t = meetTriangle(
        p,
        positions,
        corners,
        triangle,
        sx + (x - 0.5) * pixel,
        sy + (0.5 - y) * pixel,
        weights,
      );
    }
    const { unshadowed, shadowed } = this;
    unshadowed.fill(0);
    shadowed.fill(0);
    if (t === Infinity) return;
    const lx = p.ox + t * (p.fx + sx * p.ux + sy * p.vx);
    const ly = p.oy + t * (p.fy + sx * p.uy + sy * p.vy);
    const lz = p.oz + t * (p.fz + sx * p.uz + sy * p.vz);
    const px = shape.x + shape.r00 * lx + shape.r01 * ly + shape.r02 * lz;
    const py = shape.y + shape.r10 * lx + shape.r11 * ly + shape.r12 * lz;
    const pz = shape.z + shape.r20 * lx + shape.r21 * ly + shape.r22 * lz;
    let reached = 0;
    for (let i = 0; i < this.#shadowLights.length; i++)
      if (!this.#shadows?.isShadowed(i, shape, px, py, pz)) reached |= 1 << i;
    for (let corner = 0; corner < 3; corner++)
      this.#addCorner(
        shape,
        triangles,
        corners[3 * triangle + corner] as number,
        weights[corner] as number,
        reached,
      );
    const texture = this.#textures[id] ?? null;
    if (texture === null) return;
    texture.sampleTriangle(corners, triangle, weights, t * pixel, this.#texel);
    for (let c = 0; c < 3; c++) {
      const texel = (this.#texel[c] as number) / 255;
      unshadowed[c] = (unshadowed[c] as number) * texel;
      shadowed[c] = (shadowed[c] as number) * texel;
    }
  }

  /** @param reached bit i: the i-th light that casts shadows reaches the point */
  #addCorner(shape: Shape, triangles: Triangles, vertex: number, weight: number, reached: number): void {
    const { view, camera, share } = this.#sight as Sight;
    const { positions, normals } = triangles;
    const v = 3 * vertex;
    const lx = positions[v] as number;
    const ly = positions[v + 1] as number;
    const lz = positions[v + 2] as number;
    const mx = normals[v] as number;
    const my = normals[v + 1] as number;
    const mz = normals[v + 2] as number;
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
