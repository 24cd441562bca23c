/** A picture on a body of triangles, by the texture coordinates of its corners. */
import type { Simulation } from '../mujoco.js';
import type { Shape } from './shape.js';
import { type MipMap, materialTexture } from './texture.js';
import type { Triangles } from './triangles.js';

export class SurfaceTexture {
  readonly #map: MipMap;
  readonly #triangles: Triangles;
  readonly #repeatX: number;
  readonly #repeatY: number;

  private constructor(map: MipMap, triangles: Triangles, repeatX: number, repeatY: number) {
    this.#map = map;
    this.#triangles = triangles;
    this.#repeatX = repeatX;
    this.#repeatY = repeatY;
  }

  /** null for a shape that has none, or no coordinates by which it would lie. */
  static of(simulation: Simulation, shape: Shape): SurfaceTexture | null {
    const { triangles, material } = shape;
    if (triangles === null || triangles.textureCoordinates === null) return null;
    const map = materialTexture(simulation, material);
    if (map === null) return null;
    const repeat = simulation.model('mat_texrepeat');
    return new SurfaceTexture(
      map,
      triangles,
      repeat[2 * material] as number,
      repeat[2 * material + 1] as number,
    );
  }

  /**
   * @param weights of the corners @param step how far the point moves from one pixel to the next, in metres
   * @param out receives RGB in [0, 255]
   */
  sampleTriangle(
    corners: Int32Array,
    triangle: number,
    weights: Float64Array,
    step: number,
    out: Float64Array,
  ): void {
    const { positions, textureCoordinates } = this.#triangles;
    const at = (corner: number, axis: number): number =>
      textureCoordinates?.[2 * (corners[3 * triangle + corner] as number) + axis] as number;
    const [wa, wb, wc] = weights as unknown as [number, number, number];
    const u = wa * at(0, 0) + wb * at(1, 0) + wc * at(2, 0);
    const v = wa * at(0, 1) + wb * at(1, 1) + wc * at(2, 1);
    // Texels a metre, along the edge that is longest in the picture.
    let texels = 0;
    for (let corner = 0; corner < 3; corner++) {
      const next = (corner + 1) % 3;
      const [a, b] = [corners[3 * triangle + corner] as number, corners[3 * triangle + next] as number];
      const length = Math.hypot(
        (positions[3 * a] as number) - (positions[3 * b] as number),
        (positions[3 * a + 1] as number) - (positions[3 * b + 1] as number),
        (positions[3 * a + 2] as number) - (positions[3 * b + 2] as number),
      );
      const du = (at(corner, 0) - at(next, 0)) * this.#repeatX * this.#map.width;
      const dv = (at(corner, 1) - at(next, 1)) * this.#repeatY * this.#map.height;
      if (length > 0) texels = Math.max(texels, Math.abs(du) / length, Math.abs(dv) / length);
    }
    const lod = Math.max(0, Math.log2(texels * step));
    this.#map.sample(u * this.#repeatX, v * this.#repeatY, lod, true, out);
  }
}
