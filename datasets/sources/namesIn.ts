/** What lies in a folder. */
import { readdir } from 'node:fs/promises';

/** @returns nothing where there is no such folder @throws Error where it may not be read: it is not empty then */
export async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}
