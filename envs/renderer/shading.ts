/** The colour of one point of a shape: its ray, its surface there, and the lights that reach it. */
import type { Simulation } from '../mujoco.js';
import { Illumination, Lighting, SurfacePoint } from './lighting.js';
import { PlaneSurface } from './plane.js';
import type { Projected } from './projected.js';
import { localNormal } from './rays.js';
import { geomTypes, type Light, type Scene, type Shape, type View } from './scene.js';
import { Shadows } from './shadow.js';

export class Shading {
  /** RGB of the point last shaded, 1 being white: of the lights that cast no shadow, emission included; unclamped. */
  readonly unshadowed = new Float64Array(3);
  /** What the lights that cast shadows add. */
  readonly shadowed = new Float64Array(3);
  /** By index of the shape; null for what is not a plane. */
  readonly planes: readonly (PlaneSurface | null)[];
  readonly #lighting: Lighting;
  readonly #shadows: Shadows;
  readonly #light = new Illumination();
  readonly #point = new SurfacePoint();
  readonly #normal = new Float64Array(3);

  constructor(simulation: Simulation, scene: Scene) {
    this.#lighting = new Lighting(scene);
    this.#shadows = new Shadows(scene, simulation.visual.shadowClip * simulation.visual.extent);
    this.planes = scene.shapes.map((shape) =>
      shape.type === geomTypes.plane
        ? new PlaneSurface(simulation, shape, this.#shadows.lights.length)
        : null,
    );
  }

  /** Takes over the poses of the lights, and forgets the light of the frame before. */
  startFrame(): void {
    this.#shadows.startFrame();
    for (const plane of this.planes) plane?.startFrame();
  }

  /** @param sample the sample, of the pixel around (sx, sy), that saw the plane. */
  shadePlane(
    plane: PlaneSurface,
    p: Projected,
    view: View,
    sample: number,
    sx: number,
    sy: number,
    pixel: number,
  ): void {
    const { shape } = plane;
    p.aim(sample, sx, sy, pixel);
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
    for (let i = 0; i < this.#shadows.lights.length; i++) {
      if (this.#shadows.isShadowed(i, shape, px, py, pz)) shadows |= 1 << i;
    }
    plane.shade(this.#lighting, view, x, y, pixelX, pixelY, shadows, this.unshadowed, this.shadowed);
  }

  /**
   * Shades a shape other than a plane.
   * @param view where it is seen from.
   * @param camera the true view, which carries the headlight.
   * @param reflectance share of its colour that is seen, less than 1 in a mirror.
   */
  shadeSolid(
    p: Projected,
    view: View,
    camera: View,
    sample: number,
    sx: number,
    sy: number,
    pixel: number,
    reflectance: number,
    withShadows: boolean,
  ): void {
    const { shape } = p;
    p.aim(sample, sx, sy, pixel);
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
    store(this.unshadowed, light, shape, reflectance, shape.emission);
    light.clear();
    for (let i = 0; i < this.#shadows.lights.length; i++) {
      if (withShadows && this.#shadows.isShadowed(i, shape, px, py, pz)) continue;
      this.#lighting.addLight(light, this.#shadows.lights[i] as Light, shape, point);
    }
    store(this.shadowed, light, shape, reflectance, 0);
  }
}

function store(
  out: Float64Array,
  light: Illumination,
  shape: Shape,
  reflectance: number,
  emission: number,
): void {
  out[0] = shape.red * reflectance * (light.red + emission) + light.specularRed;
  out[1] = shape.green * reflectance * (light.green + emission) + light.specularGreen;
  out[2] = shape.blue * reflectance * (light.blue + emission) + light.specularBlue;
}
