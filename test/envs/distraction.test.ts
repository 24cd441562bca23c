import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { drawBackground, folderPool, proceduralPool } from '../../envs/distraction/background.js';
import { distractionLevels, distractionScales } from '../../envs/distraction/levels.js';
import type { Environment, Frame, RenderOptions } from '../../envs/environment.js';
import { makeEnv, taskNames } from '../../envs/makeEnv.js';
import type { Appearance } from '../../envs/renderer/appearance.js';
import { orbit } from '../../envs/renderer/view.js';
import { Distraction } from '../../envs/wrappers/distraction.js';
import { Wrapper } from '../../envs/wrappers/wrapper.js';
import { InputError } from '../../src/errors.js';
import { Generator } from '../../src/random/generator.js';

const still = (environment: Environment) => new Float32Array(environment.spec.actionSize);

describe('a distracted episode', () => {
  it('looks as its seed says, whatever came before, and goes on bit for bit from a saved state', async () => {
    const options = { imageSize: 16, frameStack: 1, distraction: { level: 'medium' } } as const;
    const a = await makeEnv('walker-walk', options);
    const b = await makeEnv('walker-walk', { ...options, seed: 9 });
    b.reset();
    b.step(still(b));
    assert.deepEqual(a.reset({ seed: 3 }), b.reset({ seed: 3 }));
    a.step(still(a));
    const saved = JSON.parse(JSON.stringify(a.saveState()));
    const expected = [a.step(still(a)), a.reset()];
    assert.notDeepEqual(b.reset().observation, a.reset({ seed: 3 }).observation);
    b.restoreState(saved);
    assert.deepEqual([b.step(still(b)), b.reset()], expected);
    a.close();
    b.close();
  });

  it('has the same physics as a plain one', async () => {
    for (const task of ['cheetah-run', 'reacher-easy']) {
      const plain = await makeEnv(task, { observations: 'state' });
      const distracted = await makeEnv(task, { observations: 'state', distraction: { level: 'hard' } });
      assert.deepEqual(distracted.reset({ seed: 1 }), plain.reset({ seed: 1 }));
      assert.deepEqual(distracted.step(still(plain)), plain.step(still(plain)));
      plain.close();
      distracted.close();
    }
  });

  it('looks different from a plain one in every domain', async () => {
    const oneOfDomain = new Map(taskNames().map((task) => [task.split('-')[0], task]));
    for (const task of oneOfDomain.values()) {
      const environment = await makeEnv(task, { observations: 'state', distraction: { level: 'hard' } });
      environment.reset({ seed: 1 });
      const before = environment.render({ width: 32, appearance: {} }).data;
      const after = environment.render({ width: 32 }).data;
      const changed = before.filter((value, i) => Math.abs(value - (after[i] as number)) > 8).length;
      assert.ok(changed > before.length / 10, `${task}: ${changed} bytes differ`);
      environment.close();
    }
  });

  it('says in its renderer what varies, so that datasets tell themselves apart', async () => {
    const environment = await makeEnv('walker-walk', {
      distraction: { level: 'easy', kinds: ['camera', 'colour'] },
    });
    assert.match(environment.spec.renderer, /^ray-caster \d+, easy distraction: colour \+ camera$/);
    environment.close();
  });
});

describe('a kind of distraction', () => {
  async function picture(kinds?: readonly ('colour' | 'camera' | 'background')[]): Promise<Uint8Array> {
    const environment = await makeEnv('cheetah-run', {
      observations: 'state',
      ...(kinds && { distraction: { level: 'hard', kinds } }),
    });
    environment.reset({ seed: 2 });
    const { data } = environment.render({ width: 64 });
    environment.close();
    return data;
  }
  /** Whether row and column show the sky, the cheetah's body, or the floor. */
  const at = (data: Uint8Array, row: number, column: number) => [
    ...data.subarray(3 * (64 * row + column), 3 * (64 * row + column) + 3),
  ];
  const body = [31, 30] as const;
  const sky = [8, 32] as const;

  it('leaves alone what it is not about', async () => {
    const plain = await picture();
    const colour = await picture(['colour']);
    const background = await picture(['background']);
    assert.deepEqual(at(colour, ...sky), at(plain, ...sky));
    assert.notDeepEqual(at(colour, ...body), at(plain, ...body));
    assert.deepEqual(at(background, ...body), at(plain, ...body));
    assert.notDeepEqual(at(background, ...sky), at(plain, ...sky));
    assert.notDeepEqual(await picture(['camera']), plain);
  });

  it('looks the same whatever else varies', async () => {
    const all = await picture(['colour', 'background']);
    assert.deepEqual(at(all, ...body), at(await picture(['colour']), ...body));
    assert.deepEqual(at(all, ...sky), at(await picture(['background']), ...sky));
  });
});

describe('what wanders', () => {
  class Recorder extends Wrapper {
    last: Appearance = {};
    override render(options: RenderOptions = {}): Frame {
      this.last = options.appearance ?? {};
      return { width: 1, height: 1, channels: 3, data: new Uint8Array(3) };
    }
  }

  for (const level of distractionLevels) {
    it(`moves smoothly and stays within its range at level ${level}`, async () => {
      const recorder = new Recorder(await makeEnv('pendulum-swingup', { observations: 'state' }));
      const environment = await Distraction.create(recorder, { level }, 0);
      const { colour, turn, distance } = distractionScales[level];
      environment.reset({ seed: 4 });
      let furthest = 0;
      let before: Appearance['camera'];
      for (let step = 0; step < 400; step++) {
        environment.step(new Float32Array(1));
        environment.render();
        const { colours, camera } = recorder.last;
        assert.ok(colours && camera);
        const [least, most] = [Math.min(...Array.from(colours)), Math.max(...Array.from(colours))];
        assert.ok(-colour <= least && most <= colour, `colours from ${least} to ${most}`);
        for (const axis of ['azimuth', 'elevation', 'roll'] as const) {
          assert.ok(Math.abs(camera[axis]) <= turn, `${axis} ${camera[axis]}`);
          if (before) assert.ok(Math.abs(camera[axis] - before[axis]) <= 0.0101 * turn);
          furthest = Math.max(furthest, Math.abs(camera[axis]) / turn);
        }
        assert.ok(camera.distance >= distance[0] && camera.distance <= distance[1]);
        before = camera;
      }
      assert.ok(furthest > 0.8, 'the range is used');
      environment.close();
    });
  }
});

