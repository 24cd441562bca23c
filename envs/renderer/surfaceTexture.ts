/**
 * A picture on a solid: on a mesh by the texture coordinates of its corners; on all else as OpenGL generates coordinates
 * from the place on the body, which spans −1 to 1 along each axis whatever its size: a two-dimensional picture is
 * projected along z, a cube of pictures from the middle outwards.
 */
import type { Simulation } from '../mujoco.js';
import type { Shape } from './shape.js';
import { type CubeMap, lodOf, type MipMap, materialCube, materialTexture } from './texture.js';
import type { Triangles } from './triangles.js';

export class SurfaceTexture {
  readonly #flat: MipMap | null;
  readonly #cube: CubeMap | null;
  readonly #triangles: Triangles | null;
  readonly #shape: Shape;
  readonly #repeatX: number;
  readonly #repeatY: number;
  /** Whether repeats are counted in metres rather than over the body. */
  readonly #isUniform: boolean;

  private constructor(simulation: Simulation, shape: Shape, flat: MipMap | null, cube: CubeMap | null) {
    const { triangles, material } = shape;
    this.#flat = flat;
    this.#cube = cube;
    this.#shape = shape;
    this.#triangles = triangles?.textureCoordinates && flat !== null ? triangles : null;
    const repeat = simulation.model('mat_texrepeat');
    this.#repeatX = repeat[2 * material] as number;
    this.#repeatY = repeat[2 * material + 1] as number;
    this.#isUniform = simulation.model('mat_texuniform')[material] !== 0;
  }

  /** null for a shape that has none. */
  static of(simulation: Simulation, shape: Shape): SurfaceTexture | null {
    if (shape.material < 0 || shape.isPlane || shape.kind !== 'geom') return null;
    const flat = materialTexture(simulation, shape.material);
    const cube = flat === null ? materialCube(simulation, shape.material) : null;
    return flat === null && cube === null ? null : new SurfaceTexture(simulation, shape, flat, cube);
  }

  /**
   * At a point of the body's own frame.
   * @param step how far the point moves from one pixel to the next, in metres
   * @param out receives RGB in [0, 255]
   */
  samplePoint(x: number, y: number, z: number, step: number, out: Float64Array): void {
    const { triangles, sizeX, sizeY, sizeZ } = this.#shape;
    // Meshes are drawn as they are, everything else as a unit body that is stretched.
    const isStretched = triangles === null && !this.#isUniform;
    const [sx, sy, sz] = isStretched ? [sizeX || 1, sizeY || 1, sizeZ || sizeY || 1] : [1, 1, 1];
    if (this.#cube !== null) {
      this.#cube.sample(x / sx, y / sy, z / sz, step / sx, step / sy, step / sz, out);
      return;
    }
    const flat = this.#flat as MipMap;
    const scaleX = this.#repeatX / (2 * sx);
    const scaleY = this.#repeatY / (2 * sy);
    const texels = step * Math.max(scaleX * flat.width, scaleY * flat.height);
    flat.sample(x * scaleX - 0.5, -y * scaleY - 0.5, lodOf(texels), true, out);
  }

  /** Whether triangles have texture coordinates of their own. */
  get hasCoordinates(): boolean {
    return this.#triangles !== null;
  }

  /**
   * By the coordinates of a triangle's corners.
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
    const flat = this.#flat as MipMap;
    const { positions, textureCoordinates } = this.#triangles as Triangles;
    const at = (corner: number, axis: number): number =>
      textureCoordinates?.[2 * (corners[3 * triangle + corner] as number) + axis] as number;
    const [wa, wb, wc] = weights as unknown as [number, number, number];
    const u = wa * at(0, 0) + wb * at(1, 0) + wc * at(2, 0);
    const v = wa * at(0, 1) + wb * at(1, 1) + wc * at(2, 1);
    // Texels a metre, along the edge that is longest in the picture.
    let texels = 0;
    for (let corner = 0; corner < 3; corner++) {
      const next = (corner + 1) % 3;
      const a = 3 * (corners[3 * triangle + corner] as number);
      const b = 3 * (corners[3 * triangle + next] as number);
      const length = Math.hypot(
        (positions[a] as number) - (positions[b] as number),
        (positions[a + 1] as number) - (positions[b + 1] as number),
        (positions[a + 2] as number) - (positions[b + 2] as number),
      );
      const du = (at(corner, 0) - at(next, 0)) * this.#repeatX * flat.width;
      const dv = (at(corner, 1) - at(next, 1)) * this.#repeatY * flat.height;
      if (length > 0) texels = Math.max(texels, Math.abs(du) / length, Math.abs(dv) / length);
    }
    flat.sample(u * this.#repeatX, v * this.#repeatY, lodOf(texels * step), true, out);
  }
}
