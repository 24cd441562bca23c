/**
 * `rlpd` in this process: the same code as in one of its own, which would take a tenth of a second and more to load. What
 * a process adds (that it ends, its exit code, signals) is held by the tests that start one.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { runProgram } from '../../scripts/program.js';

export interface Ended {
  /** The exit code. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Said {
  stdout: string;
  stderr: string;
}

/** What a command writes is its own; the test runner writes to the same streams meanwhile. */
const running = new AsyncLocalStorage<Said>();

for (const name of ['stdout', 'stderr'] as const) {
  const write = process[name].write.bind(process[name]);
  process[name].write = ((chunk: string | Uint8Array, ...rest: never[]) => {
    const said = running.getStore();
    if (said === undefined) return write(chunk, ...rest);
    said[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    return true;
  }) as typeof process.stdout.write;
}

/** One at a time: commands say by `process.exitCode` how they ended. */
export async function rlpd(...args: readonly string[]): Promise<Ended> {
  const before = process.exitCode;
  process.exitCode = undefined;
  const said: Said = { stdout: '', stderr: '' };
  try {
    const failed = await running.run(said, () => runProgram(args));
    return { status: failed || Number(process.exitCode ?? 0), ...said };
  } finally {
    process.exitCode = before;
  }
}

/** The same in another working folder. */
export async function rlpdIn(folder: string, ...args: readonly string[]): Promise<Ended> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await rlpd(...args);
  } finally {
    process.chdir(before);
  }
}
