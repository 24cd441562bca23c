/** Damaged copies of a file, for fuzzing: the kinds of damage that disks, networks and ill will do. */
import type { Generator } from '../../src/random/generator.js';

/** Values that lengths, counts and offsets like to be wrong by. */
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

export function mutate(original: Buffer, generator: Generator): Buffer {
  let bytes: Buffer = Buffer.from(original);
  const times = 1 + generator.integer(3);
  for (let i = 0; i < times && bytes.length > 4; i++) bytes = mutateOnce(bytes, generator);
  return bytes;
}

function mutateOnce(bytes: Buffer, generator: Generator): Buffer {
  const at = generator.integer(bytes.length);
  switch (generator.integer(7)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << generator.integer(8));
      return bytes;
    case 1:
      bytes[at] = generator.integer(256);
      return bytes;
    case 2: {
      const value = EXTREMES[generator.integer(EXTREMES.length)] as number;
      bytes.writeUInt32LE(value, Math.min(at, bytes.length - 4));
      return bytes;
    }
    case 3:
      return bytes.subarray(0, at);
    case 4: {
      const inserted = Buffer.from(
        Array.from({ length: 1 + generator.integer(16) }, () => generator.integer(256)),
      );
      return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
    }
    case 5: {
      const length = generator.integer(Math.min(64, bytes.length - at)) + 1;
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    }
    default: {
      const from = generator.integer(bytes.length);
      bytes.copy(bytes, at, from, Math.min(bytes.length, from + 1 + generator.integer(32)));
      return bytes;
    }
  }
}
