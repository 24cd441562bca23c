/** The codecs by the name that a manifest gives. */
import { deltaDeflate } from './deltaDeflate.js';
import type { FrameCodec } from './frameCodec.js';
import { raw } from './raw.js';

export const codecNames = ['raw', 'delta-deflate'] as const;
export type CodecName = (typeof codecNames)[number];
/** Chosen by size and decoding speed: the table is in FORMAT.md. */
export const DEFAULT_CODEC = 'delta-deflate' satisfies CodecName;

export const codecs: Readonly<Record<CodecName, FrameCodec>> = {
  raw,
  'delta-deflate': deltaDeflate,
};
