/**
 * A folder with those above it. Node's own `mkdir` with `recursive` never returns where a folder exists that takes no
 * other, as `/proc` does.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from '../errors.js';

/** Does nothing where it is there already. @throws InputError, or the system's error, where it cannot be made. */
export async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return;
  const parent = dirname(resolve(path));
  // A file in its place is for mkdir to refuse, which then names the folder that was wanted.
  if (!(await exists(parent))) await makeFolder(parent);
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await isFolder(path))) return;
    if (code !== 'ENOENT') throw error;
    throw new InputError(`${path} cannot be made: ${parent} takes no folders. Choose another place.`, {
      cause: error,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found?.isDirectory() === true;
}
