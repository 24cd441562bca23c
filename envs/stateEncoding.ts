/** Bytes as text, so that a saved state is plain JSON and yet exact to the bit (−0 and NaN included). */

export function encodeBytes(values: ArrayBufferView): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

/** The bytes, alone in their buffer and aligned for any element type. */
export function decodeBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(text, 'base64');
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}
