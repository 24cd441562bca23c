/**
 * Files that are either whole or absent: written aside in the same folder, flushed to the disk, then renamed over
 * the final name; the folder is flushed too, so that the name survives a power cut.
 */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError } from '../errors.js';

/** Ending of a file that is still being written. Whoever finds one after a crash may delete it. */
export const PARTIAL_ENDING = '.partial';

/**
 * Replaces `path` with `data` in one step: a reader sees the old file or the new one, never a mixture.
 * @throws InputError where something else than a file has that name: a folder, a device
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const there = await stat(path).catch(() => null);
  if (there !== null && !there.isFile())
    throw new InputError(
      `${path} is ${there.isDirectory() ? 'a folder' : 'no plain file'}: give the name of a file.`,
    );
  const aside = path + PARTIAL_ENDING;
  const file = await open(aside, 'w');
  try {
    await file.writeFile(data);
    await commitFile(file, aside, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(aside, { force: true });
    throw error;
  }
}

/** Flushes and closes `file`, which was written at `aside`, and gives it its final name. */
export async function commitFile(file: FileHandle, aside: string, path: string): Promise<void> {
  await file.sync();
  await file.close();
  await rename(aside, path);
  await syncFolder(dirname(path));
}

/** Why a file could not be written, as a clause. */
export function writeFailure(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return 'the disk is full';
  return error instanceof Error ? error.message : String(error);
}

/** Makes renames and deletions within `folder` durable. Windows cannot open a folder and needs no such flush. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
