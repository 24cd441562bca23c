/** A shape as an eye sees it, and the rays that pixels and their samples send at it. */
import { enter } from './rays.js';
import { geomTypes, type Shape } from './shape.js';
import type { Level } from './simplify.js';
import type { View } from './view.js';

/** Offsets of a pixel's samples from its top left corner: OpenGL's standard pattern for four. */
export const sampleOffsets = [
  [0.375, 0.875],
  [0.875, 0.625],
  [0.125, 0.375],
  [0.625, 0.125],
] as const;
export const samples = 4;

/** A shape as a view sees it: the eye and the three axes of the view in the shape's own frame. */
export class Projected {
  readonly shape: Shape;
  /** Eye. */
  ox = 0;
  oy = 0;
  oz = 0;
  /** Direction of the ray at (sx, sy) is f + sx·u + sy·v. */
  fx = 0;
  fy = 0;
  fz = 0;
  ux = 0;
  uy = 0;
  uz = 0;
  vx = 0;
  vy = 0;
  vz = 0;
  /** Distance of the view's near plane: a surface before it is not seen, and neither is its inside. */
  near = 0;
  /** Direction of the ray that `direct` or `aim` chose; that of `aim` meets the shape at o + t·d. */
  dx = 0;
  dy = 0;
  dz = 0;
  t = Infinity;

  /** At which level of detail a body of triangles was drawn last. */
  level: Level | null = null;

  constructor(shape: Shape) {
    this.shape = shape;
  }

  /** Takes over the shape's pose. */
  update(view: View): void {
    const s = this.shape;
    const ex = view.x - s.x;
    const ey = view.y - s.y;
    const ez = view.z - s.z;
    this.ox = s.r00 * ex + s.r10 * ey + s.r20 * ez;
    this.oy = s.r01 * ex + s.r11 * ey + s.r21 * ez;
    this.oz = s.r02 * ex + s.r12 * ey + s.r22 * ez;
    this.fx = s.r00 * view.forwardX + s.r10 * view.forwardY + s.r20 * view.forwardZ;
    this.fy = s.r01 * view.forwardX + s.r11 * view.forwardY + s.r21 * view.forwardZ;
    this.fz = s.r02 * view.forwardX + s.r12 * view.forwardY + s.r22 * view.forwardZ;
    this.ux = s.r00 * view.rightX + s.r10 * view.rightY + s.r20 * view.rightZ;
    this.uy = s.r01 * view.rightX + s.r11 * view.rightY + s.r21 * view.rightZ;
    this.uz = s.r02 * view.rightX + s.r12 * view.rightY + s.r22 * view.rightZ;
    this.vx = s.r00 * view.upX + s.r10 * view.upY + s.r20 * view.upZ;
    this.vy = s.r01 * view.upX + s.r11 * view.upY + s.r21 * view.upZ;
    this.vz = s.r02 * view.upX + s.r12 * view.upY + s.r22 * view.upZ;
    this.near = view.near;
  }

  /**
   * Chooses the ray through a pixel's centre (sx, sy); where that one misses, at the shape's outline or the horizon,
   * the ray through the sample of the pixel that saw the shape.
   */
  aim(sample: number, sx: number, sy: number, pixel: number): void {
    this.#aimAt(sx, sy);
    if (this.t !== Infinity && this.t >= this.near) return;
    const offset = sampleOffsets[sample] as readonly [number, number];
    this.#aimAt(sx + (offset[0] - 0.5) * pixel, sy + (0.5 - offset[1]) * pixel);
  }

  /** Chooses the ray through (sx, sy), whatever it meets. */
  direct(sx: number, sy: number): void {
    this.dx = this.fx + sx * this.ux + sy * this.vx;
    this.dy = this.fy + sx * this.uy + sy * this.vy;
    this.dz = this.fz + sx * this.uz + sy * this.vz;
  }

  #aimAt(sx: number, sy: number): void {
    this.direct(sx, sy);
    if (this.shape.type !== geomTypes.plane) {
      this.t = enter(this.shape, this.ox, this.oy, this.oz, this.dx, this.dy, this.dz);
      return;
    }
    // A plane goes on past its edges here: a pixel on the edge is lit at its centre all the same.
    this.t = this.dz < 0 ? -this.oz / this.dz : Infinity;
  }
}
