/**
 * Files of a folder on the server, as objects named by their content under a prefix, and a list of them that is an object
 * itself: the list's hash stands for all of them, and what is there already is not sent again.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ObjectStore } from '@nats-io/obj';
import { InputError } from '../errors.js';
import { writeFileAtomic } from '../files/atomicFile.js';
import { makeFolder } from '../files/makeFolder.js';
import { sha256Of } from '../files/sha256.js';
import { decode, encode, type FileList, fileListSchema } from './messages.js';
import { persist, type RoomNotice, withinTime } from './persistence.js';
import { DAY_MS, KEPT_DAYS } from './server.js';

export interface FileSets {
  readonly store: ObjectStore;
  readonly prefix: string;
  readonly signal: AbortSignal;
  readonly room: RoomNotice;
}

/** Sends files of a folder. @param paths below it, with slashes @returns the list's hash */
export async function putFiles(sets: FileSets, folder: string, paths: readonly string[]): Promise<string> {
  const list: FileList = [];
  for (const path of [...paths].sort()) {
    const bytes = await readFile(join(folder, path));
    list.push({ path, bytes: bytes.length, sha256: await putBytes(sets, bytes) });
  }
  return putBytes(sets, encode(list));
}

/** Fetches files into a folder. @throws InputError where the server has lost one, or it is not the one of its name */
export async function getFiles(sets: FileSets, list: string, folder: string): Promise<void> {
  for (const { path, bytes, sha256 } of await readList(sets, list)) {
    const content = await getBytes(sets, sha256);
    if (content.length !== bytes) throw damaged(path, `it has ${content.length} bytes of ${bytes}`);
    await makeFolder(dirname(join(folder, path)));
    await writeFileAtomic(join(folder, path), content);
  }
}

/** Takes from the server what is in one list and not in the one after it. */
export async function dropReplaced(sets: FileSets, before: string, after: string): Promise<void> {
  if (before === after) return;
  const kept = new Set((await readList(sets, after)).map(({ sha256 }) => sha256));
  const old = (await readList(sets, before)).map(({ sha256 }) => sha256);
  await dropAll(
    sets,
    [...old, before].filter((sha256) => !kept.has(sha256)),
  );
}

/** Takes from the server what the prefix has there, but for the files of this list. */
export async function keepOnly(sets: FileSets, list: string): Promise<void> {
  const { store, prefix, signal } = sets;
  const kept = new Set([list, ...(await readList(sets, list)).map(({ sha256 }) => sha256)]);
  const own = (await persist(() => store.list(), signal)).flatMap(({ name }) =>
    name.startsWith(`${prefix}/`) ? [name.slice(prefix.length + 1)] : [],
  );
  await dropAll(
    sets,
    own.filter((sha256) => !kept.has(sha256)),
  );
}

async function dropAll({ store, prefix, signal }: FileSets, hashes: readonly string[]): Promise<void> {
  for (const sha256 of hashes)
    await persist(() => store.delete(`${prefix}/${sha256}`), signal).catch((error: Error) => {
      if (!/not found/.test(error.message)) throw error;
    });
}

async function readList(sets: FileSets, list: string): Promise<FileList> {
  return decode(fileListSchema, await getBytes(sets, list), 'A list of files');
}

async function putBytes({ store, prefix, signal, room }: FileSets, bytes: Uint8Array): Promise<string> {
  const sha256 = sha256Of(bytes);
  const name = `${prefix}/${sha256}`;
  const before = await persist(() => store.info(name), signal);
  // What is half forgotten is sent anew, before somebody needs it.
  const isThere =
    before !== null && !before.deleted && Date.now() - Date.parse(before.mtime) < (KEPT_DAYS / 2) * DAY_MS;
  if (!isThere) await persist(() => store.putBlob({ name }, bytes), signal, room);
  return sha256;
}

async function getBytes({ store, prefix, signal }: FileSets, sha256: string): Promise<Uint8Array> {
  const bytes = await persist(() => withinTime(store.getBlob(`${prefix}/${sha256}`)), signal);
  if (bytes === null)
    throw new InputError(
      `The NATS server has no file ${sha256.slice(0, 12)}… any more: rlpd study run --nats, where the study lies, sends it again.`,
    );
  if (sha256Of(bytes) !== sha256) throw damaged(sha256, 'its bytes are others');
  return bytes;
}

function damaged(what: string, how: string): InputError {
  return new InputError(`The file ${what} of the NATS server is not the one that was sent: ${how}.`);
}
