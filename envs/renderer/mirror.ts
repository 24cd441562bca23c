/** A reflecting plane: which shape it is, and the scene as the eye mirrored at it sees it. MuJoCo allows one. */
import { Projected, samples } from './projected.js';
import type { Shape } from './shape.js';
import type { View } from './view.js';
import type { VisibilityBuffer } from './visibility.js';

export class Mirror {
  /** Index of the reflecting shape; −1 where there is none. */
  readonly id: number;
  readonly #plane: Shape | undefined;
  /** The scene's shapes as the mirrored eye sees them. */
  readonly projected: readonly Projected[];

  constructor(shapes: readonly Shape[]) {
    this.id = shapes.findIndex((shape) => shape.isPlane && shape.reflectance > 0 && !shape.isVeil);
    this.#plane = shapes[this.id];
    this.projected = this.#plane === undefined ? [] : shapes.map((shape) => new Projected(shape));
  }

  get reflectance(): number {
    return this.#plane?.reflectance ?? 0;
  }

  /**
   * Draws what the mirrored eye sees, in the rows where the mirror is seen in `scene`.
   * @returns the mirrored eye's view; null where no mirror is seen.
   */
  draw(buffer: VisibilityBuffer, scene: VisibilityBuffer, view: View): View | null {
    buffer.clear();
    if (this.#plane === undefined) return null;
    const rows = rowsOf(scene, this.id);
    if (rows === null) return null;
    const mirrored = reflectView(view, this.#plane);
    buffer.drawAll(this.projected, mirrored, this.id, rows.first, rows.last);
    return mirrored;
  }
}

/** First and last row of pixels in which a shape is seen. */
function rowsOf(buffer: VisibilityBuffer, id: number): { first: number; last: number } | null {
  const { ids, width } = buffer;
  const first = ids.indexOf(id);
  if (first < 0) return null;
  return {
    first: Math.floor(first / (width * samples)),
    last: Math.floor(ids.lastIndexOf(id) / (width * samples)),
  };
}

/** The view of an eye mirrored at a plane: position and axes reflected, so that (sx, sy) stay the image's own. */
function reflectView(view: View, plane: Shape): View {
  const nx = plane.r02;
  const ny = plane.r12;
  const nz = plane.r22;
  const height = 2 * ((view.x - plane.x) * nx + (view.y - plane.y) * ny + (view.z - plane.z) * nz);
  const right = 2 * (view.rightX * nx + view.rightY * ny + view.rightZ * nz);
  const up = 2 * (view.upX * nx + view.upY * ny + view.upZ * nz);
  const forward = 2 * (view.forwardX * nx + view.forwardY * ny + view.forwardZ * nz);
  return {
    x: view.x - height * nx,
    y: view.y - height * ny,
    z: view.z - height * nz,
    rightX: view.rightX - right * nx,
    rightY: view.rightY - right * ny,
    rightZ: view.rightZ - right * nz,
    upX: view.upX - up * nx,
    upY: view.upY - up * ny,
    upZ: view.upZ - up * nz,
    forwardX: view.forwardX - forward * nx,
    forwardY: view.forwardY - forward * ny,
    forwardZ: view.forwardZ - forward * nz,
    halfHeight: view.halfHeight,
    near: view.near,
  };
}
