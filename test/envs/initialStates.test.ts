/** Initial states that follow from more than a range for each joint. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Simulation } from '../../envs/mujoco.js';
import { findTask } from '../../envs/suite/registry.js';
import { Generator } from '../../src/random/generator.js';

async function load(name: string) {
  const task = findTask(name);
  const simulation = await Simulation.load(task.model);
  return { simulation, bound: task.bind(simulation) };
}

describe('a quadruped', () => {
  it('starts in any orientation, a centimetre above where it would touch the floor', async () => {
    const { simulation, bound } = await load('quadruped-walk');
    const random = new Generator(3);
    const upright: number[] = [];
    for (let episode = 0; episode < 40; episode++) {
      simulation.reset(() => bound.initialise(random));
      assert.equal(simulation.contactCount, 0);
      upright.push(simulation.bodyRotation(simulation.id('body', 'torso'), 2, 2));
      const qpos = simulation.data('qpos');
      assert.deepEqual([...qpos.subarray(0, 2)], [0, 0]);
      qpos[2] = (qpos[2] as number) - 0.01;
      simulation.forward();
      assert.ok(simulation.contactCount > 0);
    }
    assert.ok(upright.some((z) => z < -0.5) && upright.some((z) => z > 0.5));
    simulation.dispose();
  });
});

describe('the ball of a manipulator', () => {
  it('starts in the hand, at the target, or flying, and touches nothing', async () => {
    const { simulation, bound } = await load('manipulator-bring_ball');
    const [ball, target, grasp] = ['ball', 'target', 'grasp'].map((name) => simulation.id('site', name)) as [
      number,
      number,
      number,
    ];
    const distance = (a: number, b: number) =>
      Math.hypot(
        ...[0, 2].map((axis) => simulation.sitePosition(a, axis) - simulation.sitePosition(b, axis)),
      );
    const random = new Generator(4);
    const episodes = 600;
    let [inHand, atTarget] = [0, 0];
    for (let episode = 0; episode < episodes; episode++) {
      simulation.reset(() => bound.initialise(random));
      assert.equal(simulation.contactCount, 0);
      const qpos = simulation.data('qpos');
      assert.equal(qpos[simulation.id('joint', 'finger')], qpos[simulation.id('joint', 'thumb')]);
      const [x, z] = [simulation.sitePosition(target, 0), simulation.sitePosition(target, 2)];
      assert.ok(Math.abs(x) < 0.4 && z > 0.1 && z < 0.4);
      const speed = Math.abs(simulation.data('qvel')[8] as number);
      assert.ok(speed < 5);
      if (distance(ball, grasp) < 1e-9) inHand++;
      else if (distance(ball, target) < 1e-9) atTarget++;
      else assert.ok(speed > 0);
    }
    // Poses that touch are drawn again, so that these are not the tenths one draws with. In 12,000 episodes of the
    // suite it was 8.5% and 10.6%; the bounds are four standard deviations of 600 episodes away.
    assert.ok(Math.abs(inHand / episodes - 0.085) < 0.045, `${inHand} of ${episodes} in the hand`);
    assert.ok(Math.abs(atTarget / episodes - 0.106) < 0.05, `${atTarget} of ${episodes} at the target`);
    simulation.dispose();
  });
});
