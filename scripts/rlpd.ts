#!/usr/bin/env node
/** `rlpd`: the list of commands, and how each of them ends: 0 done, 1 failed, 2 bad usage or input. */
import { Command, CommanderError } from 'commander';
import { InputError } from '../src/errors.js';
import { PACKAGE_VERSION } from '../src/training/version.js';

const commands = {
  train: async () => (await import('./train.js')).trainCommand,
  collect: async () => (await import('./collect.js')).collectCommand,
  convert: async () => (await import('./convert.js')).convertCommand,
  dataset: async () => (await import('./dataset.js')).datasetCommand,
  evaluate: async () => (await import('./evaluate.js')).evaluateCommand,
  render: async () => (await import('./render.js')).renderCommand,
  tasks: async () => (await import('./tasks.js')).tasksCommand,
  bench: async () => (await import('./bench.js')).benchCommand,
  doctor: async () => (await import('./doctor.js')).doctorCommand,
} satisfies Record<string, () => Promise<Command>>;

const program = new Command('rlpd')
  .description('reinforcement learning from camera images with prior data (RLPD)')
  .version(PACKAGE_VERSION);
// Half a second of loading is saved where the one that is asked for is known.
const [, , asked = ''] = process.argv;
for (const [name, load] of Object.entries(commands)) {
  if (name === asked || !Object.hasOwn(commands, asked)) program.addCommand(await load());
}
throwInsteadOfExit(program);

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

// Whoever reads the output may stop reading, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCode(error);
}

function exitCode(error: unknown): number {
  // Commander has said what was wrong; where help or the version was asked for, nothing was.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const refusal = systemRefusal(error);
  const isInput = error instanceof InputError || refusal?.isInput === true;
  process.stderr.write(`${refusal?.message ?? describe(error, !isInput)}\n`);
  return isInput ? 2 : 1;
}

/** One sentence; with RLPD_DEBUG set, where it came from as well. */
function describe(error: unknown, withStack: boolean): string {
  if (!(error instanceof Error)) return String(error);
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

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}
