/** `rlpd bench render`: pictures per second of one core, over states of an episode with random actions. */
import { Command } from 'commander';
import { makeEnv } from '../../envs/makeEnv.js';
import { Generator } from '../../src/random/generator.js';
import { printResult } from '../console.js';
import { wholeNumber } from '../settings.js';

export interface BenchRenderResult {
  readonly task: string;
  /** Side of the square picture in pixels. */
  readonly size: number;
  readonly fps: number;
  /** Median over all pictures. */
  readonly msPerFrame: number;
}

/** States visited, and rounds over each (the first are for the compiler to warm up). */
const states = 50;
const warmUps = 2;

export async function benchRender(options: {
  task: string;
  size: number;
  frames: number;
}): Promise<BenchRenderResult> {
  const { task, size, frames } = options;
  const environment = await makeEnv(task, { observations: 'state' });
  const random = new Generator(0);
  environment.reset({ seed: 0 });
  const times: number[] = [];
  for (let i = 0; i < states; i++) {
    const action = Float32Array.from({ length: environment.spec.actionSize }, () => random.uniform(-1, 1));
    for (let repeat = 0; repeat < 5; repeat++) {
      const { terminated, truncated } = environment.step(action);
      if (terminated || truncated) environment.reset();
    }
    for (let round = 0; round < warmUps + Math.ceil(frames / states); round++) {
      const start = performance.now();
      environment.render({ width: size, height: size });
      if (round >= warmUps && i >= warmUps) times.push(performance.now() - start);
    }
  }
  environment.close();
  const msPerFrame = times.sort((a, b) => a - b)[times.length >> 1] as number;
  return { task, size, fps: 1000 / msPerFrame, msPerFrame };
}

export const benchRenderCommand = new Command('render')
  .option('--task <name>', 'task', 'walker-walk')
  .option('--size <pixels>', 'side of the square picture', wholeNumber(1, 4096), 64)
  .option('--frames <count>', 'pictures to time', wholeNumber(1), 2000)
  .option('--json', 'print the result as one JSON object')
  .addHelpText('after', '\nExample:\n  rlpd bench render --task cheetah-run --size 84')
  .action(async (options: { task: string; size: number; frames: number; json?: boolean }) => {
    const result = await benchRender(options);
    printResult(
      options.json,
      result,
      `${result.task} at ${result.size} px: ${result.fps.toFixed(0)} frames/s, ${result.msPerFrame.toFixed(2)} ms a frame`,
    );
  });
