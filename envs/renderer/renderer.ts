/**
 * Draws a simulation's state as MuJoCo's own renderer does, in plain arithmetic that gives the same bytes on every
 * machine. Visibility is decided at four samples a pixel; each shape that a pixel sees is shaded once, at the
 * pixel's centre, and counts as many quarters as it has samples. The floor's reflection is the scene as seen by the
 * mirrored eye, added to the floor; shadows take a light's part away.
 */
import type { Simulation } from '../mujoco.js';
import type { Appearance } from './appearance.js';
import { Illumination, Lighting } from './lighting.js';
import { PlaneSurface } from './plane.js';
import { enter, localNormal } from './rays.js';
import { geomTypes, type Light, Scene, type Shape, type View } from './scene.js';
import { Shadows } from './shadow.js';
import { Sky } from './sky.js';
import { nothing, Projected, sampleOffsets, samples, VisibilityBuffer } from './visibility.js';

/** Recorded in datasets; the number rises whenever the pictures change. */
export const rendererVersion = 'ray-caster 2';

/** What is kept for one image size. */
interface Buffers {
  readonly width: number;
  readonly height: number;
  readonly scene: VisibilityBuffer;
  readonly mirror: VisibilityBuffer;
}

export class Renderer {
  readonly #scene: Scene;
  readonly #lighting: Lighting;
  readonly #shadows: Shadows;
  readonly #sky: Sky;
  readonly #shapes: readonly Shape[];
  readonly #projected: readonly Projected[];
  /** The same shapes as the mirrored eye sees them. */
  readonly #mirrored: readonly Projected[];
  readonly #planes: readonly (PlaneSurface | null)[];
  /** Index of the shape that mirrors the others: MuJoCo allows one. */
  readonly #mirror: number;
  readonly #buffers: Buffers[] = [];
  /** Share of planes in what is seen through them. */
  #floorOpacity = 1;
  readonly #light = new Illumination();
  readonly #normal = new Float64Array(3);
  readonly #unshadowed = new Float64Array(3);
  readonly #shadowed = new Float64Array(3);
  readonly #pixel = new Float64Array(3);

  constructor(simulation: Simulation) {
    const scene = new Scene(simulation);
    this.#scene = scene;
    this.#lighting = new Lighting(scene);
    this.#shadows = new Shadows(scene, simulation.visual.shadowClip * simulation.visual.extent);
    this.#sky = new Sky(simulation);
    this.#shapes = scene.shapes;
    this.#projected = scene.shapes.map((shape) => new Projected(shape));
    this.#mirrored = scene.shapes.map((shape) => new Projected(shape));
    this.#planes = scene.shapes.map((shape) =>
      shape.type === geomTypes.plane
        ? new PlaneSurface(simulation, shape, this.#shadows.lights.length)
        : null,
    );
    this.#mirror = scene.shapes.findIndex((shape) => shape.type === geomTypes.plane && shape.reflectance > 0);
  }

