import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { Environment, StepResult } from '../../envs/environment.js';
import { makeEnv, taskNames } from '../../envs/makeEnv.js';
import { Simulation } from '../../envs/mujoco.js';
import { findTask } from '../../envs/suite/registry.js';
import type { BoundTask } from '../../envs/suite/task.js';
import { Generator } from '../../src/random/generator.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';

const tasks = taskNames().filter((name) => name.startsWith('arm-') && !name.endsWith('_dense'));
const state = { observations: 'state' } as const;

/** An episode of the expert's, or of any other who acts: every step's result. */
function play(environment: Environment, seed: number, act: () => Float32Array): StepResult[] {
  environment.reset({ seed });
  const results: StepResult[] = [];
  let last: StepResult;
  do {
    last = environment.step(act());
    results.push(last);
  } while (!last.terminated && !last.truncated);
  return results;
}

const expert = (environment: Environment, random?: Generator) => () =>
  (environment as Required<Environment>).demonstrate(random);

async function bound(task: string, seed: number): Promise<[Simulation, BoundTask]> {
  const simulation = await Simulation.load(findTask(task).model);
  const own = findTask(task).bind(simulation);
  const random = new Generator(seed);
  simulation.reset(() => own.initialise(random));
  return [simulation, own];
}

describe('the tasks of the arm', () => {
  it('are observed through both cameras, an action an env frame, and listed on the page', async () => {
    const environment = await makeEnv('arm-lift', { imageSize: 16 });
    assert.deepEqual(
      environment.observationSpace.images.map(({ name }) => name),
      ['scene', 'wrist'],
    );
    assert.equal(environment.spec.actionRepeat, 1);
    environment.close();
    const given = { offlineMode: 'none' } as const;
    assert.equal(resolveConfig({ flags: { ...given, task: 'arm-lift' } }).actionRepeat, 1);
    assert.equal(resolveConfig({ flags: { ...given, task: 'arm-lift', actionRepeat: 3 } }).actionRepeat, 3);
    assert.equal(resolveConfig({ flags: { ...given, task: 'walker-walk' } }).actionRepeat, 2);
    const page = await readFile(new URL('../../../envs/README.md', import.meta.url), 'utf8');
    for (const task of tasks) assert.ok(page.includes(`\`${task}\``), task);
  });

  for (const task of tasks) {
    it(`${task}: the expert succeeds in 95% of 40 episodes and more; 1 is the reward of success and ends them`, async () => {
      const environment = await makeEnv(task, state);
      let successes = 0;
      for (let seed = 0; seed < 40; seed++) {
        const results = play(environment, seed, expert(environment, new Generator(seed).child('noise')));
        const last = results.at(-1) as StepResult;
        assert.equal(last.info.invalid, undefined);
        for (const { reward, terminated, info } of results.slice(0, -1))
          assert.deepEqual([reward, terminated, info.success], [0, false, false]);
        const isDone = last.info.success === true;
        assert.deepEqual([last.reward, last.terminated, last.truncated], [Number(isDone), isDone, !isDone]);
        if (isDone) successes++;
      }
      environment.close();
      assert.ok(successes >= 38, `${successes} of 40`);
    });

    it(`${task}: random actions for 1,000 steps make MuJoCo warn of nothing, and do not do the task`, async () => {
      const environment = await makeEnv(task, state);
      const random = new Generator(1);
      const act = () => Float32Array.from({ length: 4 }, () => random.uniform(-1, 1));
      let [steps, episodes, successes] = [0, 0, 0];
      for (; steps < 1000; episodes++) {
        const results = play(environment, episodes, act);
        assert.ok(results.every(({ info }) => info.invalid === undefined));
        steps += results.length;
        if (results.at(-1)?.terminated) successes++;
      }
      environment.close();
      assert.ok(successes < episodes / 2, `${successes} of ${episodes}`);
    });

    it(`${task}: the expert goes on bit for bit from a saved state`, async () => {
      const [a, b] = [await makeEnv(task, state), await makeEnv(task, { ...state, seed: 5 })];
      const random = new Generator(3);
      a.reset({ seed: 2 });
      for (let i = 0; i < 4; i++) a.step(expert(a, random)());
      const saved = JSON.parse(JSON.stringify([a.saveState(), random.state()]));
      const goOn = (environment: Environment, stream: Generator) =>
        Array.from({ length: 3 }, () => {
          const action = expert(environment, stream)();
          const { observation, reward } = environment.step(action);
          return [action, observation, reward];
        });
      const expected = goOn(a, random);
      const other = new Generator(0);
      other.restore(saved[1]);
      b.restoreState(saved[0]);
      assert.deepEqual(goOn(b, other), expected);
      a.close();
      b.close();
    });

    it(`${task}: no episode begins with success, and what lies on the table is not in the state`, async () => {
      const [simulation, own] = await bound(task, 0);
      const arms = simulation.velocitySize;
      const random = new Generator(4);
      const starts = new Set<string>();
      for (let i = 0; i < 50; i++) {
        simulation.reset(() => own.initialise(random));
        assert.equal(own.success?.(), false);
        starts.add([...simulation.model('body_pos'), ...simulation.data('qpos').slice(5)].join());
      }
      assert.equal(starts.size, 50);
      const before = Object.values(own.observe()).flatMap((values) => [...values]);
      assert.equal(before.length, 12);
      const qpos = simulation.data('qpos');
      for (let i = 5; i < Math.min(qpos.length, arms + 1); i++) qpos[i] = (qpos[i] as number) + 0.01;
      simulation.forward();
      assert.deepEqual(
        Object.values(own.observe()).flatMap((values) => [...values]),
        before,
      );
      simulation.dispose();
    });
  }
});

describe('the cube', () => {
  it('lies still where it is put', async () => {
    const [simulation] = await bound('arm-lift', 7);
    const cube = simulation.id('body', 'cube');
    const start = [0, 1].map((axis) => simulation.bodyPosition(cube, axis));
    simulation.step(400);
    const end = [0, 1, 2].map((axis) => simulation.bodyPosition(cube, axis));
    [...start, 0.02].forEach((place, axis) => {
      assert.ok(Math.abs((end[axis] as number) - place) < 5e-4, `axis ${axis}: ${end[axis]}, ${place}`);
    });
    assert.ok(simulation.data('qvel').every((speed) => Math.abs(speed) < 1e-3));
    simulation.dispose();
  });

  it('does not slip out of the fingers while it is held up', async () => {
    const environment = await makeEnv('arm-lift_dense', state);
    for (const seed of [0, 1, 2]) {
      const results = play(environment, seed, expert(environment));
      // A dense task goes on after success.
      assert.equal(results.length, 120);
      assert.equal(results.at(-1)?.truncated, true);
      const late = results.slice(60).map(({ reward }) => reward);
      assert.ok(Math.min(...late) > 0.97, `${Math.min(...late)}`);
    }
    environment.close();
  });
});

it('every dense task pays for progress: more at the end of what the expert does than at its start, 1 at most', async () => {
  for (const task of tasks) {
    const environment = await makeEnv(`${task}_dense`, state);
    const rewards = play(environment, 1, expert(environment)).map(({ reward }) => reward);
    assert.ok(Math.min(...rewards) >= 0 && Math.max(...rewards) <= 1, task);
    assert.ok(Math.max(...rewards) > 0.9 && (rewards[0] as number) < 0.7, `${task}: ${rewards[0]}`);
    environment.close();
  }
});
