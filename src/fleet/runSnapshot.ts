/**
 * A run's folder as a crash would leave it just after its newest checkpoint, taken while the run goes on: what does not
 * change any more is linked, and what is rewritten is so by renaming, so that a link keeps what it was. A file that
 * grows may be longer than the checkpoint says, which cuts it when the run goes on.
 */
import { link, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { PARTIAL_ENDING, writeFileAtomic } from '../files/atomicFile.js';
import { makeFolder } from '../files/makeFolder.js';
import { LATEST_FILE } from '../training/checkpoint.js';
import { runPaths } from '../training/runFolder.js';

const ATTEMPTS = 20;

/** The name of the run's newest checkpoint; undefined before the first. */
export async function newestCheckpoint(run: string): Promise<string | undefined> {
  const text = await readFile(join(runPaths(run).checkpoints, LATEST_FILE), 'utf8').catch(() => '');
  return text.trim() === '' ? undefined : text.trim();
}

/**
 * Links the folder's files into `target`, which is made anew.
 * @returns their paths below it, with slashes; undefined before the first checkpoint
 */
export async function snapshotRun(run: string, target: string): Promise<string[] | undefined> {
  for (let attempt = 1; ; attempt++) {
    const name = await newestCheckpoint(run);
    if (name === undefined) return undefined;
    await rm(target, { recursive: true, force: true });
    try {
      return await linkAll(run, target, name);
    } catch (error) {
      // The checkpoint was replaced by the next one meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === ATTEMPTS) throw error;
    }
  }
}

/** What of a run's folder is worth keeping once it is finished: all but its experience and its checkpoints. */
export async function lastingFiles(run: string): Promise<string[]> {
  const { checkpoints, replay } = runPaths('');
  return (await filesOf(run)).filter((path) => ![checkpoints, replay].includes(path.split('/')[0] ?? ''));
}

/** The files of a folder and those below it, but for locks and what is being written. */
export async function filesOf(folder: string): Promise<string[]> {
  const { lock, failure } = runPaths('');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)).replaceAll('\\', '/'))
    .filter(
      (path) =>
        path !== lock && path !== failure && !path.split('/').some((part) => part.includes(PARTIAL_ENDING)),
    );
}

/** In the order in which one refers to the other: the checkpoint, then what of the growing files it may count on. */
async function linkAll(run: string, target: string, checkpoint: string): Promise<string[]> {
  const { checkpoints, replay } = runPaths('');
  const own = join(checkpoints, checkpoint);
  const linked: string[] = [];
  const take = async (path: string): Promise<void> => {
    await makeFolder(dirname(join(target, path)));
    await link(join(run, path), join(target, path));
    linked.push(path);
  };
  for (const name of await readdir(join(run, own)))
    if (!name.includes(PARTIAL_ENDING)) await take(join(own, name));
  const latest = join(checkpoints, LATEST_FILE);
  await writeFileAtomic(join(target, latest), `${checkpoint}\n`);
  linked.push(latest);
  // A dataset's manifest names shards that are there.
  const manifest = join(replay, 'manifest.json');
  if ((await stat(join(run, manifest)).catch(() => null)) !== null) await take(manifest);
  for (const path of await filesOf(run)) {
    if (path.startsWith(`${checkpoints}/`) || path === manifest || basename(path).endsWith('.lock')) continue;
    await take(path).catch((error: NodeJS.ErrnoException) => {
      // A file that is written and renamed may come and go.
      if (error.code !== 'ENOENT') throw error;
    });
  }
  return linked;
}
