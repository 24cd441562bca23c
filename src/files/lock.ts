/**
 * A folder or file that one process at a time may have, across processes that share a disk. The lock is a small JSON
 * file that says who holds it; it appears whole or not at all (a hard link), and one whose process is gone is taken
 * over. Whoever takes over does so under a second file, so that of several only one does.
 */
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { InputError } from '../errors.js';

const holderSchema = z.object({
  pid: z.int().min(1),
  host: z.string(),
  /** The system's own count of when the process began, where it tells: numbers of processes come back. */
  processStart: z.string().nullable(),
  since: z.string(),
  token: z.string(),
});

type Holder = z.output<typeof holderSchema>;

/** Someone else has what was asked for. */
export class LockedError extends InputError {}

export interface Lock {
  /** Gives it up; does nothing the second time. */
  release(): Promise<void>;
}

/** A takeover is a matter of milliseconds: one older than this was interrupted. */
const TAKEOVER_SECONDS = 10;
const ATTEMPTS = 200;
const PAUSE_MS = 25;

/**
 * Takes the lock at `path`.
 * @param what what it stands for, the subject of the sentence that refuses: "The run runs/a"
 * @throws LockedError where a process that still runs, or one of another machine, holds it
 */
export async function acquireLock(path: string, what: string): Promise<Lock> {
  const mine: Holder = {
    pid: process.pid,
    host: hostname(),
    processStart: await processStart(process.pid),
    since: new Date().toISOString(),
    token: randomUUID(),
  };
  const aside = `${path}.${mine.token}`;
  await writeFile(aside, `${JSON.stringify(mine)}\n`, { flag: 'wx' });
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await linked(aside, path)) return { release: () => release(path, mine.token) };
      const holder = await readHolder(path);
      if (holder !== undefined && (await isAlive(holder))) throw refusal(path, what, holder);
      if (await takenOver(path, aside)) return { release: () => release(path, mine.token) };
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  } finally {
    await rm(aside, { force: true });
  }
  throw new LockedError(`${what} is being asked for by several processes at once: try again.`);
}

/** Whether a process that still runs holds the lock at `path`. */
export async function isLocked(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  return holder !== undefined && isAlive(holder);
}

function refusal(path: string, what: string, { pid, host, since }: Holder): LockedError {
  const elsewhere =
    host === hostname() ? '' : ` (on another machine: if it no longer runs there, delete ${path})`;
  return new LockedError(
    `${what} is in use by process ${pid} on ${host} since ${since}${elsewhere}: wait for it to end, or stop it first.`,
  );
}

/** Replaces a lock whose holder is gone by the file `aside`. */
async function takenOver(path: string, aside: string): Promise<boolean> {
  const guard = `${path}.takeover`;
  const handle = await open(guard, 'wx').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    const age = Date.now() - ((await stat(guard).catch(() => null))?.mtimeMs ?? Date.now());
    if (age > TAKEOVER_SECONDS * 1000) await rm(guard, { force: true });
    return undefined;
  });
  if (handle === undefined) return false;
  try {
    await handle.close();
    const holder = await readHolder(path);
    if (holder !== undefined && (await isAlive(holder))) return false;
    await rename(aside, path);
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function release(path: string, token: string): Promise<void> {
  if ((await readHolder(path))?.token === token) await rm(path, { force: true });
}

/** Undefined where there is none, or one that nobody can have written whole. */
async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    return holderSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Of a process elsewhere nothing can be known: it counts as alive. */
async function isAlive({ pid, host, processStart: started }: Holder): Promise<boolean> {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is another user's, and there.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = await processStart(pid);
  return started === null || now === null || now === started;
}

/** Linux: ticks since boot, the 22nd field of its stat; null elsewhere. */
async function processStart(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // The second field is the program's name in parentheses, which may hold anything.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}
