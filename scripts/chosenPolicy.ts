/** The policy that a command is given, by --run or --policy, and the task that it is to act in. */
import { type Command, Option } from 'commander';
import { isRemote } from '../envs/remote/protocol.js';
import { locateTask } from '../envs/taskModule.js';
import { InputError } from '../src/errors.js';
import type { NamedPolicy } from '../src/training/experts.js';

export interface PolicyFlags {
  readonly run?: string;
  readonly policy?: string;
  readonly task?: string;
}

export function addPolicyFlags(command: Command): Command {
  return command
    .addOption(new Option('--run <folder>', 'a run, whose latest checkpoint is taken').conflicts('policy'))
    .option('--policy <file>', 'a policy file, such as RUN/best.safetensors or one that --snapshots keeps')
    .option('--task <name>', "another task than the policy's own that it fits, such as remote:HOST:PORT");
}

export interface ChosenPolicy {
  /** Named as it was given. */
  readonly policy: NamedPolicy;
  /** As `makeEnv` takes it. */
  readonly task: string;
  /** As it was given, or as the policy's run has it. */
  readonly taskName: string;
  /**
   * What to say where the task is another than the policy's: where sizes agree nothing else would tell. Undefined where
   * it is not. A server may run the policy's task at another address than before.
   */
  readonly otherTask: string | undefined;
}

/** @throws InputError where none is given, or what is given is none */
export async function choosePolicy({ run, policy: file, task }: PolicyFlags): Promise<ChosenPolicy> {
  const { readPolicy, readRunPolicy } = await import('../src/training/policyFile.js');
  const name = file ?? run;
  if (name === undefined) throw new InputError('Say which policy: --run DIR or --policy FILE.');
  const policy = { ...(file === undefined ? await readRunPolicy(name) : await readPolicy(name)), name };
  const learnt = policy.config.task;
  const taskName = task ?? learnt;
  const isSame = learnt === taskName || (isRemote(learnt) && isRemote(taskName));
  const isUnknown = isRemote(learnt) || isRemote(taskName);
  return {
    policy,
    task: locateTask(taskName, task === undefined ? name : undefined),
    taskName,
    otherTask: isSame
      ? undefined
      : isUnknown
        ? `The policy was trained on ${learnt} and acts in ${taskName}: whether that is the same task, only whoever started the server knows.`
        : `The policy was trained on ${learnt} and acts in another task, ${taskName}.`,
  };
}
