/**
 * Each frame minus the one before it (modulo 256; the first frame as it is), the whole episode as one zlib stream.
 * A camera that mostly stands still makes most differences zero, which deflate packs and unpacks fast.
 */
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { type FrameCodec, shapeBytes } from './frameCodec.js';

const deflateAsync = promisify<Uint8Array, object, Buffer>(deflate);
const inflateAsync = promisify<Uint8Array, object, Buffer>(inflate);
/** Beyond level 6 the size gains about a percent and the time doubles. */
const LEVEL = 6;

export const deltaDeflate: FrameCodec = {
  async encode(pixels, shape) {
    return deflateAsync(subtractPrevious(pixels, shape.height * shape.width * shape.channels), {
      level: LEVEL,
    });
  },
  async decode(bytes, shape) {
    const size = shapeBytes(shape);
    // One chunk of the final size: zlib then writes straight into the result, and refuses to write more.
    const pixels = await inflateAsync(bytes, { chunkSize: Math.max(size, 64), maxOutputLength: size });
    if (pixels.length !== size) throw new Error(`it unpacks to ${pixels.length} bytes, expected ${size}`);
    addPrevious(pixels, shape.height * shape.width * shape.channels);
    return pixels;
  },
};

function subtractPrevious(pixels: Uint8Array, frameBytes: number): Uint8Array {
  const differences = pixels.slice();
  for (let i = frameBytes; i < pixels.length; i++)
    differences[i] = (pixels[i] as number) - (pixels[i - frameBytes] as number);
  return differences;
}

/** In place. Four bytes at a time where the frame's size allows it: the carry between bytes is masked out. */
function addPrevious(pixels: Uint8Array, frameBytes: number): void {
  if (frameBytes % 4 !== 0 || pixels.byteOffset % 4 !== 0 || pixels.length % 4 !== 0) {
    for (let i = frameBytes; i < pixels.length; i++)
      pixels[i] = (pixels[i] as number) + (pixels[i - frameBytes] as number);
    return;
  }
  const words = new Int32Array(pixels.buffer, pixels.byteOffset, pixels.length / 4);
  const stride = frameBytes / 4;
  for (let i = stride; i < words.length; i++) {
    const a = words[i] as number;
    const b = words[i - stride] as number;
    words[i] = ((a & 0x7f7f7f7f) + (b & 0x7f7f7f7f)) ^ ((a ^ b) & 0x80808080);
  }
}
