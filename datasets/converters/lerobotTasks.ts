/** What is to be done in each task of a LeRobotDataset, in words: `meta/tasks.jsonl` in v2.1, `meta/tasks.parquet` in v3. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FileSource } from '../sources/byteSource.js';
import { cellNumber, parquetColumns, readParquetRows } from '../sources/parquet.js';

const taskSchema = z.object({ task_index: z.coerce.number(), task: z.string() });
/** pandas writes the text as the table's index. */
const TEXT_COLUMNS = ['task', '__index_level_0__'];

/** @returns by task_index; empty where nothing says @throws InputError where the file is damaged */
export async function taskTexts(source: string): Promise<ReadonlyMap<number, string>> {
  const lines = await readFile(join(source, 'meta', 'tasks.jsonl'), 'utf8').catch(() => null);
  if (lines !== null) return asMap(lines.split('\n').flatMap(parsed));
  const name = join('meta', 'tasks.parquet');
  const path = join(source, name);
  if (!(await stat(path).catch(() => null))?.isFile()) return new Map();
  const file = await FileSource.open(path);
  try {
    const columns = (await parquetColumns({ name, source: file })).map((column) => column.name);
    const text = TEXT_COLUMNS.find((column) => columns.includes(column));
    if (text === undefined || !columns.includes('task_index')) return new Map();
    const rows = await readParquetRows(
      { name, source: file },
      ['task_index', text],
      [0, Number.POSITIVE_INFINITY],
    );
    return asMap(rows.map((row) => ({ task_index: cellNumber(row.task_index), task: asText(row[text]) })));
  } finally {
    await file.close();
  }
}

type Task = z.output<typeof taskSchema>;

function parsed(line: string): Task[] {
  try {
    return [taskSchema.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}

function asText(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
}

function asMap(tasks: readonly Task[]): Map<number, string> {
  return new Map(tasks.map(({ task_index, task }) => [task_index, task]));
}
