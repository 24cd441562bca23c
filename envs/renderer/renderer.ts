/**
 * Draws a simulation's state as MuJoCo's own renderer does, in plain arithmetic that gives the same bytes on every
 * machine. Visibility is decided at four samples a pixel; each shape that a pixel sees is shaded once, at the
 * pixel's centre, and counts as many quarters as it has samples. The floor's reflection is the scene as seen by the
 * mirrored eye, added to the floor; shadows take a light's part away.
 */
import type { Simulation } from '../mujoco.js';
import type { Appearance } from './appearance.js';
import { Mirror } from './mirror.js';
import { Projected, samples } from './projected.js';
import { Scene } from './scene.js';
import { Shading } from './shading.js';
import { Shadows } from './shadow.js';
import type { Shape } from './shape.js';
import { Sky } from './sky.js';
import { Veils } from './veils.js';
import type { View } from './view.js';
import { nothing, VisibilityBuffer } from './visibility.js';

/** Recorded in datasets; the number rises whenever the pictures change. */
export const rendererVersion = 'ray-caster 5';

/** What is kept for one image size. */
interface Buffers {
  readonly width: number;
  readonly height: number;
  readonly scene: VisibilityBuffer;
  readonly mirror: VisibilityBuffer;
}

/** What all pixels of a frame share. */
interface FrameInProgress {
  readonly buffers: Buffers;
  /** Whether a mirror is seen. */
  readonly isMirrored: boolean;
  /** `[height, width, 3]` */
  readonly sky: Uint8Array;
  /** Share of planes in what is seen through them. */
  readonly floorOpacity: number;
  /** Side of a pixel at distance 1. */
  readonly pixel: number;
}

export class Renderer {
  readonly #scene: Scene;
  readonly #shadows: Shadows;
  readonly #shading: Shading;
  /** Shades what the mirror shows. */
  readonly #reflection: Shading;
  /** Shades what is half-transparent, on which no shadow falls. */
  readonly #veilShading: Shading;
  readonly #veils: Veils;
  readonly #mirroredVeils: Veils;
  readonly #sky: Sky;
  readonly #projected: readonly Projected[];
  readonly #mirror: Mirror;
  readonly #buffers: Buffers[] = [];
  /** Colour of the pixel in progress, in [0, 255]. */
  readonly #pixel = new Float64Array(3);
  /** What the mirror adds to it, 1 being white. */
  readonly #image = new Float64Array(3);

  constructor(simulation: Simulation) {
    this.#scene = new Scene(simulation);
    this.#sky = new Sky(simulation);
    this.#projected = this.#scene.shapes.map((shape) => new Projected(shape));
    this.#mirror = new Mirror(this.#scene.shapes);
    const { shadowClip, extent } = simulation.visual;
    this.#shadows = new Shadows(this.#scene, shadowClip * extent);
    this.#shading = new Shading(simulation, this.#scene, this.#projected, this.#shadows);
    this.#reflection = new Shading(simulation, this.#scene, this.#mirror.projected, null);
    this.#veilShading = new Shading(simulation, this.#scene, this.#projected, null);
    this.#veils = new Veils(this.#projected, this.#veilShading);
    this.#mirroredVeils = new Veils(this.#mirror.projected, this.#reflection);
  }

