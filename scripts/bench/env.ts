/** `rlpd bench env`: steps per second of one environment, observations included, with random actions. */
import { Command, Option } from 'commander';
import type { EnvironmentOptions } from '../../envs/environment.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { Simulation } from '../../envs/mujoco.js';
import { simulatedTask } from '../../envs/suite/registry.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { Generator } from '../../src/random/generator.js';
import { printResult } from '../console.js';
import { wholeNumber } from '../settings.js';

export interface BenchEnvResult {
  readonly task: string;
  readonly obs: 'pixels' | 'state';
  readonly worker: boolean;
  readonly actionRepeat: number;
  readonly agentStepsPerSecond: number;
  readonly envFramesPerSecond: number;
  /** Steps of MuJoCo's integrator. */
  readonly physicsStepsPerSecond: number;
}

export interface BenchEnvOptions {
  readonly task: string;
  readonly obs: 'pixels' | 'state';
  /** In a thread of its own, as training runs it. */
  readonly worker: boolean;
  readonly steps: number;
}

export async function benchEnv(options: BenchEnvOptions): Promise<BenchEnvResult> {
  const { task, obs, worker, steps } = options;
  const settings: EnvironmentOptions = { observations: obs };
  const environment = worker ? await EnvironmentWorker.create(task, settings) : await makeEnv(task, settings);
  const random = new Generator(0);
  const { actionSize, actionRepeat, controlTimestep } = environment.spec;
  await environment.reset({ seed: 0 });
  let start = 0;
  // The first fifth is for the compiler to warm up.
  const warmUp = Math.ceil(steps / 5);
  for (let i = -warmUp; i < steps; i++) {
    if (i === 0) start = performance.now();
    const action = Float32Array.from({ length: actionSize }, () => random.uniform(-1, 1));
    const { terminated, truncated } = await environment.step(action);
    if (terminated || truncated) await environment.reset();
  }
  const seconds = (performance.now() - start) / 1000;
  await environment.close();
  const agentStepsPerSecond = steps / seconds;
  const envFramesPerSecond = agentStepsPerSecond * actionRepeat;
  const physicsStepsPerSecond =
    envFramesPerSecond * Math.round(controlTimestep / (await physicsTimestep(task)));
  return { task, obs, worker, actionRepeat, agentStepsPerSecond, envFramesPerSecond, physicsStepsPerSecond };
}

async function physicsTimestep(task: string): Promise<number> {
  const simulation = await Simulation.load((await simulatedTask(task)).model);
  const { timestep } = simulation;
  simulation.dispose();
  return timestep;
}

export const benchEnvCommand = new Command('env')
  .option('--task <name>', 'task', 'walker-walk')
  .addOption(new Option('--obs <kind>', 'observations').choices(['pixels', 'state']).default('pixels'))
  .option('--no-worker', 'in the main thread instead of one of its own')
  .option('--steps <count>', 'agent steps to time', wholeNumber(1), 1000)
  .option('--json', 'print the result as one JSON object')
  .addHelpText('after', '\nExample:\n  rlpd bench env --task cheetah-run --obs state --no-worker')
  .action(async (options: BenchEnvOptions & { json?: boolean }) => {
    const result = await benchEnv(options);
    printResult(
      options.json,
      result,
      `${result.task} (${result.obs}): ${result.agentStepsPerSecond.toFixed(0)} agent steps/s, ` +
        `${result.envFramesPerSecond.toFixed(0)} env frames/s, ${result.physicsStepsPerSecond.toFixed(0)} physics steps/s`,
    );
  });
