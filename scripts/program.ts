/** The program `rlpd`: its commands, and how each of them ends: 0 done, 1 failed, 2 bad usage or input. */
import { Command } from 'commander';
import { PACKAGE_VERSION } from '../src/training/version.js';
import { addCommands, type CommandEntry } from './commandTable.js';
import { reportFailure } from './failure.js';
import { beStrict, commandWords, upToUnknownCommand } from './strictUsage.js';

export const commands: Readonly<Record<string, CommandEntry>> = {
  train: {
    description: 'train an agent; flags override --config, which overrides --preset',
    load: async () => (await import('./train.js')).trainCommand,
  },
  learner: {
    description: 'train an agent on episodes that actors play, here or on other machines',
    load: async () => (await import('./learner.js')).learnerCommand,
  },
  actor: {
    description: 'play episodes for a learner, on this machine or from another',
    load: async () => (await import('./actor.js')).actorCommand,
  },
  worker: {
    description: 'play the runs of studies that other machines ask for',
    load: async () => (await import('./worker.js')).workerCommand,
  },
  collect: {
    description: 'record episodes with pixels and state as a dataset',
    load: async () => (await import('./collect.js')).collectCommand,
  },
  convert: {
    description: 'convert an image dataset in another format',
    load: async () => (await import('./convert.js')).convertCommand,
  },
  dataset: {
    description: 'look at, check and edit datasets',
    load: async () => (await import('./dataset.js')).datasetCommand,
  },
  classifier: {
    description: 'learn to see success in pictures, as a reward for any task',
    load: async () => (await import('./classifier.js')).classifierCommand,
  },
  evaluate: {
    description: "score a policy: its mode, on fixed seeds, in an environment of the run's settings",
    load: async () => (await import('./evaluate.js')).evaluateCommand,
  },
  act: {
    description: 'let a policy act at a control rate, as on a robot, and record what it does',
    load: async () => (await import('./act.js')).actCommand,
  },
  drive: {
    description: 'drive an environment from a page, and record what you do',
    load: async () => (await import('./drive.js')).driveCommand,
  },
  export: {
    description: 'write a policy as ONNX for other programs, or as a page for a browser',
    load: async () => (await import('./export.js')).exportCommand,
  },
  study: {
    description: 'comparisons over tasks, data and seeds: play what is missing, see what there is, draw it',
    load: async () => (await import('./study.js')).studyCommand,
  },
  compare: {
    description: 'draw learning curves of several runs, finished or not, and say how they stand',
    load: async () => (await import('./compare.js')).compareCommand,
  },
  serve: {
    description: 'serve a page on which to watch runs and look through datasets',
    load: async () => (await import('./serve.js')).serveCommand,
  },
  render: {
    description: 'write a picture of a task as PNG',
    load: async () => (await import('./render.js')).renderCommand,
  },
  tasks: {
    description: 'list the tasks',
    load: async () => (await import('./tasks.js')).tasksCommand,
  },
  task: {
    description: 'tasks of your own',
    load: async () => (await import('./task.js')).taskCommand,
  },
  bench: {
    description: 'measure speed on this machine',
    load: async (words) => (await import('./bench.js')).benchCommand(words),
  },
  setup: {
    description: 'build the native engine, and say what that needs',
    load: async () => (await import('./setup.js')).setupCommand,
  },
  doctor: {
    description: 'say what is installed, what is fast and what is wrong, each with its fix',
    load: async () => (await import('./doctor.js')).doctorCommand,
  },
};

/**
 * Runs a command line, without the program's own name. A command that ends in another way than by an error sets
 * `process.exitCode` itself.
 * @returns 0, or the exit code of the error that was said
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  const program = new Command('rlpd')
    .description('reinforcement learning from camera images with prior data (RLPD)')
    .version(PACKAGE_VERSION);
  try {
    await addCommands(program, commands, commandWords(args));
    beStrict(program);
    await program.parseAsync([...upToUnknownCommand(program, args)], { from: 'user' });
    return 0;
  } catch (error) {
    return reportFailure(error);
  }
}
