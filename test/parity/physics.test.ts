/** Physics, observations and rewards against recordings of the real suite. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { taskNames } from '../../envs/makeEnv.js';
import { type ModelField, Simulation } from '../../envs/mujoco.js';
import { findTask } from '../../envs/suite/registry.js';
import { assume, goldenTasks, type Recording, readGolden } from './golden.js';

it('every task of the suite has golden data', () => {
  // The arm's tasks are our own.
  const ofSuite = taskNames().filter((name) => !name.startsWith('arm-'));
  assert.deepEqual(goldenTasks().sort(), ofSuite);
});

for (const name of goldenTasks()) {
  describe(name, () => {
    const golden = readGolden(name);

    it('compiles to the same model as the suite to 1e-9', async () => {
      const task = findTask(name);
      const simulation = await Simulation.load(task.model);
      task.bind(simulation);
      const { timestep, extent, ...fields } = golden.model;
      assert.equal(simulation.timestep, timestep);
      assertClose([simulation.visual.extent], [extent as number], 1e-9, 'extent');
      for (const [field, expected] of Object.entries(fields)) {
        assertClose(simulation.model(field as ModelField), expected as readonly number[], 1e-9, field);
      }
      simulation.dispose();
    });

    it('has the episode and the features of the suite', async () => {
      const task = findTask(name);
      assert.equal(task.controlTimestep, golden.control_timestep);
      assert.equal(task.maxEnvFrames, golden.control_steps);
      const simulation = await Simulation.load(task.model);
      const bound = task.bind(simulation);
      simulation.reset(() => undefined);
      const sizes = Object.entries(bound.observe()).map(([key, values]) => [key, [...values].length]);
      assert.deepEqual(sizes, Object.entries(golden.observation));
      simulation.dispose();
    });

    it('agrees over 50 control steps without contact to 1e-6', async () => {
      assert.equal(golden.free.contacts, 0);
      await replay(name, golden.free);
    });

    it('agrees over 5 control steps through contact to 1e-6', async () => {
      await replay(name, golden.through_contact);
    });
  });
}

async function replay(name: string, recording: Recording): Promise<void> {
  const task = findTask(name);
  const simulation = await Simulation.load(task.model);
  const bound = task.bind(simulation);
  assume(simulation, recording, recording.qvel);
  const steps = Math.round(task.controlTimestep / simulation.timestep);
  recording.actions.forEach((action, index) => {
    simulation.data('ctrl').set(action);
    simulation.step(steps);
    const where = `control step ${index + 1}`;
    assertClose([bound.reward()], [recording.rewards[index] as number], 1e-6, `reward of ${where}`);
    const expected = recording.observations[index + 1];
    if (expected === undefined) return;
    const observed = Object.values(bound.observe()).flatMap((feature) => [...feature]);
    assertClose(observed, expected, 1e-6, `observation of ${where}`);
  });
  assert.equal(simulation.newWarning(), null);
  simulation.dispose();
}

/** Relative to the larger of the value and 1. */
function assertClose(
  actual: ArrayLike<number>,
  expected: readonly number[],
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  expected.forEach((value, i) => {
    const difference = Math.abs((actual[i] as number) - value);
    const limit = tolerance * Math.max(1, Math.abs(value));
    assert.ok(difference <= limit, `${what}: element ${i} is ${actual[i]}, the suite has ${value}`);
  });
}
