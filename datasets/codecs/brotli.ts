/**
 * All frames of an episode as one brotli stream. Its 4 MiB window reaches back over hundreds of 64 px frames, where
 * deflate's 32 KiB holds two and a half, so what stands still or returns is stored once; no difference between
 * frames is taken, which made every moving camera's data larger.
 */
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { type FrameCodec, shapeBytes } from './frameCodec.js';

const compress = promisify<Uint8Array, object, Buffer>(brotliCompress);
const decompress = promisify<Uint8Array, object, Buffer>(brotliDecompress);
/** Quality 5 saves another tenth of the bytes and takes twice the time to write, and longer to read. */
const QUALITY = 4;
const WINDOW_BITS = 22;

export const brotli: FrameCodec = {
  encode: (pixels) =>
    compress(pixels, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: QUALITY,
        [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
        [constants.BROTLI_PARAM_SIZE_HINT]: pixels.length,
      },
    }),
  async decode(bytes, shape) {
    const size = shapeBytes(shape);
    // One chunk of the final size: brotli then writes straight into the result, and refuses to write more.
    const pixels = await decompress(bytes, { chunkSize: Math.max(size, 64), maxOutputLength: size });
    if (pixels.length !== size) throw new Error(`they unpack to ${pixels.length} bytes, expected ${size}`);
    return pixels;
  },
};
