/** A record on its way: cut in parts that fit into messages, put together again, and believed only where it is whole. */
import { InputError } from '../errors.js';
import { sha256Of } from '../files/sha256.js';
import { type Commit, PART_BYTES } from './messages.js';

export function cut(record: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(record.length / PART_BYTES) }, (_, p) =>
    record.subarray(p * PART_BYTES, (p + 1) * PART_BYTES),
  );
}

/**
 * Before a part is fetched: whether what the commit claims can be.
 * @throws InputError
 */
export function requirePlausible({ parts, bytes }: Commit, maxBytes: number): void {
  if (bytes > maxBytes)
    throw new InputError(`it claims ${bytes} bytes, and an episode of this run has at most ${maxBytes}`);
  if (parts !== Math.ceil(bytes / PART_BYTES))
    throw new InputError(`it claims ${parts} parts for ${bytes} bytes, where parts have ${PART_BYTES}`);
}

/** @throws InputError where they are not what was committed */
export function join(parts: readonly Uint8Array[], { bytes, sha256 }: Commit): Uint8Array {
  const record = Buffer.concat(parts);
  if (record.length !== bytes) throw new InputError(`it has ${record.length} bytes of ${bytes}`);
  if (sha256Of(record) !== sha256)
    throw new InputError('its bytes are not those that were committed (SHA-256)');
  return record;
}
