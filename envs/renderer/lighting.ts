/**
 * OpenGL's fixed-function lighting: Blinn's specular term with a local viewer, spot lights with cutoff and
 * exponent. Light arrives in two parts because shadows take away the second alone.
 */
import type { Light, Scene, Shape, View } from './scene.js';

/** Light on a point, before it meets the surface's colour: grey specular is added as it is. */
export class Illumination {
  /** Multiplies the surface's colour. */
  red = 0;
  green = 0;
  blue = 0;
  /** Added to it. */
  specularRed = 0;
  specularGreen = 0;
  specularBlue = 0;

  clear(): void {
    this.red = this.green = this.blue = 0;
    this.specularRed = this.specularGreen = this.specularBlue = 0;
  }

  /**
   * Adds a light that shines along the unit vector −l on a point with unit normal n, seen along the unit vector v
   * (towards the eye).
   */
  add(
    light: {
      readonly ambient: readonly number[];
      readonly diffuse: readonly number[];
      readonly specular: readonly number[];
    },
    strength: number,
    shape: Shape,
    nx: number,
    ny: number,
    nz: number,
    lx: number,
    ly: number,
    lz: number,
    vx: number,
    vy: number,
    vz: number,
  ): void {
    const cosine = nx * lx + ny * ly + nz * lz;
    const diffuse = cosine > 0 ? cosine * strength : 0;
    this.red += (light.ambient[0] as number) * strength + (light.diffuse[0] as number) * diffuse;
    this.green += (light.ambient[1] as number) * strength + (light.diffuse[1] as number) * diffuse;
    this.blue += (light.ambient[2] as number) * strength + (light.diffuse[2] as number) * diffuse;
    if (cosine <= 0 || shape.specular === 0) return;
    const hx = lx + vx;
    const hy = ly + vy;
    const hz = lz + vz;
    const highlight = (nx * hx + ny * hy + nz * hz) / Math.sqrt(hx * hx + hy * hy + hz * hz);
    if (highlight <= 0) return;
    const specular = power(highlight, shape.exponent) * strength * shape.specular;
    this.specularRed += (light.specular[0] as number) * specular;
    this.specularGreen += (light.specular[1] as number) * specular;
    this.specularBlue += (light.specular[2] as number) * specular;
  }
}

/** Lights of a scene as seen in one view: the headlight, then the model's own. */
export class Lighting {
  readonly lights: readonly Light[];
  readonly #headlight: Scene['headlight'];

  constructor(scene: Scene) {
    this.lights = scene.lights;
    this.#headlight = scene.headlight;
  }

  /** Light that no shadow takes away: emission is the surface's own affair, this is headlight and shadowless lights. */
  addUnshadowed(
    out: Illumination,
    shape: Shape,
    view: View,
    px: number,
    py: number,
    pz: number,
    nx: number,
    ny: number,
    nz: number,
    vx: number,
    vy: number,
    vz: number,
  ): void {
    if (this.#headlight !== null) {
      out.add(
        this.#headlight,
        1,
        shape,
        nx,
        ny,
        nz,
        -view.forwardX,
        -view.forwardY,
        -view.forwardZ,
        vx,
        vy,
        vz,
      );
    }
    for (const light of this.lights) {
      if (!light.castsShadow) this.addLight(out, light, shape, px, py, pz, nx, ny, nz, vx, vy, vz);
    }
  }

  addLight(
    out: Illumination,
    light: Light,
    shape: Shape,
    px: number,
    py: number,
    pz: number,
    nx: number,
    ny: number,
    nz: number,
    vx: number,
    vy: number,
    vz: number,
  ): void {
    if (light.directional) {
      out.add(light, 1, shape, nx, ny, nz, -light.dx, -light.dy, -light.dz, vx, vy, vz);
      return;
    }
    const lx = light.x - px;
    const ly = light.y - py;
    const lz = light.z - pz;
    const distance = Math.sqrt(lx * lx + ly * ly + lz * lz);
    const spot = -(lx * light.dx + ly * light.dy + lz * light.dz) / distance;
    if (spot < light.cutoffCosine) return;
    const strength =
      power(spot, light.exponent) /
      (light.attenuation[0] + distance * (light.attenuation[1] + distance * light.attenuation[2]));
    out.add(light, strength, shape, nx, ny, nz, lx / distance, ly / distance, lz / distance, vx, vy, vz);
  }
}

/** baseᵉ for a base in (0, 1]; by squaring where e is whole, so that it is the same on every machine. */
export function power(base: number, exponent: number): number {
  if (!Number.isInteger(exponent)) return Math.exp(exponent * Math.log(base));
  let result = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest >>= 1) {
    if (rest & 1) result *= square;
    square *= square;
  }
  return result;
}
