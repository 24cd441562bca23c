import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findTask } from '../../envs/suite/registry.js';
import { SuiteEnvironment } from '../../envs/suiteEnvironment.js';
import { Hand } from '../../src/web/page/hand.js';

/** The walker's torso, in half heights of the picture of its own camera. */
async function walker() {
  const environment = await SuiteEnvironment.create(findTask('walker-walk'), 0);
  environment.reset({ seed: 1 });
  const { simulation } = environment;
  const view = () => environment.view({ camera: 'side' });
  const torso = simulation.id('body', 'torso');
  const height = () => simulation.data('xipos')[3 * torso + 2] as number;
  const take = () => {
    const { x, y, z, forwardX, forwardY, forwardZ, rightX, rightY, rightZ, upX, upY, upZ, halfHeight } =
      view();
    const [px = 0, py = 0, pz = 0] = simulation.data('xipos').subarray(3 * torso, 3 * torso + 3);
    const [dx, dy, dz] = [px - x, py - y, pz - z];
    const half = halfHeight * (dx * forwardX + dy * forwardY + dz * forwardZ);
    return {
      x: (dx * rightX + dy * rightY + dz * rightZ) / half,
      y: (dx * upX + dy * upY + dz * upZ) / half,
    };
  };
  return { environment, simulation, view, height, at: take() };
}

test('a hand takes hold of the body under the pointer, lifts it, and lets go of it', async () => {
  const { environment, simulation, view, height, at } = await walker();
  const hand = Hand.take(simulation, view(), at);
  assert.ok(hand !== undefined);
  const held = hand.where(view());
  assert.ok(Math.hypot((held?.x ?? 9) - at.x, (held?.y ?? 9) - at.y) < 1e-9);
  const before = height();
  const seconds = environment.spec.controlTimestep;
  for (let step = 0; step < 40; step++) {
    hand.pull(view(), { x: at.x, y: at.y + 0.8 }, seconds);
    environment.step(new Float32Array(6));
  }
  const lifted = height();
  assert.ok(lifted > before + 0.1, `${before} → ${lifted}`);
  hand.letGo();
  assert.ok(simulation.data('xfrc_applied').every((force) => force === 0));
  for (let step = 0; step < 40; step++) environment.step(new Float32Array(6));
  assert.ok(height() < lifted - 0.1);
  environment.close();
});

test('where nothing that moves is near there is nothing to take hold of', async () => {
  const { environment, simulation, view } = await walker();
  assert.equal(Hand.take(simulation, view(), { x: 1.2, y: 0.9 }), undefined);
  environment.close();
});
