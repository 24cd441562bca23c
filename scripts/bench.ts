/** `rlpd bench …`: how fast this machine is at the parts that training waits for. */
import { Command } from 'commander';
import { addCommands, type CommandEntry } from './commandTable.js';

const benches: Readonly<Record<string, CommandEntry>> = {
  update: {
    description: 'time of one update (critic, actor, temperature, moving average; images gathered)',
    load: async () => (await import('./bench/update.js')).benchUpdateCommand,
  },
  scaling: {
    description: 'how the time of an update grows with batch, critics, image size and UTD ratio (torch)',
    load: async () => (await import('./bench/scaling.js')).benchScalingCommand,
  },
  replay: {
    description: 'measure how fast batches of images come out of a replay',
    load: async () => (await import('./bench/replay.js')).benchReplayCommand,
  },
  dataset: {
    description: 'size and speed of the image codecs, and of reading a dataset',
    load: async () => (await import('./bench/dataset.js')).benchDatasetCommand,
  },
  render: {
    description: "pictures per second of a task's camera, on one core",
    load: async () => (await import('./bench/render.js')).benchRenderCommand,
  },
  env: {
    description: "steps per second of a task's environment, observations included",
    load: async () => (await import('./bench/env.js')).benchEnvCommand,
  },
};

/** @param words names on the command line that follow `bench` */
export function benchCommand(words: readonly string[]): Promise<Command> {
  return addCommands(new Command('bench'), benches, words);
}
