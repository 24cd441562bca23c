import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orbit, type View } from '../../envs/renderer/view.js';
import { offsetOf, unturned } from '../../src/web/page/orbit.js';

/** Looks along y and down by an angle, from a distance of 2 to the origin. */
function view(down: number): View {
  const [cosine, sine] = [Math.cos(down), Math.sin(down)];
  return {
    ...{ x: 0, y: -2 * cosine, z: 2 * sine },
    ...{ rightX: 1, rightY: 0, rightZ: 0 },
    ...{ upX: 0, upY: sine, upZ: cosine },
    ...{ forwardX: 0, forwardY: cosine, forwardZ: -sine },
    ...{ halfHeight: 0.4, near: 0.01 },
  };
}

test('a camera goes around the vertical at its height, its horizon level, all the way', () => {
  for (const down of [0.1, 0.6])
    for (const around of [-3, -1.7, -0.4, 0.8, 1.57, 2.5, 3.1]) {
      const own = view(down);
      const turned = orbit(own, 2, offsetOf(own, { ...unturned, around }));
      const where = `${down} ${around}`;
      assert.ok(Math.abs(turned.z - own.z) < 1e-9, where);
      assert.ok(Math.abs(turned.rightZ) < 1e-9 && turned.upZ > 0, where);
      assert.ok(Math.abs(turned.x - 2 * Math.cos(down) * Math.sin(around)) < 1e-9, where);
      assert.ok(Math.abs(turned.y + 2 * Math.cos(down) * Math.cos(around)) < 1e-9, where);
    }
});

test('it rises and sinks, not below the ground nor over the top, and comes nearer', () => {
  const own = view(0.5);
  const at = (above: number, around = 0.3) => orbit(own, 2, offsetOf(own, { above, around, distance: 0.5 }));
  assert.ok(Math.abs(at(0.4).z - Math.sin(0.9)) < 1e-9);
  assert.ok(Math.abs(at(-0.3).z - Math.sin(0.2)) < 1e-9);
  assert.ok(Math.abs(at(-2).z - Math.sin(0.03)) < 1e-9);
  assert.ok(Math.abs(at(2).z - Math.sin(1.5)) < 1e-9 && at(2).upZ > 0);
});

test('one that nobody turns looks as the task has it, whatever its own horizon', () => {
  assert.deepEqual(offsetOf(view(0.5), unturned), { azimuth: 0, elevation: 0, roll: 0, distance: 1 });
});
