#!/usr/bin/env node
/** `rlpd`: the list of commands, and how each of them ends: 0 done, 1 failed, 2 bad usage or input. */
import { Command } from 'commander';
import { PACKAGE_VERSION } from '../src/training/version.js';
import { reportFailure } from './failure.js';
import { beStrict, upToUnknownCommand } from './strictUsage.js';

const commands = {
  train: async () => (await import('./train.js')).trainCommand,
  collect: async () => (await import('./collect.js')).collectCommand,
  convert: async () => (await import('./convert.js')).convertCommand,
  dataset: async () => (await import('./dataset.js')).datasetCommand,
  evaluate: async () => (await import('./evaluate.js')).evaluateCommand,
  study: async () => (await import('./study.js')).studyCommand,
  compare: async () => (await import('./compare.js')).compareCommand,
  render: async () => (await import('./render.js')).renderCommand,
  tasks: async () => (await import('./tasks.js')).tasksCommand,
  task: async () => (await import('./task.js')).taskCommand,
  bench: async () => (await import('./bench.js')).benchCommand,
  setup: async () => (await import('./setup.js')).setupCommand,
  doctor: async () => (await import('./doctor.js')).doctorCommand,
} satisfies Record<string, () => Promise<Command>>;

const program = new Command('rlpd')
  .description('reinforcement learning from camera images with prior data (RLPD)')
  .version(PACKAGE_VERSION);
// Half a second of loading is saved where the one that is asked for is known.
const [first = '', second = ''] = process.argv.slice(2);
const asked = first === 'help' ? second : first;
for (const [name, load] of Object.entries(commands)) {
  if (name === asked || !Object.hasOwn(commands, asked)) program.addCommand(await load());
}
beStrict(program);

// Whoever reads the output may stop reading, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync([...upToUnknownCommand(program, process.argv.slice(2))], { from: 'user' });
} catch (error) {
  process.exitCode = reportFailure(error);
}
