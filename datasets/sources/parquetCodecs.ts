/** How the pages of parquet files are packed, and how they are unpacked; what cannot be is named. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type Compressors, snappyUncompress } from 'hyparquet';
import { InputError } from '../../src/errors.js';

/** What is unpacked is never longer than the page says: a bomb stops there. */
const options = (bytes: number) => ({ maxOutputLength: Math.max(1, bytes) });

export const parquetCodecs = {
  UNCOMPRESSED: (packed) => packed,
  SNAPPY: (packed, bytes) => {
    const page = new Uint8Array(bytes);
    snappyUncompress(packed, page);
    return page;
  },
  GZIP: (packed, bytes) => gunzipSync(packed, options(bytes)),
  BROTLI: (packed, bytes) => brotliDecompressSync(packed, options(bytes)),
} satisfies Compressors;

/** @throws InputError for a codec that cannot be read, with the way out */
export function requireCodec(codec: string, column: string): void {
  if (codec in parquetCodecs) return;
  throw new InputError(
    `its column ${column} is packed with ${codec}, which cannot be read here: write the file anew with snappy or gzip, as pyarrow.parquet.write_table(table, path, compression='snappy') does`,
  );
}
