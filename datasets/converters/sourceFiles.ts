/** Finding a source's files: one file, or all in a folder with given names, in an order that never changes. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { InputError } from '../../src/errors.js';

export interface SourceFile {
  readonly path: string;
  /** Relative to the source, with forward slashes: what reports and manifests say. */
  readonly name: string;
}

/**
 * Links are followed, as a cache of downloads has them; hidden files are an operating system's, and skipped.
 * @param marks in small letters; a file's name may have them in capitals
 * @param place where in a file's name one of `marks` stands
 * @throws InputError where `source` does not exist or has no such file, and for a link that leads nowhere
 */
export async function findSourceFiles(
  source: string,
  marks: readonly string[],
  place: 'end' | 'anywhere' = 'end',
): Promise<SourceFile[]> {
  const found = await stat(source).catch(() => null);
  if (found === null) throw new InputError(`${source} does not exist: give the file or folder to convert.`);
  if (!found.isDirectory()) return [{ path: source, name: basename(source) }];
  const files: SourceFile[] = [];
  for await (const path of filesWithin(source)) {
    const name = basename(path).toLowerCase();
    const isMeant = marks.some((mark) => (place === 'end' ? name.endsWith(mark) : name.includes(mark)));
    // Without an ending of a file's, what a dead link stood for may have been a folder of such files.
    if (isMeant || !FILE_ENDING.test(name)) await requireTarget(path);
    if (!isMeant) continue;
    files.push({ path, name: relative(source, path).split(sep).join('/') });
  }
  if (files.length === 0)
    throw new InputError(`${source} has no ${marks.join(' or ')} file: check the folder and the format.`);
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const FILE_ENDING = /\.[a-z][a-z0-9]*$/;

/** Hidden names: `._NAME` and `.DS_Store` are macOS's, others a tool's own. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || name === '__MACOSX';
}

/**
 * Their paths, hidden ones left out.
 * @param above the folders on the way, by their real paths: a link back to one of them is not followed
 */
export async function* filesWithin(
  folder: string,
  above: ReadonlySet<string> = new Set(),
): AsyncGenerator<string> {
  const real = await realpath(folder);
  if (above.has(real)) return;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (isHidden(entry.name)) continue;
    const path = join(folder, entry.name);
    const isFolder = entry.isSymbolicLink()
      ? (await stat(path).catch(() => null))?.isDirectory()
      : entry.isDirectory();
    if (isFolder) yield* filesWithin(path, new Set([...above, real]));
    else yield path;
  }
}

/** @throws InputError for a link that leads nowhere */
export async function requireTarget(path: string): Promise<void> {
  if ((await stat(path).catch(() => null)) !== null) return;
  throw new InputError(`${path} is a link that leads nowhere: fetch what it names, or delete the link.`);
}
