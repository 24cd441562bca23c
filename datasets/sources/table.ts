/**
 * Small tables of numbers beside images: CSV with a header, as loggers and spreadsheets write it (quoted cells, commas,
 * semicolons or tabs between them), or JSON Lines. A column may be spread over `name_0`, `name_1`, … or, in JSON Lines,
 * hold an array.
 */
import { readFile, stat } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';

export interface Table {
  readonly rows: number;
  /** Columns, those that are spread over several by their common name. */
  readonly names: readonly string[];
  /** `[rows, size]`, null where there is no such column. */
  column(name: string): { readonly values: Float32Array; readonly size: number } | null;
  /** Of a column that holds text in every row; null where it does not, or there is none. */
  text(name: string): readonly string[] | null;
}

const MAX_TABLE_BYTES = 2 ** 28;
const plain = z.union([z.number(), z.boolean().transform(Number)]);
const cell = z.union([plain, z.array(plain), z.null(), z.string()]);
const jsonRow = z.record(z.string(), cell);

/** @param name what sentences call it; its ending says which of the two it is */
export async function readTable(path: string, name: string): Promise<Table> {
  const { size } = await stat(path);
  if (size > MAX_TABLE_BYTES)
    throw new InputError(
      `${name} has ${size} bytes, more than a table of one episode may have (${MAX_TABLE_BYTES}).`,
    );
  const text = asText(await readFile(path), name);
  const rows = name.toLowerCase().endsWith('.csv') ? csvRows(text, name) : jsonRows(text, name);
  // A row of JSON Lines need not have what others have; what is missing is then said by its row.
  const cells = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const nameOf = (cell: string): string => {
    const common = cell.replace(SPREAD, '');
    return cellsOf(cells, common).includes(cell) ? common : cell;
  };
  return {
    rows: rows.length,
    names: [...new Set(cells.map(nameOf))],
    column: (column) => columnOf(rows, cells, column, name),
    text: (column) => {
      const values = cells.includes(column) ? rows.map((row) => row.get(column)) : [];
      return values.every((value) => typeof value === 'string') && values.length > 0 ? values : null;
    },
  };
}

const SPREAD = /_\d+$/;

/** As spreadsheets write it, too: UTF-16 is known by its first bytes. */
function asText(bytes: Buffer, name: string): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return bytes.toString('utf16le').replace(/^\ufeff/, '');
  if (first === 0xfe && second === 0xff)
    throw new InputError(`${name} is text in UTF-16 of the rarer order of bytes: save it as UTF-8.`);
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}

/** The cells that make up a column: itself, or what it is spread over, from 0 or from 1 on. */
function cellsOf(cells: readonly string[], column: string): string[] {
  if (cells.includes(column)) return [column];
  const first = cells.includes(`${column}_0`) ? 0 : 1;
  const spread: string[] = [];
  while (cells.includes(`${column}_${first + spread.length}`))
    spread.push(`${column}_${first + spread.length}`);
  return spread;
}

/** @throws InputError where a number is left out: those after it would be read by nobody */
function checkSpread(cells: readonly string[], column: string, name: string): void {
  const parts = cells.filter((cell) => cell !== column && cell.replace(SPREAD, '') === column);
  const found = cellsOf(cells, column);
  // One alone is a name that ends in a number.
  if (cells.includes(column) || parts.length < 2 || found.length === parts.length) return;
  const stray = parts.find((cell) => !found.includes(cell));
  throw new InputError(
    `${name} has a column ${stray}, and not all of ${column}_0, ${column}_1, … before it: number them from 0 on without a gap.`,
  );
}

type Row = ReadonlyMap<string, number | readonly number[] | string | null>;

const DELIMITERS = [',', ';', '\t'];
const DECIMAL_COMMA = /^[+-]?\d+,\d+(e[+-]?\d+)?$/i;

function csvRows(whole: string, name: string): Row[] {
  // The first line in which Excel says what stands between cells.
  const text = whole.replace(/^sep=.\r?\n/, '');
  const [header = ''] = text.split(/\r?\n/, 1);
  const delimiter = DELIMITERS.find((mark) => header.includes(mark)) ?? ',';
  const [columns = [], ...lines] = csvCells(text, delimiter, name);
  const repeated = columns.find((column, i) => columns.indexOf(column) < i);
  if (repeated !== undefined) throw new InputError(`${name} has two columns "${repeated}".`);
  return lines.map((cells, i) => {
    const comma = cells.find((cell) => DECIMAL_COMMA.test(cell));
    if (comma !== undefined)
      throw new InputError(
        `${name}, row ${i + 1} holds ${comma}, a number with a decimal comma: write the table with decimal points, such as ${comma.replace(',', '.')}.`,
      );
    return new Map(columns.map((column, j) => [column, csvCell(cells[j] ?? '')] as const));
  });
}

function csvCells(text: string, delimiter: string, name: string): string[][] {
  try {
    return parse(text, { bom: true, delimiter, skip_empty_lines: true, trim: true });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines, record, columns: _ } = error as CsvError & { lines?: number; record?: string[] };
    const expected = /expect (\d+)/i.exec(error.message)?.[1];
    throw new InputError(
      error.code.includes('INCONSISTENT') && expected !== undefined && record !== undefined
        ? `${name}, line ${lines} has ${record.length} cells, expected ${expected}.`
        : `${name} cannot be read as CSV: ${error.message}.`,
      { cause: error },
    );
  }
}

function csvCell(text: string): number | string | null {
  if (text === '') return null;
  if (/^(true|false)$/i.test(text)) return Number(text.toLowerCase() === 'true');
  const value = Number(text);
  return Number.isNaN(value) && text.toLowerCase() !== 'nan' ? text : value;
}

function jsonRows(text: string, name: string): Row[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.map((line, i) => {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      throw new InputError(`${name}, line ${i + 1} is not JSON.`);
    }
    const parsed = jsonRow.safeParse(json);
    if (!parsed.success)
      throw new InputError(`${name}, line ${i + 1} is not an object of numbers and arrays of numbers.`);
    return new Map(Object.entries(parsed.data));
  });
}

function columnOf(
  rows: readonly Row[],
  cells: readonly string[],
  name: string,
  table: string,
): ReturnType<Table['column']> {
  const parts = cellsOf(cells, name);
  if (parts.length === 0) return null;
  checkSpread(cells, name, table);
  const numbers = rows.map((row, i) =>
    parts
      .flatMap((part) => row.get(part))
      .map((value) => {
        if (typeof value === 'number') return value;
        throw new InputError(
          `${table}, row ${i + 1}: ${name} holds ${value === undefined ? 'nothing' : JSON.stringify(value)}, a number is expected.`,
        );
      }),
  );
  const size = numbers[0]?.length ?? 0;
  const uneven = numbers.findIndex((row) => row.length !== size);
  if (uneven >= 0)
    throw new InputError(
      `${table}, row ${uneven + 1}: ${name} has ${numbers[uneven]?.length} numbers, expected ${size}.`,
    );
  return { values: Float32Array.from(numbers.flat()), size };
}
