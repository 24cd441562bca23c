/**
 * The sky: a cube map seen from its centre, so its picture depends on the view's orientation and the image's size
 * alone and is kept until they change.
 */
import type { Simulation } from '../mujoco.js';
import { CubeMap } from './texture.js';
import type { View } from './view.js';

/** mjtTexture */
const skyboxTexture = 2;

export class Sky {
  /** Null without a sky, which is black. */
  readonly #cube: CubeMap | null;
  #picture: Uint8Array = new Uint8Array(0);
  #key = '';

  constructor(simulation: Simulation) {
    const texture = simulation.model('tex_type').indexOf(skyboxTexture);
    this.#cube = texture < 0 ? null : CubeMap.read(simulation, texture);
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
    if (this.#cube === null) return picture;
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
    // The cube's axes are the world's, turned by 90° about x.
    const dx = view.forwardX + sx * view.rightX + sy * view.upX;
    const dy = view.forwardZ + sx * view.rightZ + sy * view.upZ;
    const dz = -(view.forwardY + sx * view.rightY + sy * view.upY);
    this.#cube?.sample(dx, dy, dz, pixel, pixel, pixel, out);
  }
}
