/** `rlpd bench …`: how fast this machine is at the parts that training waits for. */
import { Command } from 'commander';
import { benchDatasetCommand } from './bench/dataset.js';
import { benchEnvCommand } from './bench/env.js';
import { benchRenderCommand } from './bench/render.js';
import { benchReplayCommand } from './bench/replay.js';
import { benchScalingCommand } from './bench/scaling.js';
import { benchUpdateCommand } from './bench/update.js';

export const benchCommand = new Command('bench')
  .description('measure speed on this machine')
  .addCommand(benchUpdateCommand)
  .addCommand(benchScalingCommand)
  .addCommand(benchReplayCommand)
  .addCommand(benchDatasetCommand)
  .addCommand(benchRenderCommand)
  .addCommand(benchEnvCommand);
