/** A dataset is written by one process at a time: whoever records or converts one holds `lock.json` in its folder. */
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireLock, type Lock } from '../src/files/lock.js';
import { makeFolder } from '../src/files/makeFolder.js';

/**
 * Takes the dataset in `folder`, which is made, for this process alone. What is released leaves no empty folder behind.
 * @throws LockedError where another has it
 */
export async function lockDataset(folder: string): Promise<Lock> {
  await makeFolder(folder);
  const lock = await acquireLock(join(folder, 'lock.json'), `The dataset ${folder}`);
  return {
    release: async () => {
      await lock.release();
      await rmdir(folder).catch(() => {});
    },
  };
}
