/**
 * How far away a light sees bodies of triangles: of their insides, as through their fronts, so that no front shades
 * itself by rounding. Drawn when a frame first asks for it.
 */
import { Projected } from './projected.js';
import { drawTriangles } from './rasterizer.js';
import type { Shape } from './shape.js';
import type { Triangles } from './triangles.js';
import type { View } from './view.js';

/** Pixels along a side. */
const side = 512;
/** One sample a pixel, in its middle. */
const offsets = [[0.5, 0.5]] as const;
/** Pixels by which a surface has to lie deeper than what shades it. */
const bias = 1;

export class MeshDepths {
  readonly #projected: readonly Projected[];
  readonly #target = {
    width: side,
    height: side,
    offsets,
    ids: new Int16Array(side * side),
    depths: new Float64Array(side * side),
  };
  readonly #seen = new Int32Array(side * side);
  #isDrawn = false;
  /** Rows that something was drawn into. */
  #firstRow = 0;
  #lastRow = side - 1;

  constructor(shapes: readonly Shape[]) {
    this.#projected = shapes.map((shape) => new Projected(shape));
  }

  /** What was seen is old. */
  forget(): void {
    this.#isDrawn = false;
  }

  /** @param view from the light */
  isHidden(view: View, px: number, py: number, pz: number): boolean {
    if (!this.#isDrawn) this.#draw(view);
    const x = px - view.x;
    const y = py - view.y;
    const z = pz - view.z;
    const depth = x * view.forwardX + y * view.forwardY + z * view.forwardZ;
    const pixel = (2 * view.halfHeight) / side;
    const scale = 1 / (depth * pixel);
    const across = side / 2 + (x * view.rightX + y * view.rightY + z * view.rightZ) * scale;
    const down = side / 2 - (x * view.upX + y * view.upY + z * view.upZ) * scale;
    const column = Math.floor(across);
    const row = Math.floor(down);
    if (row < this.#firstRow || row > this.#lastRow || column < 0 || column >= side) return false;
    return (this.#target.depths[row * side + column] as number) < depth - bias * pixel * depth;
  }

  #draw(view: View): void {
    const { depths } = this.#target;
    depths.fill(Infinity, this.#firstRow * side, (this.#lastRow + 1) * side);
    this.#firstRow = side;
    this.#lastRow = -1;
    this.#isDrawn = true;
    const pixel = (2 * view.halfHeight) / side;
    for (const projected of this.#projected) {
      if (projected.shape.alpha === 0) continue;
      projected.update(view);
      const triangles = projected.shape.triangles as Triangles;
      const rows = drawTriangles(projected, triangles, 0, this.#target, this.#seen, pixel, 0, side - 1, true);
      this.#firstRow = Math.min(this.#firstRow, rows.first);
      this.#lastRow = Math.max(this.#lastRow, rows.last);
    }
  }
}
