#!/usr/bin/env node
/** `rlpd`: the list of commands, and how each of them ends: 0 done, 1 failed, 2 bad usage or input. */
import { Command, CommanderError } from 'commander';
import { InputError } from '../src/errors.js';
import { PACKAGE_VERSION } from '../src/training/version.js';
import { benchCommand } from './bench.js';
import { collectCommand } from './collect.js';
import { convertCommand } from './convert.js';
import { datasetCommand } from './dataset.js';
import { doctorCommand } from './doctor.js';
import { evaluateCommand } from './evaluate.js';
import { renderCommand } from './render.js';
import { tasksCommand } from './tasks.js';
import { trainCommand } from './train.js';

const commands = [
  trainCommand,
  collectCommand,
  convertCommand,
  datasetCommand,
  evaluateCommand,
  renderCommand,
  tasksCommand,
  benchCommand,
  doctorCommand,
];

const program = new Command('rlpd')
  .description('Reinforcement learning from camera images with prior data (RLPD).')
  .version(PACKAGE_VERSION);
for (const command of commands) program.addCommand(command);
throwInsteadOfExit(program);

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
  // Commander has said what was wrong; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 || error.code === 'commander.help' ? 0 : 2;
  const isInput = error instanceof InputError;
  process.stderr.write(`${describe(error, !isInput && process.env.RLPD_DEBUG !== undefined)}\n`);
  return isInput ? 2 : 1;
}

/** One sentence; with RLPD_DEBUG set, where it came from as well. */
function describe(error: unknown, withStack: boolean): string {
  if (!(error instanceof Error)) return String(error);
  return withStack ? (error.stack ?? error.message) : error.message;
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}
