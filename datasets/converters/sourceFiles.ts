/** Finding a source's files: one file, or all in a folder with given names, in an order that never changes. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { InputError } from '../../src/errors.js';

export interface SourceFile {
  readonly path: string;
  /** Relative to the source, with forward slashes: what reports and manifests say. */
  readonly name: string;
}

/**
 * @param place where in a file's name one of `marks` stands
 * @throws InputError where `source` does not exist or has no such file.
 */
export async function findSourceFiles(
  source: string,
  marks: readonly string[],
  place: 'end' | 'anywhere' = 'end',
): Promise<SourceFile[]> {
  const found = await stat(source).catch(() => null);
  if (found === null) throw new InputError(`${source} does not exist: give the file or folder to convert.`);
  if (!found.isDirectory()) return [{ path: source, name: basename(source) }];
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const files = entries
    .filter(
      (entry) =>
        entry.isFile() &&
        marks.some((mark) => (place === 'end' ? entry.name.endsWith(mark) : entry.name.includes(mark))),
    )
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return { path, name: relative(source, path).split(sep).join('/') };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (files.length === 0)
    throw new InputError(`${source} has no ${marks.join(' or ')} file: check the folder and the format.`);
  return files;
}
