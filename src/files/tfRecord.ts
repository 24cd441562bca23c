/**
 * The framing of TFRecord files, which TensorBoard's events and TensorFlow's datasets share: a record is its length
 * (uint64), a masked CRC-32C of that, the payload, and a masked CRC-32C of it, least significant byte first.
 */

/** Before and after a record's payload. */
export const recordHeaderBytes = 12;
export const recordFooterBytes = 4;

export function encodeRecord(payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(recordHeaderBytes + payload.length + recordFooterBytes);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(payload.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(payload, recordHeaderBytes);
  view.setUint32(recordHeaderBytes + payload.length, maskedCrc32c(payload), true);
  return record;
}

/** The checksum rotated right by 15 bits, plus a constant, so that one of a checksum is not that checksum. */
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
