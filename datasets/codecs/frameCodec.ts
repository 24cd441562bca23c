/**
 * A frame codec turns the frames of one episode into bytes and back, without loss. Codecs run on libuv's thread
 * pool wherever the work is heavy, so several episodes decode at once while JavaScript goes on.
 */

/** `[frames, height, width, channels]` uint8. */
export interface FramesShape {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export interface FrameCodec {
  /** Does not keep or change `pixels`. */
  encode(pixels: Uint8Array, shape: FramesShape): Promise<Uint8Array>;
  /**
   * Exactly the bytes that were encoded. Never allocates more than `shape` asks for, whatever `bytes` claims.
   * @throws Error with a clause that fits after "its pixels cannot be decoded:".
   */
  decode(bytes: Uint8Array, shape: FramesShape): Promise<Uint8Array>;
}

export function shapeBytes(shape: FramesShape): number {
  return shape.frames * shape.height * shape.width * shape.channels;
}
