/**
 * Half-transparent shapes, laid over what is solid in MuJoCo's order: each is drawn twice, first from the nearest to the
 * furthest, then back again, and hides nothing. So opacity α weighs 1 − (1 − α)². They cast shadows and receive none.
 */
import { type Projected, samples } from './projected.js';
import type { Shading } from './shading.js';
import type { Shape } from './shape.js';
import type { View } from './view.js';
import { VisibilityBuffer } from './visibility.js';

/** Numbers that a layer has for a pixel: offset of its bytes, weight, RGB. */
const layerStride = 5;

export class Veils {
  readonly #projected: readonly Projected[];
  readonly #shading: Shading;
  /** Indices of what is half-transparent now, the furthest first. */
  readonly #order: number[] = [];
  readonly #distances: Float64Array;
  /** One shape at a time; made when first needed. */
  #alone: VisibilityBuffer | null = null;

  /** @param shading of `projected`, without shadows. */
  constructor(projected: readonly Projected[], shading: Shading) {
    this.#projected = projected;
    this.#shading = shading;
    this.#distances = new Float64Array(projected.length);
  }

  /**
   * Finds what is half-transparent.
   * @param view where it is seen from.
   * @param camera the eye, whose distances count in a mirror too.
   */
  startFrame(view: View, camera: View): void {
    const order = this.#order;
    order.length = 0;
    for (let id = 0; id < this.#projected.length; id++) {
      const projected = this.#projected[id] as Projected;
      if (!projected.shape.isVeil) continue;
      projected.update(view);
      this.#distances[id] = distanceOf(projected.shape, camera);
      order.push(id);
    }
    if (order.length < 2) return;
    order.sort((a, b) => (this.#distances[b] as number) - (this.#distances[a] as number));
  }

  get isEmpty(): boolean {
    return this.#order.length === 0;
  }

  /**
   * Lays the shapes over a finished picture.
   * @param picture RGB bytes `[height, width, 3]`.
   * @param solid what hides them.
   */
  drawOver(picture: Uint8Array, solid: VisibilityBuffer, view: View): void {
    if (this.isEmpty) return;
    const layers = this.#order.map((id) => this.#layerOf(id, solid, view));
    for (const layer of [...layers].reverse()) blend(picture, layer);
    for (const layer of layers) blend(picture, layer);
  }

  /**
   * Lays the shapes over the colour, RGB with 1 being white, of one point (sx, sy).
   * @param near only what is further away than this counts,
   * @param far and nearer than this; distances along the view's forward axis.
   */
  drawOverPoint(
    colour: Float64Array,
    near: number,
    far: number,
    sx: number,
    sy: number,
    pixel: number,
  ): void {
    const last = this.#order.length - 1;
    for (let i = -last; i <= last + 1; i++) {
      // From the last of the order to its first, and from there to the last again.
      const id = this.#order[i <= 0 ? -i : i - 1];
      if (id === undefined) continue;
      const projected = this.#projected[id] as Projected;
      projected.aim(0, sx, sy, pixel);
      if (projected.t <= near || projected.t >= far) continue;
      this.#shading.shade(id, 0, sx, sy, pixel, projected.shape.triangles?.met);
      for (let c = 0; c < 3; c++) {
        const under = colour[c] as number;
        colour[c] = under + projected.shape.alpha * (this.#shading.total(c) - under);
      }
    }
  }

  #layerOf(id: number, solid: VisibilityBuffer, view: View): number[] {
    const { width, height } = solid;
    const { shape } = this.#projected[id] as Projected;
    const alone = this.#bufferFor(width, height);
    alone.clear();
    alone.draw(this.#projected[id] as Projected, id, view);
    const pixel = (2 * view.halfHeight) / height;
    const layer: number[] = [];
    for (let row = alone.firstRow; row <= alone.lastRow; row++) {
      for (let column = 0; column < width; column++) {
        const at = (row * width + column) * samples;
        let count = 0;
        let sample = 0;
        for (let s = samples - 1; s >= 0; s--) {
          if ((alone.depths[at + s] as number) >= (solid.depths[at + s] as number)) continue;
          count++;
          sample = s;
        }
        if (count === 0) continue;
        const sx = (column + 0.5 - width / 2) * pixel;
        const triangle = alone.triangles?.[at + sample] ?? 0;
        this.#shading.shade(id, sample, sx, (height / 2 - row - 0.5) * pixel, pixel, triangle);
        layer.push(3 * (row * width + column), (shape.alpha * count) / samples);
        for (let c = 0; c < 3; c++) layer.push(255 * this.#shading.total(c));
      }
    }
    return layer;
  }

  #bufferFor(width: number, height: number): VisibilityBuffer {
    if (this.#alone?.width !== width || this.#alone.height !== height)
      this.#alone = new VisibilityBuffer(width, height);
    return this.#alone;
  }
}

function blend(picture: Uint8Array, layer: readonly number[]): void {
  for (let i = 0; i < layer.length; i += layerStride) {
    const byte = layer[i] as number;
    const weight = layer[i + 1] as number;
    for (let c = 0; c < 3; c++) {
      const under = picture[byte + c] as number;
      picture[byte + c] = under + weight * ((layer[i + 2 + c] as number) - under) + 0.5;
    }
  }
}

/** To the near side of a geom, to the centre of anything else. */
function distanceOf(shape: Shape, eye: View): number {
  const distance = Math.hypot(shape.x - eye.x, shape.y - eye.y, shape.z - eye.z);
  return shape.kind === 'geom' && !shape.isPlane ? distance - shape.boundingRadius : distance;
}
