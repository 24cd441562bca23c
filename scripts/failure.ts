/** How a command that fails ends: one sentence on stderr and an exit code, 1 failed, 2 bad usage or input. */
import { CommanderError } from 'commander';
import { endOnce, InputError, thrownWords } from '../src/errors.js';

/** What the system says of a path that was given. */
const pathRefusals: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of this path is a file, not a folder',
  EEXIST: 'there is a file of this name already',
  EISDIR: 'it is a folder, and a file was expected',
  EACCES: 'the permissions do not allow it',
  EPERM: 'the permissions do not allow it',
  EROFS: 'its disk is read-only',
};

/** Says what went wrong. @returns the exit code */
export function reportFailure(error: unknown): number {
  // Commander has said what was wrong; where help or the version was asked for, nothing was.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const refusal = systemRefusal(error);
  const isInput = error instanceof InputError || refusal?.isInput === true;
  process.stderr.write(`${refusal?.message ?? endOnce(describe(error, !isInput))}\n`);
  return isInput ? 2 : 1;
}

/** One sentence; with RLPD_DEBUG set, where it came from as well. */
function describe(error: unknown, withStack: boolean): string {
  if (!(error instanceof Error)) return `${thrownWords(error)}.`;
  return withStack && process.env.RLPD_DEBUG !== undefined ? (error.stack ?? error.message) : error.message;
}

/** The system's refusal to open or to write a file, as a sentence. */
function systemRefusal(error: unknown): { message: string; isInput: boolean } | undefined {
  const { code, path } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (code === 'ENOSPC')
    return {
      message: 'The disk is full: free some space and go on; what was there is whole.',
      isInput: false,
    };
  const refusal = pathRefusals[code ?? ''];
  return refusal === undefined || path === undefined
    ? undefined
    : { message: `${path} cannot be used: ${refusal}.`, isInput: true };
}
