/** The codecs by the name that a manifest gives. */
import { brotli } from './brotli.js';
import type { FrameCodec } from './frameCodec.js';
import { png, webp } from './imageFiles.js';
import { npyDeflate } from './npyDeflate.js';
import { raw } from './raw.js';

export const codecNames = ['raw', 'brotli', 'npy-deflate', 'png', 'webp'] as const;
export type CodecName = (typeof codecNames)[number];
/** Chosen by size and decoding speed: the table is in FORMAT.md. */
export const DEFAULT_CODEC = 'brotli' satisfies CodecName;

export const codecs: Readonly<Record<CodecName, FrameCodec>> = {
  raw,
  brotli,
  'npy-deflate': npyDeflate,
  png,
  webp,
};
