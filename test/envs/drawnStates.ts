/** States of a model far beyond what an episode reaches, drawn; and what may be wrong with such a picture. */
import type { Simulation } from '../../envs/mujoco.js';
import { Projected, sampleOffsets, samples } from '../../envs/renderer/projected.js';
import { enter } from '../../envs/renderer/rays.js';
import type { Renderer } from '../../envs/renderer/renderer.js';
import { Scene } from '../../envs/renderer/scene.js';
import { geomTypes } from '../../envs/renderer/shape.js';
import { VisibilityBuffer } from '../../envs/renderer/visibility.js';
import type { Generator } from '../../src/random/generator.js';

/** Samples of a picture that are held against rays. */
const raysPerPicture = 32;
/** Share of its distance by which a coarser level of a mesh may lie behind the finest. */
const depthTolerance = 0.02;

/** Positions of every joint anywhere within ±`reach` of zero, every second time within a tenth of that. */
export function setRandomState(simulation: Simulation, random: Generator, number: number, reach = 10): void {
  const range = number % 2 === 0 ? reach / 10 : reach;
  simulation.reset(() => {
    const qpos = simulation.data('qpos');
    for (let joint = 0; joint < qpos.length; joint++) qpos[joint] = random.uniform(-range, range);
  });
}

/** A colour that is no number or out of range, in words; undefined where there is none. */
export function badColour(renderer: Renderer, camera: number, side: number): string | undefined {
  const colours = unroundedPicture(renderer, camera, side);
  const at = colours.findIndex((value) => !(value >= 0 && value < 256));
  return at < 0 ? undefined : `the colour ${colours[at]} at byte ${at}`;
}

/** A byte array hides what is out of range; for one picture the renderer is given floats in its place. */
function unroundedPicture(renderer: Renderer, camera: number, side: number): Float64Array {
  const { Uint8Array: bytes } = globalThis;
  try {
    Object.assign(globalThis, { Uint8Array: Float64Array });
    return renderer.render(camera, side, side) as unknown as Float64Array;
  } finally {
    globalThis.Uint8Array = bytes;
  }
}

/**
 * Looks for holes: samples at which something further away was drawn than rays meet there and around it. The rays meet
 * the finest triangles, one by one; what is drawn comes from coarser ones, all of a body at once. So they agree only
 * where both are right, and at a body's outline they need not.
 */
export class HoleSearch {
  readonly #scene: Scene;
  readonly #shapes: readonly Projected[];
  readonly #buffer: VisibilityBuffer;
  readonly #side: number;
  /** Samples that lay on a mesh and were compared. */
  compared = 0;

  constructor(simulation: Simulation, side: number) {
    this.#scene = new Scene(simulation);
    this.#shapes = this.#scene.shapes.map((shape) => new Projected(shape));
    this.#buffer = new VisibilityBuffer(side, side);
    this.#side = side;
  }

  /** A hole in the present state as the camera sees it, in words; undefined where none was found. */
  find(camera: number, random: Generator): string | undefined {
    this.#scene.update();
    const view = this.#scene.view(camera);
    this.#buffer.clear();
    this.#buffer.drawAll(this.#shapes, view);
    const side = this.#side;
    const pixel = (2 * view.halfHeight) / side;
    for (let i = 0; i < raysPerPicture; i++) {
      const column = Math.floor(random.uniform(1, side - 1));
      const row = Math.floor(random.uniform(1, side - 1));
      const sample = Math.floor(random.uniform(0, samples));
      const [ox, oy] = sampleOffsets[sample] ?? sampleOffsets[0];
      const ray = (right: number, up: number): number =>
        this.#firstMesh((column + ox + right - side / 2) * pixel, (side / 2 - row - oy + up) * pixel);
      // A pixel to each side too: at an outline, levels of detail may differ.
      const met = Math.max(ray(0, 0), ray(1, 0), ray(-1, 0), ray(0, 1), ray(0, -1));
      if (met === Infinity) continue;
      this.compared++;
      const drawn = this.#buffer.depths[(row * side + column) * samples + sample] as number;
      if (drawn > met * (1 + depthTolerance))
        return `a hole in column ${column}, row ${row}, sample ${sample}: ${drawn} m away, where rays meet a mesh at ${met} m`;
    }
    return undefined;
  }

  /** Distance to the first mesh that a ray meets beyond the near plane; Infinity where there is none, or one is cut. */
  #firstMesh(sx: number, sy: number): number {
    let nearest = Infinity;
    for (const one of this.#shapes) {
      const { shape } = one;
      if (shape.alpha < 1 || shape.triangles === null || shape.type === geomTypes.plane) continue;
      one.direct(sx, sy);
      const t = enter(shape, one.ox, one.oy, one.oz, one.dx, one.dy, one.dz);
      if (t < one.near) return Infinity;
      nearest = Math.min(nearest, t);
    }
    return nearest;
  }
}
