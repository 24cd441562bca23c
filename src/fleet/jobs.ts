/** What studies and workers have in common: how a job is called, and who may play it. */
import { createHash } from 'node:crypto';
import { type Fingerprint, fingerprintText } from '../study/fingerprint.js';
import type { FileSets } from './fileSets.js';
import { type Job, PROTOCOL } from './messages.js';
import { DATA_PREFIX, jobPrefix } from './names.js';
import { RoomNotice } from './persistence.js';
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
  return createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, digits);
}

export function jobRoom(onNote: (line: string) => void): RoomNotice {
  return new RoomNotice(
    onNote,
    'Give its JetStream more (max_file_store), or take from it what nobody needs.',
  );
}

/** Where data lie that several jobs may need. */
export function dataFiles(server: JobServer, signal: AbortSignal, room: RoomNotice): FileSets {
  return { store: server.files, prefix: DATA_PREFIX, signal, room };
}

/** Where a job's own checkpoints and results lie. */
export function jobFiles(server: JobServer, id: string, signal: AbortSignal, room: RoomNotice): FileSets {
  return { store: server.files, prefix: jobPrefix(id), signal, room };
}
