/** Images as the rest of the project has them: one frame, HWC uint8, row 0 at the top. */
import { InputError } from '../errors.js';

export interface Image {
  readonly width: number;
  readonly height: number;
  /** 1 (grey), 3 (RGB) or 4 (RGBA). */
  readonly channels: number;
  /** `[height · width · channels]`. */
  readonly data: Uint8Array;
}

/** A fresh copy as RGBA bytes, opaque where the image has no alpha; `[height · width · 4]`. */
export function toRgba({ width, height, channels, data }: Image): Uint8Array {
  if (channels === 4) return data.slice();
  if (channels !== 1 && channels !== 3)
    throw new InputError(`An image of ${channels} channels cannot be shown: 1, 3 or 4 were expected.`);
  const rgba = new Uint8Array(width * height * 4);
  const green = channels === 3 ? 1 : 0;
  const blue = channels === 3 ? 2 : 0;
  for (let from = 0, to = 0; to < rgba.length; from += channels, to += 4) {
    rgba[to] = data[from] as number;
    rgba[to + 1] = data[from + green] as number;
    rgba[to + 2] = data[from + blue] as number;
    rgba[to + 3] = 255;
  }
  return rgba;
}
