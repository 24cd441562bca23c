/** What studies and workers have in common: how a job is called, and who may play it. */
import { sha256Of } from '../files/sha256.js';
import { type Fingerprint, fingerprintText } from '../study/fingerprint.js';
import type { FileSets } from './fileSets.js';
import { decode, type Job, type JobState, jobStateSchema, PROTOCOL } from './messages.js';
import { DATA_PREFIX, jobPrefix } from './names.js';
import { persist, type RoomNotice } from './persistence.js';
import type { JobServer } from './server.js';

/** After so many seconds without a sign of life a worker's job goes to another. */
export const JOB_SECONDS = 30;

/** Of programs that compute the same numbers and understand each other. */
export function versionName(fingerprint: Fingerprint): string {
  return shortHash([`protocol ${PROTOCOL}`, fingerprintText(fingerprint)], 12);
}

/** Equal jobs are one, whoever asks for them: settings, data and program say what comes out. */
export function jobId({
  config,
  dataset,
  backgrounds,
  taskModule,
  fingerprint,
}: Omit<Job, 'id' | 'name'>): string {
  const settings = JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
  return shortHash([settings, dataset, backgrounds, taskModule, fingerprintText(fingerprint)], 32);
}

function shortHash(words: readonly (string | null)[], digits: number): string {
  return sha256Of(JSON.stringify(words)).slice(0, digits);
}

/**
 * A job's state, with its revision in the server's bucket; undefined where there is none.
 * @throws InputError where what stands there is no state
 */
export async function readJobState(
  { states }: JobServer,
  id: string,
  signal: AbortSignal,
): Promise<{ readonly state: JobState; readonly revision: number } | undefined> {
  const entry = await persist(() => states.get(id), signal);
  if (entry === null || entry.operation !== 'PUT') return undefined;
  return { state: decode(jobStateSchema, entry.value, `The state of job ${id}`), revision: entry.revision };
}

/** Where data lie that several jobs may need. */
export function dataFiles(server: JobServer, signal: AbortSignal, room: RoomNotice): FileSets {
  return { store: server.files, prefix: DATA_PREFIX, signal, room };
}

/** Where a job's own checkpoints and results lie. */
export function jobFiles(server: JobServer, id: string, signal: AbortSignal, room: RoomNotice): FileSets {
  return { store: server.files, prefix: jobPrefix(id), signal, room };
}
