/**
 * `node dist/test/parity/poses.js FOLDER [POLICY.safetensors …]`: 60 states of every domain to compare pictures at,
 * half of them along two episodes of random actions and half along two of a policy. The policy is one of those given
 * if it was trained in the domain, else the best one that ships; where there is none, all are of random actions.
 * Writes FOLDER/TASK.json for draw_poses.py.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Simulation } from '../../envs/mujoco.js';
import { decodeBytes } from '../../envs/stateEncoding.js';
import { findTask } from '../../envs/suite/registry.js';
import type { SuiteTask } from '../../envs/suite/task.js';
import { SuiteEnvironment } from '../../envs/suiteEnvironment.js';
import { ActionRepeat } from '../../envs/wrappers/actionRepeat.js';
import { TimeLimit } from '../../envs/wrappers/timeLimit.js';
import { selectBackend } from '../../src/backend/select.js';
import { InputError } from '../../src/errors.js';
import { Generator } from '../../src/random/generator.js';
import { behaviours, type NamedPolicy } from '../../src/training/experts.js';
import { policyAgent, readPolicy } from '../../src/training/policyFile.js';
import { type Policy, rollout } from '../../src/training/rollout.js';
import { goldenTasks, type PicturePose, readGolden } from './golden.js';

const statesOfEpisode = 15;

const [folder = 'parity-poses', ...files] = process.argv.slice(2);
const given = await Promise.all(files.map(async (file) => ({ ...(await readPolicy(file)), name: file })));
mkdirSync(folder, { recursive: true });
await selectBackend({ threads: 1 });
for (const golden of goldenTasks()) {
  if (readGolden(golden).pictures === undefined) continue;
  const domain = golden.split('-')[0];
  const own = given.find(({ config }) => config.task.split('-')[0] === domain);
  const behaviour = own ?? (await shipped(golden));
  const task = findTask(own?.config.task ?? golden);
  const poses =
    behaviour === undefined
      ? await posesOf(task, undefined, 4)
      : [...(await posesOf(task, undefined, 2)), ...(await posesOf(task, behaviour, 2))];
  writeFileSync(join(folder, `${task.name}.json`), JSON.stringify({ poses }));
  process.stdout.write(`${task.name}: ${poses.length} states, policy ${behaviour?.name ?? 'none'}\n`);
}

async function shipped(task: string): Promise<NamedPolicy | undefined> {
  try {
    return (await behaviours(task, 'expert', 1))[0];
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

async function posesOf(
  task: SuiteTask,
  behaviour: NamedPolicy | undefined,
  episodes: number,
): Promise<PicturePose[]> {
  const suite = await SuiteEnvironment.create(task, 0);
  const environment = new ActionRepeat(new TimeLimit(suite), behaviour?.config.actionRepeat ?? 2);
  const simulation = await Simulation.load(task.model);
  task.bind(simulation);
  const random = new Generator(0);
  const agent = behaviour && policyAgent(behaviour, environment, 0);
  const policy: Policy = (observation) =>
    agent?.act(observation, 'mean') ??
    Float32Array.from({ length: environment.spec.actionSize }, () => random.uniform(-1, 1));
  const states: PicturePose[] = [];
  for (let episode = 0; episode < episodes; episode++) {
    await rollout({
      environment,
      policy,
      seed: episode,
      watch: async () => {
        states.push(poseOf(task, simulation, suite));
      },
    });
  }
  suite.close();
  simulation.dispose();
  return Array.from(
    { length: episodes * statesOfEpisode },
    (_, i) => states[Math.floor(((i + 0.5) * states.length) / (episodes * statesOfEpisode))] as PicturePose,
  );
}

/** Reads an environment's state by way of a simulation of its own. */
function poseOf(task: SuiteTask, simulation: Simulation, environment: SuiteEnvironment): PicturePose {
  const { physics, model } = environment.saveState() as { physics: string; model: Record<string, string> };
  const edited: Record<string, number[]> = {};
  for (const field of task.editedFields ?? []) {
    const values = simulation.model(field);
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength).set(decodeBytes(model[field] ?? ''));
    edited[field] = Array.from(values);
  }
  simulation.restoreState(new Float64Array(decodeBytes(physics).buffer));
  return { qpos: Array.from(simulation.data('qpos')), edited, camera: task.camera };
}