describe('a camera moved around what it looks at', () => {
  const view = {
    x: 0,
    y: -3,
    z: 1,
    rightX: 1,
    rightY: 0,
    rightZ: 0,
    upX: 0,
    upY: 0,
    upZ: 1,
    forwardX: 0,
    forwardY: 1,
    forwardZ: 0,
    halfHeight: 0.4,
    near: 0,
  };
  const none = { azimuth: 0, elevation: 0, roll: 0, distance: 1 };

  it('goes on looking at it, from the distance and elevation that were asked for', () => {
    const { x, y, z, forwardX, forwardY, forwardZ } = orbit(view, 3, {
      ...none,
      elevation: 0.3,
      distance: 2,
    });
    close([x + 6 * forwardX, y + 6 * forwardY, z + 6 * forwardZ], [0, 0, 1]);
    close([x, y, z], [0, -6 * Math.cos(0.3), 1 + 6 * Math.sin(0.3)]);
    const turned = orbit(view, 3, { ...none, elevation: 0.3, azimuth: 0.4, roll: -0.2 });
    close([turned.upX * turned.rightX + turned.upY * turned.rightY + turned.upZ * turned.rightZ], [0]);
    close([turned.forwardX ** 2 + turned.forwardY ** 2 + turned.forwardZ ** 2], [1]);
  });

  it('does not sink below it', () => {
    const random = new Generator(2);
    for (let i = 0; i < 200; i++) {
      const [azimuth, elevation, roll] = [0, 0, 0].map(() => random.uniform(-0.5, 0.5)) as [
        number,
        number,
        number,
      ];
      assert.ok(orbit(view, 3, { ...none, azimuth, elevation, roll }).z > 1 - 1e-12);
    }
  });

  function close(actual: readonly number[], expected: readonly number[]): void {
    expected.forEach((value, i) => {
      assert.ok(Math.abs((actual[i] as number) - value) < 1e-12, `${actual} is not ${expected}`);
    });
  }
});

describe('backgrounds', () => {
  const view = { x: 0, y: 0, frame: 0 };
  const draw = (background: Parameters<typeof drawBackground>[0], change: Partial<typeof view> = {}) => {
    const out = new Uint8Array(8 * 8 * 3);
    drawBackground(background, { ...view, ...change }, 8, 8, out);
    return out;
  };

  it('made by the program are pictures of their number', () => {
    const [a, b] = [proceduralPool(4), proceduralPool(8)];
    assert.deepEqual(a.get(2), b.get(2));
    assert.notDeepEqual(a.get(2), a.get(3));
    const [picture] = a.get(2);
    assert.ok(new Set(picture).size > 100);
    assert.notDeepEqual(draw(a.get(2)), draw(a.get(2), { x: 0.125 }));
    // The room to drift is 0.375 of the side: there and back.
    assert.deepEqual(draw(a.get(2), { x: 0.125 }), draw(a.get(2), { x: 0.625 }));
  });

  it('of a folder are its pictures as stills and its folders as films that play forth and back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rlpd-backgrounds-'));
    try {
      const plain = async (path: string, red: number) =>
        sharp({ create: { width: 30, height: 20, channels: 3, background: { r: red, g: 0, b: 0 } } }).toFile(
          join(folder, path),
        );
      mkdirSync(join(folder, 'a-film'));
      mkdirSync(join(folder, 'b-without-pictures'));
      for (const [i, red] of [10, 20, 30].entries()) await plain(`a-film/${i}.png`, red);
      await plain('c.png', 90);
      writeFileSync(join(folder, 'd.txt'), 'no picture');
      const pool = await folderPool(folder, 8);
      assert.equal(pool.size, 2);
      const reds = [0, 1, 2, 3, 4, 5].map((frame) => draw(pool.get(0), { frame })[0]);
      assert.deepEqual(reds, [10, 20, 30, 20, 10, 20]);
      assert.equal(draw(pool.get(1), { frame: 3 })[0], 90);
      assert.equal((await folderPool(folder, 1)).size, 1);
      const environment = await makeEnv('cheetah-run', {
        observations: 'state',
        distraction: { level: 'easy', kinds: ['background'], backgrounds: folder },
      });
      environment.reset({ seed: 1 });
      const [red, green] = environment.render({ width: 16 }).data;
      assert.ok([10, 20, 30, 90].includes(red as number) && green === 0);
      environment.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are asked for in a sentence where a folder has none or a picture is broken', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rlpd-backgrounds-'));
    const distraction = { level: 'easy', backgrounds: folder } as const;
    try {
      await assert.rejects(makeEnv('walker-walk', { distraction }), (error) => {
        return error instanceof InputError && /holds no pictures/.test(error.message);
      });
      writeFileSync(join(folder, 'broken.png'), 'not a picture');
      await assert.rejects(makeEnv('walker-walk', { distraction }), /broken\.png is not a readable picture/);
      await assert.rejects(folderPool(join(folder, 'nowhere'), 4), InputError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
