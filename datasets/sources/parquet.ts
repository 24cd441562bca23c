/** Rows of parquet files through hyparquet, a slice of the file at a time. */
import {
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { InputError } from '../../src/errors.js';
import type { FileSource } from './byteSource.js';

export interface ParquetSource {
  /** What sentences call it. */
  readonly name: string;
  readonly source: FileSource;
}

/**
 * Rows [from, to) of these columns, binary values as bytes.
 * @throws InputError where the file is damaged or has no such column
 */
export async function readParquetRows(
  { name, source }: ParquetSource,
  columns: string[],
  [from, to]: readonly [number, number],
): Promise<Record<string, unknown>[]> {
  // What the library has begun to read when it throws over something else is waited for by nobody, and its failure
  // would end the process: so a failed read never comes back to it, but fails the whole at once.
  let fail: (error: unknown) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  let isOver = false;
  const never = new Promise<never>(() => {});
  const buffer = {
    byteLength: source.bytes,
    slice: async (start: number, end = source.bytes): Promise<ArrayBuffer> => {
      const bytes = await source.read(start, end - start).catch(fail);
      if (bytes === undefined || isOver) return never;
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    },
  };
  const read = async (): Promise<Record<string, unknown>[]> => {
    const metadata = await parquetMetadataAsync(buffer);
    checkColumns(metadata);
    const rowEnd = Math.min(to, Number(metadata.num_rows));
    return parquetReadObjects({ file: buffer, metadata, columns, rowStart: from, rowEnd, utf8: false });
  };
  try {
    return await Promise.race([read(), failure]);
  } catch (error) {
    throw new InputError(`${name} cannot be read: ${(error as Error).message}.`, { cause: error });
  } finally {
    isOver = true;
  }
}

/** Every row group holds the schema's columns in its order; the library would read others and drop their failures. */
function checkColumns(metadata: FileMetaData): void {
  const expected = JSON.stringify(leaves(parquetSchema(metadata)));
  metadata.row_groups.forEach(({ columns }, i) => {
    const found = columns.map((column) => column.meta_data?.path_in_schema);
    if (JSON.stringify(found) !== expected)
      throw new Error(`row group ${i} does not hold the columns of the schema`);
  });
}

function leaves({ path, children }: SchemaTree): string[][] {
  return children.length === 0 ? [path] : children.flatMap(leaves);
}
