/**
 * The sky: a cube map seen from its centre, so its picture depends on the view's orientation and the image's size
 * alone and is kept until they change.
 */
import type { Simulation } from '../mujoco.js';
import { MipMap } from './texture.js';
import type { View } from './view.js';

/** mjtTexture */
const skyboxTexture = 2;

export class Sky {
  /** +x, −x, +y, −y, +z, −z of the cube; null without a sky, which is black. */
  readonly #faces: readonly MipMap[] | null;
  #picture: Uint8Array = new Uint8Array(0);
  #key = '';

  constructor(simulation: Simulation) {
    this.#faces = readFaces(simulation);
  }

  /** RGB bytes `[height, width, 3]`, row 0 at the top; valid until the next call. */
  picture(view: View, width: number, height: number): Uint8Array {
    const { rightX, rightY, rightZ, upX, upY, upZ, halfHeight } = view;
    const key = [width, height, rightX, rightY, rightZ, upX, upY, upZ, halfHeight].join();
    if (key !== this.#key) {
      this.#key = key;
      this.#picture = this.#draw(view, width, height);
    }
    return this.#picture;
  }

  #draw(view: View, width: number, height: number): Uint8Array {
    const picture = new Uint8Array(width * height * 3);
    if (this.#faces === null) return picture;
    const colour = new Float64Array(3);
    const pixel = (2 * view.halfHeight) / height;
    for (let row = 0; row < height; row++) {
      const sy = (height / 2 - row - 0.5) * pixel;
      for (let column = 0; column < width; column++) {
        const sx = (column + 0.5 - width / 2) * pixel;
        this.#sample(view, sx, sy, pixel, colour);
        const at = 3 * (row * width + column);
        for (let c = 0; c < 3; c++) picture[at + c] = Math.round(colour[c] as number);
      }
    }
    return picture;
  }

  #sample(view: View, sx: number, sy: number, pixel: number, out: Float64Array): void {
    const faces = this.#faces as readonly MipMap[];
    // The cube's axes are the world's, turned by 90° about x.
    const dx = view.forwardX + sx * view.rightX + sy * view.upX;
    const dy = view.forwardZ + sx * view.rightZ + sy * view.upZ;
    const dz = -(view.forwardY + sx * view.rightY + sy * view.upY);
    const ax = Math.abs(dx);
    const ay = Math.abs(dy);
    const az = Math.abs(dz);
    let face: number;
    let major: number;
    let s: number;
    let t: number;
    if (ax >= ay && ax >= az) {
      face = dx > 0 ? 0 : 1;
      major = ax;
      s = dx > 0 ? -dz : dz;
      t = -dy;
    } else if (ay >= az) {
      face = dy > 0 ? 2 : 3;
      major = ay;
      s = dx;
      t = dy > 0 ? dz : -dz;
    } else {
      face = dz > 0 ? 4 : 5;
      major = az;
      s = dz > 0 ? dx : -dx;
      t = -dy;
    }
    const map = faces[face] as MipMap;
    // Texels per pixel: the face spans 2 units at distance 1 along its axis.
    const lod = Math.log2(((pixel / major) * map.width) / 2);
    map.sample((s / major + 1) / 2, (t / major + 1) / 2, lod, false, out);
  }
}

function readFaces(simulation: Simulation): readonly MipMap[] | null {
  const texture = simulation.model('tex_type').indexOf(skyboxTexture);
  if (texture < 0) return null;
  const width = simulation.model('tex_width')[texture] as number;
  const height = simulation.model('tex_height')[texture] as number;
  const start = simulation.model('tex_adr')[texture] as number;
  const data = simulation.model('tex_data') as Uint8Array;
  const bytes = width * width * 3;
  return Array.from({ length: 6 }, (_, face) => {
    const from = start + (height === width ? 0 : face * bytes);
    return new MipMap(width, width, data.slice(from, from + bytes));
  });
}