  /**
   * RGB bytes `[height, width, 3]`, row 0 at the top, in a fresh array.
   * @param appearance another look than the model's own.
   */
  render(camera: number, width: number, height: number, appearance: Appearance = {}): Uint8Array {
    const scene = this.#scene;
    const { background } = appearance;
    this.#floorOpacity = background?.floorOpacity ?? 1;
    scene.update(appearance.colours);
    const view = scene.view(camera, appearance.camera);
    const buffers = this.#buffersFor(width, height);
    this.#shadows.startFrame();
    for (const plane of this.#planes) plane?.startFrame();
    const visible = buffers.scene;
    visible.clear();
    this.#drawAll(visible, this.#projected, view, -1, 0, height - 1);
    const mirrorView = this.#drawMirror(buffers, view);
    const sky = background?.picture(width, height) ?? this.#sky.picture(view, width, height);
    const picture = new Uint8Array(width * height * 3);
    this.#resolve(buffers, view, mirrorView, sky, picture);
    return picture;
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

  /** Near things first would save little: a sample costs the same whether it is overdrawn or not. */
  #drawAll(
    buffer: VisibilityBuffer,
    projected: readonly Projected[],
    view: View,
    except: number,
    first: number,
    last: number,
  ): void {
    for (let id = 0; id < projected.length; id++) {
      const one = projected[id] as Projected;
      if (id === except || one.shape.alpha === 0) continue;
      one.update(view);
      buffer.draw(one, id, view, first, last);
    }
  }

  /** The view of the mirrored eye, with what it sees drawn; null where there is no mirror to see it in. */
  #drawMirror(buffers: Buffers, view: View): View | null {
    const mirror = this.#shapes[this.#mirror];
    buffers.mirror.clear();
    if (mirror === undefined) return null;
    const rows = rowsOf(buffers.scene, this.#mirror);
    if (rows === null) return null;
    const mirrorView = reflectView(view, mirror);
    this.#drawAll(buffers.mirror, this.#mirrored, mirrorView, this.#mirror, rows.first, rows.last);
    return mirrorView;
  }

  #resolve(
    buffers: Buffers,
    view: View,
    mirrorView: View | null,
    sky: Uint8Array,
    picture: Uint8Array,
  ): void {
    const { width, height } = buffers;
    const { ids } = buffers.scene;
    const pixel = (2 * view.halfHeight) / height;
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
        this.#addShape(buffers, view, mirrorView, at, 0, a, countOf(a, a, b, c, d), sx, sy, pixel, sky, byte);
        if (b !== a)
          this.#addShape(
            buffers,
            view,
            mirrorView,
            at,
            1,
            b,
            countOf(b, a, b, c, d),
            sx,
            sy,
            pixel,
            sky,
            byte,
          );
        if (c !== a && c !== b) {
          this.#addShape(
            buffers,
            view,
            mirrorView,
            at,
            2,
            c,
            countOf(c, a, b, c, d),
            sx,
            sy,
            pixel,
            sky,
            byte,
          );
        }
        if (d !== a && d !== b && d !== c)
          this.#addShape(buffers, view, mirrorView, at, 3, d, 1, sx, sy, pixel, sky, byte);
        picture[byte] = (colour[0] as number) + 0.5;
        picture[byte + 1] = (colour[1] as number) + 0.5;
        picture[byte + 2] = (colour[2] as number) + 0.5;
      }
    }
  }

  /** Adds one shape's colour to the pixel, weighted by the `count` of four samples that see it. */
  #addShape(
    buffers: Buffers,
    view: View,
    mirrorView: View | null,
    at: number,
    sample: number,
    id: number,
    count: number,
    sx: number,
    sy: number,
    pixel: number,
    sky: Uint8Array,
    byte: number,
  ): void {
    let weight = count / samples;
    if (id === nothing) {
      this.#addSky(weight, sky, byte);
      return;
    }
    const projected = this.#projected[id] as Projected;
    const plane = this.#planes[id];
    if (plane && this.#floorOpacity < 1) {
      this.#addSky(weight * (1 - this.#floorOpacity), sky, byte);
      weight *= this.#floorOpacity;
    }
    if (plane) this.#shadePlane(plane, projected, view, sample, sx, sy, pixel);
    else this.#shadeSolid(projected, view, view, sample, sx, sy, pixel, 1, true);
    if (id === this.#mirror && mirrorView !== null)
      this.#addReflection(buffers, view, mirrorView, at, id, weight, sx, sy, pixel);
    this.#addColour(weight);
  }

  /** What the mirror shows of the other shapes at its samples of this pixel, added to its colour. */
  #addReflection(
    buffers: Buffers,
    view: View,
    mirrorView: View,
    at: number,
    mirror: number,
    weight: number,
    sx: number,
    sy: number,
    pixel: number,
  ): void {
    const { ids, depths } = buffers.mirror;
    const scene = buffers.scene;
    const reflectance = (this.#shapes[mirror] as Shape).reflectance;
    const colour = this.#pixel;
    let seen = nothing;
    let onMirror = 0;
    let count = 0;
    for (let s = 0; s < samples; s++) {
      if (scene.ids[at + s] !== mirror) continue;
      onMirror++;
      // What is nearer than the mirror's surface lies on its back side.
      if (ids[at + s] === nothing || (depths[at + s] as number) < (scene.depths[at + s] as number)) continue;
      if (seen === nothing) seen = s;
      count++;
    }
    if (count === 0) return;
    const unshadowed = this.#unshadowed;
    const shadowed = this.#shadowed;
    const red = (unshadowed[0] as number) + (shadowed[0] as number);
    const green = (unshadowed[1] as number) + (shadowed[1] as number);
    const blue = (unshadowed[2] as number) + (shadowed[2] as number);
    const projected = this.#mirrored[ids[at + seen] as number] as Projected;
    const plane = this.#planes[ids[at + seen] as number];
    // One shape stands for all that a pixel's samples see in the mirror.
    if (plane) unshadowed.fill(0);
    else this.#shadeSolid(projected, mirrorView, view, seen, sx, sy, pixel, reflectance, false);
    const share = (255 * weight * count) / onMirror;
    // The floor below is added by the caller; here goes what the mirror adds, as far as white allows.
    colour[0] =
      (colour[0] as number) +
      share * Math.min((unshadowed[0] as number) + (shadowed[0] as number), Math.max(0, 1 - red));
    colour[1] =
      (colour[1] as number) +
      share * Math.min((unshadowed[1] as number) + (shadowed[1] as number), Math.max(0, 1 - green));
    colour[2] =
      (colour[2] as number) +
      share * Math.min((unshadowed[2] as number) + (shadowed[2] as number), Math.max(0, 1 - blue));
    unshadowed[0] = red;
    unshadowed[1] = green;
    unshadowed[2] = blue;
    shadowed.fill(0);
  }

  #addSky(weight: number, sky: Uint8Array, byte: number): void {
    const colour = this.#pixel;
    colour[0] = (colour[0] as number) + weight * (sky[byte] as number);
    colour[1] = (colour[1] as number) + weight * (sky[byte + 1] as number);
    colour[2] = (colour[2] as number) + weight * (sky[byte + 2] as number);
  }

  #addColour(weight: number): void {
    const colour = this.#pixel;
    const scale = 255 * weight;
    for (let c = 0; c < 3; c++) {
      const lit = Math.min(1, this.#unshadowed[c] as number) + (this.#shadowed[c] as number);
      colour[c] = (colour[c] as number) + scale * Math.min(1, lit);
    }
  }

  #shadePlane(
    plane: PlaneSurface,
    p: Projected,
    view: View,
    sample: number,
    sx: number,
    sy: number,
    pixel: number,
  ): void {
    const { shape } = plane;
    let dx = p.fx + sx * p.ux + sy * p.vx;
    let dy = p.fy + sx * p.uy + sy * p.vy;
    let dz = p.fz + sx * p.uz + sy * p.vz;
    let t = -p.oz / dz;
    // At the horizon the pixel's centre may look past the plane although one of its samples does not.
    if (dz >= 0) {
      const offset = sampleOffsets[sample] as readonly [number, number];
      const x = sx + (offset[0] - 0.5) * pixel;
      const y = sy + (0.5 - offset[1]) * pixel;
      dx = p.fx + x * p.ux + y * p.vx;
      dy = p.fy + x * p.uy + y * p.vy;
      dz = p.fz + x * p.uz + y * p.vz;
      t = -p.oz / dz;
    }
    const x = p.ox + t * dx;
    const y = p.oy + t * dy;
    // How the point moves with sx and sy: t changes with dz.
    const step = Math.abs(t) * pixel;
    const pixelX = step * Math.max(Math.abs(p.ux - (dx * p.uz) / dz), Math.abs(p.vx - (dx * p.vz) / dz));
    const pixelY = step * Math.max(Math.abs(p.uy - (dy * p.uz) / dz), Math.abs(p.vy - (dy * p.vz) / dz));
    const px = shape.x + shape.r00 * x + shape.r01 * y;
    const py = shape.y + shape.r10 * x + shape.r11 * y;
    const pz = shape.z + shape.r20 * x + shape.r21 * y;
    let shadows = 0;
    for (let i = 0; i < this.#shadows.lights.length; i++) {
      if (this.#shadows.isShadowed(i, shape, px, py, pz)) shadows |= 1 << i;
    }
    plane.shade(this.#lighting, view, x, y, pixelX, pixelY, shadows, this.#unshadowed, this.#shadowed);
  }

  /** @param view where it is seen from. @param camera the true view, which carries the headlight. */
  #shadeSolid(
    p: Projected,
    view: View,
    camera: View,
    sample: number,
    sx: number,
    sy: number,
    pixel: number,
    reflectance: number,
    withShadows: boolean,
  ): void {
    const { shape } = p;
    let dx = p.fx + sx * p.ux + sy * p.vx;
    let dy = p.fy + sx * p.uy + sy * p.vy;
    let dz = p.fz + sx * p.uz + sy * p.vz;
    let t = enter(shape, p.ox, p.oy, p.oz, dx, dy, dz);
    if (t === Infinity) {
      const offset = sampleOffsets[sample] as readonly [number, number];
      const x = sx + (offset[0] - 0.5) * pixel;
      const y = sy + (0.5 - offset[1]) * pixel;
      dx = p.fx + x * p.ux + y * p.vx;
      dy = p.fy + x * p.uy + y * p.vy;
      dz = p.fz + x * p.uz + y * p.vz;
      t = enter(shape, p.ox, p.oy, p.oz, dx, dy, dz);
    }
    // Point and normal in the shape's own frame.
    const lx = p.ox + t * dx;
    const ly = p.oy + t * dy;
    const lz = p.oz + t * dz;
    localNormal(shape, lx, ly, lz, this.#normal);
    const mx = this.#normal[0] as number;
    const my = this.#normal[1] as number;
    const mz = this.#normal[2] as number;
    const nx = shape.r00 * mx + shape.r01 * my + shape.r02 * mz;
    const ny = shape.r10 * mx + shape.r11 * my + shape.r12 * mz;
    const nz = shape.r20 * mx + shape.r21 * my + shape.r22 * mz;
    const px = shape.x + shape.r00 * lx + shape.r01 * ly + shape.r02 * lz;
    const py = shape.y + shape.r10 * lx + shape.r11 * ly + shape.r12 * lz;
    const pz = shape.z + shape.r20 * lx + shape.r21 * ly + shape.r22 * lz;
    let vx = view.x - px;
    let vy = view.y - py;
    let vz = view.z - pz;
    const distance = Math.sqrt(vx * vx + vy * vy + vz * vz);
    vx /= distance;
    vy /= distance;
    vz /= distance;
    const light = this.#light;
    light.clear();
    this.#lighting.addUnshadowed(light, shape, camera, px, py, pz, nx, ny, nz, vx, vy, vz);
    store(this.#unshadowed, light, shape, reflectance, shape.emission);
    light.clear();
    for (let i = 0; i < this.#shadows.lights.length; i++) {
      if (withShadows && this.#shadows.isShadowed(i, shape, px, py, pz)) continue;
      const source = this.#shadows.lights[i] as Light;
      this.#lighting.addLight(light, source, shape, px, py, pz, nx, ny, nz, vx, vy, vz);
    }
    store(this.#shadowed, light, shape, reflectance, 0);
  }
}

function store(
  out: Float64Array,
  light: Illumination,
  shape: Shape,
  reflectance: number,
  emission: number,
): void {
  out[0] = shape.red * reflectance * (light.red + emission) + light.specularRed;
  out[1] = shape.green * reflectance * (light.green + emission) + light.specularGreen;
  out[2] = shape.blue * reflectance * (light.blue + emission) + light.specularBlue;
}

function countOf(id: number, a: number, b: number, c: number, d: number): number {
  return (a === id ? 1 : 0) + (b === id ? 1 : 0) + (c === id ? 1 : 0) + (d === id ? 1 : 0);
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
  };
}
