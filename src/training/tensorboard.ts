/**
 * TensorBoard event files: TFRecords of `Event` messages with scalar summaries, written by hand since only five
 * fields are needed (tensorflow/core/util/event.proto, framework/summary.proto).
 *
 * A record: length (uint64), masked crc32c of the length, payload, masked crc32c of the payload, little endian.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../files/makeFolder.js';

export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly scalars: Readonly<Record<string, number>>;
}

export class EventFile {
  readonly #file: FileHandle;
  #bytes: number;

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  /** Opens for appending after the first `bytes` bytes; what lies behind them is cut off. */
  static async open(path: string, bytes = 0): Promise<EventFile> {
    await makeFolder(dirname(path));
    const file = await open(path, bytes === 0 ? 'w' : 'r+');
    await file.truncate(bytes);
    const events = new EventFile(file, bytes);
    if (bytes === 0) await events.#append(versionEvent(Date.now() / 1000));
    return events;
  }

  /** Length of what has been written. */
  get bytes(): number {
    return this.#bytes;
  }

  async write(event: ScalarEvent): Promise<void> {
    await this.#append(scalarEvent(event));
  }

  /** Makes what was written so far survive a power cut. */
  async flush(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(payload: Uint8Array): Promise<void> {
    const record = encodeRecord(payload);
    const at = this.#bytes;
    this.#bytes += record.length;
    await this.#file.write(record, 0, record.length, at);
  }
}

export function encodeRecord(payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(payload.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(payload.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(payload, 12);
  view.setUint32(12 + payload.length, maskedCrc32c(payload), true);
  return record;
}

/** TFRecord's mask: the crc rotated right by 15 bits, plus a constant. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  // Castagnoli's polynomial, reflected.
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

// Protobuf wire format: a tag is (field number << 3) | type; types 0 varint, 1 eight bytes, 2 length-delimited,
// 5 four bytes.

function versionEvent(wallTime: number): Uint8Array {
  return concat([double(1, wallTime), text(3, 'brain.Event:2')]);
}

function scalarEvent({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) =>
    // Summary.value = {tag = 1, simple_value = 2}
    delimited(1, concat([text(1, tag), float(2, value)])),
  );
  return concat([double(1, wallTime), varintField(2, step), delimited(5, concat(values))]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

const varintField = (field: number, value: number): Uint8Array =>
  Uint8Array.from([field << 3, ...varint(value)]);

function double(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = (field << 3) | 1;
  new DataView(bytes.buffer).setFloat64(1, value, true);
  return bytes;
}

function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = (field << 3) | 5;
  new DataView(bytes.buffer).setFloat32(1, value, true);
  return bytes;
}

function delimited(field: number, payload: Uint8Array): Uint8Array {
  return concat([Uint8Array.from([(field << 3) | 2, ...varint(payload.length)]), payload]);
}

const text = (field: number, value: string): Uint8Array => delimited(field, new TextEncoder().encode(value));

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
