/**
 * Raw deflate streams unpacked, large ones off the main thread: by libdeflate, where the set-up built the small
 * addon over it, else by Node's own zlib, which takes 1.6 times as long. Both give the same bytes and refuse the same
 * streams.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { crc32, inflateRaw, inflateRawSync } from 'node:zlib';

export interface Inflated {
  readonly data: Buffer;
  /** CRC-32 of `data`. */
  readonly crc: number;
}

interface InflateAddon {
  inflate(packed: Uint8Array, target: Uint8Array): Promise<Unpacked>;
  inflateSync(packed: Uint8Array, target: Uint8Array): Unpacked;
}

interface Unpacked {
  /** As many as were written into the target. */
  readonly bytes: number;
  readonly crc: number;
}

const unpackByZlib = promisify<Uint8Array, object, Buffer>(inflateRaw);
/** Unpacking so little takes less time than handing it to another thread. */
const SMALL_BYTES = 65536;

let addon: InflateAddon | null | undefined;

/**
 * @param limit the most bytes that the stream may unpack to; all of them are allocated at once
 * @param room of at least `limit` bytes, in which the result may then lie
 * @throws Error with a clause such as "it is not a whole deflate stream"
 */
export async function inflate(packed: Uint8Array, limit: number, room?: Buffer): Promise<Inflated> {
  const isSmall = limit <= SMALL_BYTES;
  addon ??= loadAddon();
  if (addon === null)
    return withCrc(
      isSmall ? inflateRawSync(packed, zlibOptions(limit)) : await unpackByZlib(packed, zlibOptions(limit)),
    );
  const target = room?.subarray(0, limit) ?? Buffer.allocUnsafeSlow(limit);
  const { bytes, crc } = isSmall ? addon.inflateSync(packed, target) : await addon.inflate(packed, target);
  return { data: target.subarray(0, bytes), crc };
}

/** What unpacks large streams here. */
export function inflateEngine(): 'libdeflate' | 'zlib' {
  addon ??= loadAddon();
  return addon === null ? 'zlib' : 'libdeflate';
}

function withCrc(data: Buffer): Inflated {
  return { data, crc: crc32(data) };
}

/** One chunk of the final size: zlib then writes straight into the result, and refuses to write more. */
function zlibOptions(limit: number): object {
  return { chunkSize: Math.max(limit, 64), maxOutputLength: Math.max(limit, 1) };
}

function loadAddon(): InflateAddon | null {
  try {
    const path = fileURLToPath(new URL('../../build/rlpd_inflate.node', import.meta.url));
    const addon: Partial<InflateAddon> = createRequire(import.meta.url)(path);
    // One that an older version built lacks what is called here, until the next set-up.
    return isWhole(addon) ? addon : null;
  } catch {
    return null;
  }
}

function isWhole(addon: Partial<InflateAddon>): addon is InflateAddon {
  return typeof addon.inflate === 'function' && typeof addon.inflateSync === 'function';
}