  /**
   * RGB bytes `[height, width, 3]`, row 0 at the top, in a fresh array.
   * @param appearance another look than the model's own.
   */
  render(camera: number, width: number, height: number, appearance: Appearance = {}): Uint8Array {
    const { background } = appearance;
    this.#scene.update(appearance.colours);
    const view = this.#scene.view(camera, appearance.camera);
    const buffers = this.#buffersFor(width, height);
    buffers.scene.clear();
    buffers.scene.drawAll(this.#projected, view);
    this.#shadows.startFrame();
    this.#shading.startFrame({ view, camera: view, share: 1 });
    const mirrored = this.#mirror.draw(buffers.mirror, buffers.scene, view);
    if (mirrored !== null) {
      this.#reflection.startFrame({ view: mirrored, camera: view, share: this.#mirror.reflectance });
      this.#mirroredVeils.startFrame(mirrored, view);
    }
    const picture = this.#resolve({
      buffers,
      isMirrored: mirrored !== null,
      sky: background?.picture(width, height) ?? this.#sky.picture(view, width, height),
      floorOpacity: background?.floorOpacity ?? 1,
      pixel: (2 * view.halfHeight) / height,
    });
    this.#veilShading.startFrame({ view, camera: view, share: 1 });
    this.#veils.startFrame(view, view);
    this.#veils.drawOver(picture, buffers.scene, view);
    return picture;
  }

  /** Where `render` looks from. */
  view(camera: number, appearance: Appearance = {}): View {
    return this.#scene.view(camera, appearance.camera);
  }

  #buffersFor(width: number, height: number): Buffers {
    let buffers = this.#buffers.find((one) => one.width === width && one.height === height);
    if (buffers === undefined) {
      buffers = {
        width,
        height,
        scene: new VisibilityBuffer(width, height),
        mirror: new VisibilityBuffer(width, height),
      };
      this.#buffers.push(buffers);
    }
    return buffers;
  }

  #resolve(frame: FrameInProgress): Uint8Array {
    const { sky, pixel } = frame;
    const { width, height } = frame.buffers;
    const { ids, triangles } = frame.buffers.scene;
    const picture = new Uint8Array(width * height * 3);
    const colour = this.#pixel;
    for (let row = 0, at = 0, byte = 0; row < height; row++) {
      const sy = (height / 2 - row - 0.5) * pixel;
      for (let column = 0; column < width; column++, at += samples, byte += 3) {
        const a = ids[at] as number;
        const b = ids[at + 1] as number;
        const c = ids[at + 2] as number;
        const d = ids[at + 3] as number;
        if (a === nothing && b === nothing && c === nothing && d === nothing) {
          picture[byte] = sky[byte] as number;
          picture[byte + 1] = sky[byte + 1] as number;
          picture[byte + 2] = sky[byte + 2] as number;
          continue;
        }
        colour.fill(0);
        const sx = (column + 0.5 - width / 2) * pixel;
        if (
          triangles !== null &&
          (this.#hasTriangles(a) || this.#hasTriangles(b) || this.#hasTriangles(c) || this.#hasTriangles(d))
        ) {
          // Each triangle has a colour of its own.
          for (let s = 0; s < samples; s++) {
            const count = countOfSame(ids, triangles, at, s);
            if (count > 0) this.#addShape(frame, at, s, ids[at + s] as number, count, sx, sy, byte);
          }
        } else {
          this.#addShape(frame, at, 0, a, countOf(a, a, b, c, d), sx, sy, byte);
          if (b !== a) this.#addShape(frame, at, 1, b, countOf(b, a, b, c, d), sx, sy, byte);
          if (c !== a && c !== b) this.#addShape(frame, at, 2, c, countOf(c, a, b, c, d), sx, sy, byte);
          if (d !== a && d !== b && d !== c) this.#addShape(frame, at, 3, d, 1, sx, sy, byte);
        }
        picture[byte] = (colour[0] as number) + 0.5;
        picture[byte + 1] = (colour[1] as number) + 0.5;
        picture[byte + 2] = (colour[2] as number) + 0.5;
      }
    }
    return picture;
  }

  #hasTriangles(id: number): boolean {
    return id !== nothing && (this.#scene.shapes[id] as Shape).triangles !== null;
  }

  /** Adds one shape's colour to the pixel, weighted by the `count` of four samples that see it. */
  #addShape(
    frame: FrameInProgress,
    at: number,
    sample: number,
    id: number,
    count: number,
    sx: number,
    sy: number,
    byte: number,
  ): void {
    const { isMirrored, sky, floorOpacity, pixel } = frame;
    let weight = count / samples;
    if (id === nothing) {
      this.#addSky(weight, sky, byte);
      return;
    }
    if (floorOpacity < 1 && this.#scene.shapes[id]?.isPlane) {
      this.#addSky(weight * (1 - floorOpacity), sky, byte);
      weight *= floorOpacity;
    }
    this.#shading.shade(id, sample, sx, sy, pixel, frame.buffers.scene.triangles?.[at + sample] ?? 0);
    if (isMirrored && id === this.#mirror.id) this.#addReflection(frame, at, weight, sx, sy);
    this.#addColour(weight);
  }

  /** What the mirror shows of the other shapes at its samples of this pixel, as far as white allows. */
  #addReflection(frame: FrameInProgress, at: number, weight: number, sx: number, sy: number): void {
    const { ids, depths } = frame.buffers.mirror;
    const { scene } = frame.buffers;
    let seen = nothing;
    let onMirror = 0;
    let count = 0;
    for (let s = 0; s < samples; s++) {
      if (scene.ids[at + s] !== this.#mirror.id) continue;
      onMirror++;
      // What is nearer than the mirror's surface lies on its back side.
      if (ids[at + s] === nothing || (depths[at + s] as number) < (scene.depths[at + s] as number)) continue;
      if (seen === nothing) seen = s;
      count++;
    }
    const veils = this.#mirroredVeils;
    if (count === 0 && veils.isEmpty) return;
    const image = this.#image;
    if (count === 0) image.fill(0);
    else {
      // One shape stands for all that a pixel's samples see in the mirror.
      const triangle = frame.buffers.mirror.triangles?.[at + seen] ?? 0;
      this.#reflection.shade(ids[at + seen] as number, seen, sx, sy, frame.pixel, triangle);
      for (let c = 0; c < 3; c++)
        image[c] = (this.#reflection.unshadowed[c] as number) + (this.#reflection.shadowed[c] as number);
    }
    let share = (255 * weight * count) / onMirror;
    if (!veils.isEmpty) {
      for (let c = 0; c < 3; c++) image[c] = ((image[c] as number) * count) / onMirror;
      share = 255 * weight;
      const furthest = count > 0 ? (depths[at + seen] as number) : Infinity;
      const surface = scene.ids.indexOf(this.#mirror.id, at);
      veils.drawOverPoint(image, scene.depths[surface] as number, furthest, sx, sy, frame.pixel);
    }
    const { unshadowed, shadowed } = this.#shading;
    const colour = this.#pixel;
    for (let c = 0; c < 3; c++) {
      const own = (unshadowed[c] as number) + (shadowed[c] as number);
      colour[c] = (colour[c] as number) + share * Math.min(image[c] as number, Math.max(0, 1 - own));
    }
  }

  #addSky(weight: number, sky: Uint8Array, byte: number): void {
    const colour = this.#pixel;
    colour[0] = (colour[0] as number) + weight * (sky[byte] as number);
    colour[1] = (colour[1] as number) + weight * (sky[byte + 1] as number);
    colour[2] = (colour[2] as number) + weight * (sky[byte + 2] as number);
  }

  #addColour(weight: number): void {
    const colour = this.#pixel;
    const { unshadowed, shadowed } = this.#shading;
    const scale = 255 * weight;
    for (let c = 0; c < 3; c++) {
      const lit = Math.min(1, unshadowed[c] as number) + (shadowed[c] as number);
      colour[c] = (colour[c] as number) + scale * Math.min(1, lit);
    }
  }
}

/** How many of a pixel's samples see what sample `s` sees; 0 where one before it sees the same. */
function countOfSame(ids: Int16Array, triangles: Int32Array, at: number, s: number): number {
  let count = 0;
  for (let other = 0; other < samples; other++) {
    if (ids[at + other] !== ids[at + s] || triangles[at + other] !== triangles[at + s]) continue;
    if (other < s) return 0;
    count++;
  }
  return count;
}

function countOf(id: number, a: number, b: number, c: number, d: number): number {
  return (a === id ? 1 : 0) + (b === id ? 1 : 0) + (c === id ? 1 : 0) + (d === id ? 1 : 0);
}
