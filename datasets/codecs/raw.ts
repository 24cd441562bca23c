/** The bytes as they are: nothing to decode, everything to read. */
import { type FrameCodec, shapeBytes } from './frameCodec.js';

export const raw: FrameCodec = {
  encode: async (pixels) => pixels,
  decode: async (bytes, shape) => {
    if (bytes.length !== shapeBytes(shape))
      throw new Error(`they are ${bytes.length} bytes, expected ${shapeBytes(shape)}`);
    return bytes;
  },
};
