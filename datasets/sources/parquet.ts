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
import { parquetCodecs, requireCodec } from './parquetCodecs.js';
import { checkPages, type PageLevels } from './parquetPages.js';

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
    const metadata = known.get(source) ?? (await parquetMetadataAsync(buffer));
    known.set(source, metadata);
    checkColumns(metadata);
    await checkColumnPages(source, metadata, columns, [from, to]);
    const rowEnd = Math.min(to, Number(metadata.num_rows));
    return parquetReadObjects({
      file: buffer,
      metadata,
      columns,
      rowStart: from,
      rowEnd,
      utf8: false,
      compressors: parquetCodecs,
    });
  };
  try {
    return await Promise.race([read(), failure]);
  } catch (error) {
    throw new InputError(`${name} cannot be read: ${(error as Error).message}.`, { cause: error });
  } finally {
    isOver = true;
  }
}

/** The file's end says what is in it; rows are read a few at a time. */
const known = new WeakMap<FileSource, FileMetaData>();

export interface ParquetColumn {
  readonly name: string;
  /** Whether it, or the lists in it, are kept as integers or booleans. */
  readonly isWhole: boolean;
}

/** @throws InputError where the file is damaged */
export async function parquetColumns(file: ParquetSource): Promise<ParquetColumn[]> {
  if (file.source.bytes < LEAST_BYTES)
    throw new InputError(`${file.name} has ${file.source.bytes} bytes: it is no parquet file.`);
  await readParquetRows(file, [], [0, 0]);
  const metadata = known.get(file.source);
  return metadata === undefined
    ? []
    : parquetSchema(metadata).children.map((column) => ({
        name: column.element.name,
        isWhole: WHOLE_TYPES.includes(leafType(column)),
      }));
}

/** Its mark at both ends, and the length of what lies before the second. */
const LEAST_BYTES = 12;
const WHOLE_TYPES = ['INT32', 'INT64', 'BOOLEAN'];

function leafType({ element, children }: SchemaTree): string {
  const [only, ...others] = children;
  if (only === undefined) return element.type ?? '';
  return others.length > 0 ? '' : leafType(only);
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

/** Column chunks whose pages were looked at, by file: rows are read a few at a time. */
const looked = new WeakMap<FileSource, Set<string>>();

/** Of the row groups that hold rows [from, to): what their pages say of themselves must be possible. */
async function checkColumnPages(
  source: FileSource,
  metadata: FileMetaData,
  columns: readonly string[],
  [from, to]: readonly [number, number],
): Promise<void> {
  const done = looked.get(source) ?? new Set();
  looked.set(source, done);
  const schema = parquetSchema(metadata);
  let first = 0;
  for (const [i, group] of metadata.row_groups.entries()) {
    const end = first + Number(group.num_rows);
    const isWanted = first < to && end > from;
    first = end;
    if (!isWanted) continue;
    for (const { meta_data: column } of group.columns) {
      const [name = ''] = column?.path_in_schema ?? [];
      const key = `${i} ${column?.path_in_schema.join('.')}`;
      if (column === undefined || !columns.includes(name) || done.has(key)) continue;
      requireCodec(column.codec, name);
      const dictionary = Number(column.dictionary_page_offset ?? 0);
      const start = dictionary > 0 ? dictionary : Number(column.data_page_offset);
      const range = { start, bytes: Number(column.total_compressed_size) };
      const read = (at: number, length: number) => source.read(at, length);
      await checkPages(read, range, column.codec, levelsOf(schema, column.path_in_schema));
      done.add(key);
    }
  }
}

/** As the format counts them: a level for each repeated field on the way, and for each that may be missing. */
function levelsOf(schema: SchemaTree, path: readonly string[]): PageLevels {
  let [repetition, definition] = [0, 0];
  let here: SchemaTree | undefined = schema;
  for (const name of path) {
    here = here?.children.find(({ element }) => element.name === name);
    if (here?.element.repetition_type === 'REPEATED') repetition++;
    if (here?.element.repetition_type !== 'REQUIRED') definition++;
  }
  return { repetition, definition };
}

function leaves({ path, children }: SchemaTree): string[][] {
  return children.length === 0 ? [path] : children.flatMap(leaves);
}

/** The number in a cell; NaN where there is none: `Number` makes 0 of a cell without a value. */
export function cellNumber(cell: unknown): number {
  return typeof cell === 'number' || typeof cell === 'bigint' || typeof cell === 'boolean'
    ? Number(cell)
    : Number.NaN;
}
