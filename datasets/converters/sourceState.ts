/**
 * What a source's files were when its conversion began, kept beside the dataset: the same command, run again later,
 * would else take what is there for a dataset of files that are others by now. It is no part of the dataset, whose bytes
 * do not depend on when a file was copied.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/files/atomicFile.js';
import type { Provenance } from '../manifest.js';
import { filesWithin } from './sourceFiles.js';
import { hashFile } from './sourceHash.js';

const STATE_FILE = 'sources.json';

const fileSchema = z.strictObject({
  name: z.string(),
  bytes: z.int().min(0),
  /** Milliseconds since 1970. */
  modified: z.int(),
});
type FileState = z.output<typeof fileSchema>;

/** @param place the source's file or folder @param out what lies in this folder is not the source's */
export async function readSourceState(place: string, out: string): Promise<FileState[]> {
  const isFolder = (await stat(place)).isDirectory();
  const states: FileState[] = [];
  for await (const path of isFolder ? filesWithin(place) : [place]) {
    if (resolve(path).startsWith(resolve(out) + sep)) continue;
    const found = await stat(path).catch(() => null);
    if (found === null) continue;
    const name = isFolder ? relative(place, path).split(sep).join('/') : basename(path);
    states.push({ name, bytes: found.size, modified: Math.trunc(found.mtimeMs) });
  }
  return states.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export async function writeSourceState(out: string, states: readonly FileState[]): Promise<void> {
  await writeFileAtomic(join(out, STATE_FILE), `${JSON.stringify(states)}\n`);
}

/**
 * What is not as it was when the conversion in `out` began.
 * @param hashed the files whose contents the conversion has read: one that was only copied anew has not changed
 * @returns a clause; null where nothing changed, and where the folder says nothing of what was
 * @throws InputError where what it says makes no sense
 */
export async function sourceChange(
  place: string,
  out: string,
  now: readonly FileState[],
  hashed: Provenance['files'],
): Promise<string | null> {
  const before = await recordedState(out);
  if (before === null) return null;
  const then = new Map(before.map((file) => [file.name, file]));
  const names = new Set(now.map(({ name }) => name));
  const changes: string[] = [];
  for (const { name, bytes, modified } of now) {
    const was = then.get(name);
    if (was === undefined) changes.push(`${name} was not there`);
    else if (was.bytes !== bytes) changes.push(`${name} had ${was.bytes} bytes, and has ${bytes}`);
    else if (was.modified !== modified && !(await isKnown(place, name, bytes, hashed)))
      changes.push(`${name} was written again`);
  }
  for (const { name } of before) if (!names.has(name)) changes.push(`${name} is gone`);
  const [first, ...others] = changes;
  if (first === undefined) return null;
  return others.length === 0 ? first : `${first}, and so on in ${changes.length} files`;
}

async function recordedState(out: string): Promise<FileState[] | null> {
  const path = join(out, STATE_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  try {
    return z.array(fileSchema).parse(JSON.parse(text));
  } catch (error) {
    throw new InputError(
      `${path} is not the list of a source's files that a conversion wrote: delete it, and changes of the source are not noticed, or convert into another folder.`,
      { cause: error },
    );
  }
}

/** Whether a file of that name and content was read by the conversion. */
async function isKnown(
  place: string,
  name: string,
  bytes: number,
  hashed: Provenance['files'],
): Promise<boolean> {
  const known = hashed.filter((file) => basename(file.file) === basename(name) && file.bytes === bytes);
  if (known.length === 0) return false;
  const path = (await stat(place)).isDirectory() ? join(place, name) : place;
  const { sha256 } = await hashFile({ path, name });
  return known.some((file) => file.sha256 === sha256);
}
