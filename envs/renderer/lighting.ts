/**
 * OpenGL's fixed-function lighting: Blinn's specular term with a local viewer, spot lights with cutoff and
 * exponent. Light arrives in two parts because shadows take away the second alone.
 */
import type { Light, LightColours, Scene } from './scene.js';
import type { Shape } from './shape.js';
import type { View } from './view.js';

/** A point of a surface as it is lit: where it lies, which way it faces, and from where it is seen. */
export class SurfacePoint {
  x = 0;
  y = 0;
  z = 0;
  /** Unit normal. */
  nx = 0;
  ny = 0;
  nz = 0;
  /** Unit vector towards the eye. */
  vx = 0;
  vy = 0;
  vz = 0;

  place(x: number, y: number, z: number, nx: number, ny: number, nz: number, eye: View): void {
    this.x = x;
    this.y = y;
    this.z = z;
    this.nx = nx;
    this.ny = ny;
    this.nz = nz;
    const vx = eye.x - x;
    const vy = eye.y - y;
    const vz = eye.z - z;
    const distance = Math.sqrt(vx * vx + vy * vy + vz * vz);
    this.vx = vx / distance;
    this.vy = vy / distance;
    this.vz = vz / distance;
  }
}

/** From where surfaces are seen, and how much of their own colour: all of it, or less in a mirror. */
export interface Sight {
  /** The eye, or its image in a mirror. */
  readonly view: View;
  /** The eye itself, which carries the headlight. */
  readonly camera: View;
  readonly share: number;
}

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

  /** Adds a light that shines along the unit vector −l. */
  add(
    light: LightColours,
    strength: number,
    shape: Shape,
    point: SurfacePoint,
    lx: number,
    ly: number,
    lz: number,
  ): void {
    const { nx, ny, nz } = point;
    const cosine = nx * lx + ny * ly + nz * lz;
    const diffuse = cosine > 0 ? cosine * strength : 0;
    this.red += light.ambient[0] * strength + light.diffuse[0] * diffuse;
    this.green += light.ambient[1] * strength + light.diffuse[1] * diffuse;
    this.blue += light.ambient[2] * strength + light.diffuse[2] * diffuse;
    if (cosine <= 0 || shape.specular === 0) return;
    const hx = lx + point.vx;
    const hy = ly + point.vy;
    const hz = lz + point.vz;
    const highlight = (nx * hx + ny * hy + nz * hz) / Math.sqrt(hx * hx + hy * hy + hz * hz);
    if (highlight <= 0) return;
    const specular = power(highlight, shape.exponent) * strength * shape.specular;
    this.specularRed += light.specular[0] * specular;
    this.specularGreen += light.specular[1] * specular;
    this.specularBlue += light.specular[2] * specular;
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

  /**
   * Adds the light that no shadow takes away, headlight and shadowless lights; emission is the surface's own affair.
   * @param camera the true view, which carries the headlight.
   */
  addUnshadowed(out: Illumination, shape: Shape, point: SurfacePoint, camera: View): void {
    if (this.#headlight !== null) {
      out.add(this.#headlight, 1, shape, point, -camera.forwardX, -camera.forwardY, -camera.forwardZ);
    }
    for (const light of this.lights) {
      if (!light.castsShadow) this.addLight(out, light, shape, point);
    }
  }

  addLight(out: Illumination, light: Light, shape: Shape, point: SurfacePoint): void {
    if (light.directional) {
      out.add(light, 1, shape, point, -light.dx, -light.dy, -light.dz);
      return;
    }
    const lx = light.x - point.x;
    const ly = light.y - point.y;
    const lz = light.z - point.z;
    const distance = Math.sqrt(lx * lx + ly * ly + lz * lz);
    const spot = -(lx * light.dx + ly * light.dy + lz * light.dz) / distance;
    if (spot < light.cutoffCosine) return;
    const strength =
      power(spot, light.exponent) /
      (light.attenuation[0] + distance * (light.attenuation[1] + distance * light.attenuation[2]));
    out.add(light, strength, shape, point, lx / distance, ly / distance, lz / distance);
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
