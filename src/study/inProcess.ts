/** One run of a study, trained in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { LockedError } from '../files/lock.js';
import type { PlayRun } from './playRun.js';
import type { RunOrder, RunReport } from './runProcess.js';

const childModule = fileURLToPath(new URL('./runProcess.js', import.meta.url));

/** Trains in a process of its own. @throws LockedError, InputError or Error as the run does, or where it dies */
export const inProcess: PlayRun = async (plan, signal, onEvent) => {
  const child: ChildProcess = fork(childModule, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-2000);
  });
  let last: Extract<RunReport, { kind: 'ended' | 'failed' }> | undefined;
  child.on('message', (report: RunReport) => {
    if (report.kind === 'ended' || report.kind === 'failed') last = report;
    else onEvent(report);
  });
  const tell = (message: RunOrder): void => {
    // A child that is gone has said what it had to.
    if (child.connected) child.send(message, () => {});
  };
  const stop = (): void => tell({ kind: 'stop' });
  signal.addEventListener('abort', stop, { once: true });
  try {
    tell({ kind: 'start', ...plan });
    if (signal.aborted) stop();
    const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    const report = last as typeof last | undefined;
    if (report?.kind === 'ended') return report.result;
    if (report?.kind === 'failed')
      throw report.isLocked ? new LockedError(report.message) : new Error(report.message);
    const how = killedBy === null ? `ended with exit code ${code}` : `was ended by ${killedBy}`;
    throw new Error(`Its process ${how}${said === '' ? '' : `: ${said.trim()}`}.`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
};
