/**
 * The frames as NumPy's `.npz` holds them: an `.npy` file (header and bytes) as one raw deflate stream. Converting
 * an `.npz` then copies the compressed bytes, and exporting one copies them back.
 */
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { inflate } from '../inflate.js';
import { npyHeader, parseNpyHeader } from '../sources/npy.js';
import { type FrameCodec, shapeBytes } from './frameCodec.js';

const deflate = promisify<Uint8Array, object, Buffer>(deflateRaw);
/** NumPy writes 64 to 128 bytes of header for frames; a few times that is allowed. */
const MAX_HEADER_BYTES = 1024;
const LEVEL = 6;

export const npyDeflate: FrameCodec = {
  encode(pixels, shape) {
    const header = npyHeader('|u1', [shape.frames, shape.height, shape.width, shape.channels]);
    return deflate(Buffer.concat([header, pixels]), { level: LEVEL });
  },
  async decode(bytes, shape) {
    const limit = shapeBytes(shape) + MAX_HEADER_BYTES;
    const { data: file } = await inflate(bytes, limit);
    const { dtype, shape: found, fortranOrder, dataOffset } = parseNpyHeader(file);
    const expected = [shape.frames, shape.height, shape.width, shape.channels];
    if (dtype !== '|u1' || fortranOrder || found.join() !== expected.join())
      throw new Error(
        `they are ${dtype} of shape [${found}], expected |u1 of shape [${expected}] in C order`,
      );
    const pixels = file.subarray(dataOffset);
    if (pixels.length !== shapeBytes(shape))
      throw new Error(`they unpack to ${pixels.length} bytes, expected ${shapeBytes(shape)}`);
    return pixels;
  },
};
