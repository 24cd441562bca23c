/**
 * Small tables of numbers beside images: CSV with a header, or JSON Lines. A column may be spread over
 * `name_0`, `name_1`, … or, in JSON Lines, hold an array.
 */
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';

export interface Table {
  readonly rows: number;
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
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const rows = name.endsWith('.csv') ? csvRows(lines, name) : jsonRows(lines, name);
  return { rows: rows.length, column: (column) => columnOf(rows, column, name) };
}

type Row = ReadonlyMap<string, number | readonly number[] | string | null>;

function csvRows([header = '', ...lines]: string[], name: string): Row[] {
  if (header.includes('"'))
    throw new InputError(`${name} has quoted columns; plain names and numbers are expected.`);
  const columns = header.split(',').map((column) => column.trim());
  return lines.map((line, i) => {
    const cells = line.split(',');
    if (cells.length !== columns.length)
      throw new InputError(`${name}, line ${i + 2} has ${cells.length} cells, expected ${columns.length}.`);
    return new Map(columns.map((column, j) => [column, csvCell(cells[j]?.trim() ?? '')] as const));
  });
}

function csvCell(text: string): number | string | null {
  if (text === '') return null;
  if (/^(true|false)$/i.test(text)) return Number(text.toLowerCase() === 'true');
  const value = Number(text);
  return Number.isNaN(value) && text.toLowerCase() !== 'nan' ? text : value;
}

function jsonRows(lines: string[], name: string): Row[] {
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

function columnOf(rows: readonly Row[], name: string, table: string): ReturnType<Table['column']> {
  const first = rows[0];
  if (first === undefined) return null;
  const spread: string[] = [];
  while (first.has(`${name}_${spread.length}`)) spread.push(`${name}_${spread.length}`);
  if (!first.has(name) && spread.length === 0) return null;
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
