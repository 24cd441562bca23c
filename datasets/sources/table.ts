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
}

const MAX_TABLE_BYTES = 2 ** 28;
const cell = z.union([z.number(), z.boolean().transform(Number), z.array(z.number()), z.null(), z.string()]);
const jsonRow = z.record(z.string(), cell);

/** @param name what sentences call it; its ending says which of the two it is */
export async function readTable(path: string, name: string): Promise<Table> {
  const { size } = await stat(path);
  if (size > MAX_TABLE_BYTES)
    throw new InputError(
      `${name} has ${size} bytes, more than a table of one episode may have (${MAX_TABLE_BYTES}).`,
    );
  const text = await readFile(path, 'utf8');
  const rows = name.endsWith('.csv') ? csvRows(text, name) : jsonRows(text, name);
  const names = [...new Set([...(rows[0]?.keys() ?? [])].map((column) => column.replace(/_\d+$/, '')))];
  return {
    rows: rows.length,
    names: names.filter((column) => hasColumn(rows[0], column)),
    column: (column) => columnOf(rows, column, name),
  };
}

type Row = ReadonlyMap<string, number | readonly number[] | string | null>;

const DELIMITERS = [',', ';', '\t'];
const DECIMAL_COMMA = /^[+-]?\d+,\d+(e[+-]?\d+)?$/i;

function csvRows(text: string, name: string): Row[] {
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
  const lines = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
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

function hasColumn(row: Row | undefined, name: string): boolean {
  return row !== undefined && (row.has(name) || row.has(`${name}_0`));
}

function columnOf(rows: readonly Row[], name: string, table: string): ReturnType<Table['column']> {
  const first = rows[0];
  if (first === undefined || !hasColumn(first, name)) return null;
  const spread: string[] = [];
  while (first.has(`${name}_${spread.length}`)) spread.push(`${name}_${spread.length}`);
  const numbers = rows.map((row, i) => {
    const cells = first.has(name) ? [row.get(name)].flat() : spread.map((column) => row.get(column));
    return cells.map((value) => {
      if (typeof value === 'number') return value;
      throw new InputError(
        `${table}, row ${i + 1}: ${name} holds ${JSON.stringify(value ?? null)}, a number is expected.`,
      );
    });
  });
  const size = numbers[0]?.length ?? 0;
  const uneven = numbers.findIndex((row) => row.length !== size);
  if (uneven >= 0)
    throw new InputError(
      `${table}, row ${uneven + 1}: ${name} has ${numbers[uneven]?.length} numbers, expected ${size}.`,
    );
  return { values: Float32Array.from(numbers.flat()), size };
}
