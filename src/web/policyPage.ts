/** A policy's page from the policy: its task, what it sees, and what is said of it. */
import { resolve } from 'node:path';
import type { Environment } from '../../envs/environment.js';
import { simulatedTask } from '../../envs/suite/registry.js';
import { taskLabel, taskModuleFile } from '../../envs/taskModule.js';
import { environmentOptions } from '../training/environmentOptions.js';
import type { PolicyFile } from '../training/policyFile.js';
import { type WrittenPage, writePage } from './writePage.js';

export interface PolicyPageOptions {
  readonly folder: string;
  readonly policy: PolicyFile;
  /** The policy as ONNX. */
  readonly model: Uint8Array;
  /** The task, as `makeEnv` takes it. */
  readonly task: string;
  /** One of that task. */
  readonly environment: Pick<Environment, 'spec'>;
}

/** @throws InputError as `writePage`, and for a task that is not simulated by MuJoCo here */
export async function writePolicyPage(options: PolicyPageOptions): Promise<WrittenPage> {
  const { folder, policy, model, task, environment } = options;
  const { actionRepeat, controlTimestep } = environment.spec;
  const { distraction: _, ...seen } = environmentOptions(policy.config);
  const file = taskModuleFile(task);
  return writePage({
    folder,
    task: await simulatedTask(task),
    taskModule: file === undefined ? undefined : resolve(file),
    policy: model,
    settings: {
      title: taskLabel(task),
      words: `A policy (${policy.config.algorithm}) after ${policy.envFrames} env frames, ${scoreWords(policy)}; it acts ${round(1 / (controlTimestep * actionRepeat))} times a second.`,
      environment: { ...seen, actionRepeat },
    },
  });
}

/** How well it did, as a clause. */
export function scoreWords({ return: mean }: PolicyFile): string {
  return mean === null ? 'not evaluated' : `mean return ${round(mean)} when it was evaluated`;
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
