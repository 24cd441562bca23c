/**
 * What a LeRobotDataset says of its episodes beside their rows: `meta/episodes.jsonl` in v2.1, the parquet files of
 * `meta/episodes` in v3.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FileSource } from '../sources/byteSource.js';
import { cellNumber, parquetColumns, readParquetRows } from '../sources/parquet.js';
import type { Remarks } from './remarks.js';
import { findSourceFiles } from './sourceFiles.js';

const lineSchema = z.object({ episode_index: z.coerce.number(), length: z.coerce.number() });

/** @returns rows by episode_index; empty where nothing says @throws InputError where a file is damaged */
export async function statedEpisodes(source: string): Promise<ReadonlyMap<number, number>> {
  const lines = await readFile(join(source, 'meta', 'episodes.jsonl'), 'utf8').catch(() => null);
  if (lines !== null)
    return new Map(
      lines.split('\n').flatMap((line): [number, number][] => {
        const parsed = lineSchema.safeParse(asJson(line));
        return parsed.success ? [[parsed.data.episode_index, parsed.data.length]] : [];
      }),
    );
  const folder = join(source, 'meta', 'episodes');
  if (!(await stat(folder).catch(() => null))?.isDirectory()) return new Map();
  const stated = new Map<number, number>();
  for (const { path, name } of await findSourceFiles(folder, ['.parquet'])) {
    const file = await FileSource.open(path);
    try {
      const parquet = { name: join('meta', 'episodes', name), source: file };
      const columns = (await parquetColumns(parquet)).map((column) => column.name);
      if (!columns.includes('episode_index') || !columns.includes('length')) continue;
      for (const row of await readParquetRows(
        parquet,
        ['episode_index', 'length'],
        [0, Number.POSITIVE_INFINITY],
      ))
        stated.set(cellNumber(row.episode_index), cellNumber(row.length));
    } finally {
      await file.close();
    }
  }
  return stated;
}

/** Against the rows that are there. */
export function remarkEpisodes(
  stated: ReadonlyMap<number, number>,
  episodes: readonly { readonly index: number; readonly rows: readonly [number, number] }[],
  remarks: Remarks,
): void {
  const rows = new Map(episodes.map(({ index, rows: [from, to] }) => [index, to - from]));
  const missing = [...stated.keys()].filter((index) => !rows.has(index));
  if (missing.length > 0)
    remarks.add(
      `meta/episodes announces ${stated.size} episodes; of ${missing.slice(0, 10).join(', ')}${missing.length > 10 ? ' …' : ''} there are no rows.`,
    );
  for (const [index, length] of stated) {
    const found = rows.get(index);
    if (found !== undefined && found !== length)
      remarks.add(`meta/episodes gives episode ${index} ${length} rows; ${found} are there.`);
  }
}

function asJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
