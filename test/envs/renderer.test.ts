import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { makeEnv, taskNames } from '../../envs/makeEnv.js';
import { Simulation } from '../../envs/mujoco.js';
import { Projected } from '../../envs/renderer/projected.js';
import { enter } from '../../envs/renderer/rays.js';
import { Renderer } from '../../envs/renderer/renderer.js';
import { geomTypes, Shape } from '../../envs/renderer/shape.js';
import { hang } from '../../envs/renderer/tendon.js';
import { MipMap } from '../../envs/renderer/texture.js';
import { Triangles } from '../../envs/renderer/triangles.js';
import { VisibilityBuffer } from '../../envs/renderer/visibility.js';
import { findTask } from '../../envs/suite/registry.js';
import { Generator } from '../../src/random/generator.js';

describe('the renderer', () => {
  it('gives the same bytes on every machine', async () => {
    const digests: Record<string, string> = {};
    for (const task of [
      'ball_in_cup-catch',
      'cartpole-swingup',
      'cheetah-run',
      'reacher-easy',
      'walker-walk',
    ]) {
      const simulation = await Simulation.load(findTask(task).model);
      simulation.reset(() => undefined);
      digests[task] = createHash('sha256')
        .update(new Renderer(simulation).render(0, 64, 64))
        .digest('hex')
        .slice(0, 16);
      simulation.dispose();
    }
    assert.deepEqual(digests, {
      'ball_in_cup-catch': '6dceee298bfe047a',
      'cartpole-swingup': '0d9285daf3046042',
      'cheetah-run': '1afcbe9ae18ff1bf',
      'reacher-easy': 'e6a83964f678e1fa',
      'walker-walk': '0e2359536a6580cf',
    });
  });

  it('draws any size, from any camera, without disturbing the episode', async () => {
    const environment = await makeEnv('walker-walk', { observations: 'state' });
    environment.reset({ seed: 1 });
    const before = environment.saveState();
    for (const camera of ['side', 'back', 1]) {
      const frame = environment.render({ width: 33, height: 17, camera });
      assert.deepEqual([frame.width, frame.height, frame.data.length], [33, 17, 33 * 17 * 3]);
    }
    assert.equal(environment.render({ width: 40 }).height, 40);
    assert.deepEqual(environment.saveState(), before);
    environment.close();
  });

  it('draws random poses of every task without an exception', async () => {
    const random = new Generator(1);
    for (const name of taskNames()) {
      const task = findTask(name);
      const simulation = await Simulation.load(task.model);
      const bound = task.bind(simulation);
      const renderer = new Renderer(simulation);
      for (let i = 0; i < 10; i++) {
        simulation.reset(() => bound.initialise(random));
        const picture = renderer.render(task.camera, 32, 32);
        assert.ok(new Set(picture).size > 8, `${name} is not a blank picture`);
      }
      simulation.dispose();
    }
  });
});

describe('visibility', () => {
  const surface = { emission: 0, specular: 0, shininess: 0, reflectance: 0 };
  const view = {
    x: 0.3,
    y: -4,
    z: 0.5,
    rightX: 1,
    rightY: 0,
    rightZ: 0,
    upX: 0,
    upY: 0,
    upZ: 1,
    forwardX: 0,
    forwardY: 1,
    forwardZ: 0,
    halfHeight: 0.5,
    near: 0,
  };

  for (const [name, type] of Object.entries(geomTypes)) {
    it(`of a ${name} is found by outlines exactly where rays meet it`, () => {
      const random = new Generator(5);
      for (let trial = 0; trial < 20; trial++) {
        const isBody = type === geomTypes.mesh || type === geomTypes.heightField;
        const triangles = isBody ? ball(random) : undefined;
        const shape = new Shape({
          index: 0,
          kind: 'geom',
          type,
          material: -1,
          surface,
          ...(triangles && { triangles }),
        });
        shape.setSize(random.uniform(0.2, 0.8), random.uniform(0.2, 0.8), random.uniform(0.2, 0.8));
        turn(shape, random);
        const projected = new Projected(shape);
        projected.update(view);
        const buffer = new VisibilityBuffer(24, 24);
        buffer.draw(projected, 0, view);
        const [ids, expected] = [buffer.ids.slice(), castEverySample(projected)];
        assert.deepEqual(ids, expected);
        buffer.clear();
        assert.ok(buffer.ids.every((id) => id === -1));
      }
    });
  }

  it('a ray that runs along the sides of boxes of triangles meets them', () => {
    const side = 16;
    const positions: number[] = [];
    const corners: number[] = [];
    for (let row = 0; row <= side; row++)
      for (let column = 0; column <= side; column++) positions.push(column, row, 0);
    for (let row = 0; row < side; row++)
      for (let column = 0; column < side; column++) {
        const a = row * (side + 1) + column;
        const [b, c, d] = [a + 1, a + side + 1, a + side + 2];
        corners.push(a, b, d, a, d, c);
      }
    const points = Float64Array.from(positions);
    const floor = new Triangles(
      { positions: points, normals: points, textureCoordinates: null },
      Int32Array.from(corners),
    );
    for (let line = 1; line < side; line++)
      for (let along = 0.25; along < side; along++) {
        assert.equal(floor.enter(line, along, 5, 0, 0, -1), 5);
        assert.equal(floor.enter(along, line, 5, 0, 0, -1), 5);
      }
  });

  it('surfaces that merely touch do not come apart where they are drawn with fewer triangles', () => {
    const sheet = patches(6, 12);
    const shape = new Shape({
      index: 0,
      kind: 'geom',
      type: geomTypes.mesh,
      material: -1,
      surface,
      triangles: sheet,
    });
    shape.y = 3;
    const projected = new Projected(shape);
    const [side, margin] = [64, 16];
    let drawn = 0;
    for (let step = 0; step < 40; step++) {
      shape.x = view.x + step / 997;
      shape.z = view.z + step / 1009;
      projected.update(view);
      const buffer = new VisibilityBuffer(side, side);
      buffer.draw(projected, 0, view);
      assert.ok((projected.level?.corners.length ?? Infinity) < 0.5 * (sheet.levels[0]?.corners.length ?? 0));
      for (let row = margin; row < side - margin; row++) {
        const at = 4 * (row * side + margin);
        const holes = buffer.ids.subarray(at, at + 4 * (side - 2 * margin)).filter((id) => id !== 0);
        assert.equal(holes.length, 0, `step ${step}, row ${row}`);
        drawn++;
      }
    }
    assert.ok(drawn > 0);
  });

  /**
   * An uneven sheet in the plane of x and z that faces −y, of side 4, in `count`² patches of `cells`² cells, which share
   * no corner: each lies a hair beside its neighbours.
   */
  function patches(count: number, cells: number): Triangles {
    const positions: number[] = [];
    const normals: number[] = [];
    const corners: number[] = [];
    for (let patch = 0; patch < count * count; patch++) {
      const first = positions.length / 3;
      for (let row = 0; row <= cells; row++)
        for (let column = 0; column <= cells; column++) {
          const x = (4 * (column + cells * (patch % count))) / (cells * count) - 2;
          const z = (4 * (row + cells * Math.floor(patch / count))) / (cells * count) - 2;
          positions.push(x + 1e-5 * patch, 0.05 * Math.sin(9 * x) * Math.cos(8 * z), z + 1e-5 * patch);
          normals.push(0, -1, 0);
        }
      for (let row = 0; row < cells; row++)
        for (let column = 0; column < cells; column++) {
          const a = first + row * (cells + 1) + column;
          const [b, c, d] = [a + 1, a + cells + 1, a + cells + 2];
          corners.push(a, b, d, a, d, c);
        }
    }
    return new Triangles(
      {
        positions: Float64Array.from(positions),
        normals: Float64Array.from(normals),
        textureCoordinates: null,
      },
      Int32Array.from(corners),
    );
  }

  /** Rings of triangles around a ball of uneven radius, with its poles. */
  function ball(random: Generator, around = 9, rings = 5): Triangles {
    const positions: number[] = [];
    const add = (latitude: number, longitude: number): void => {
      const radius = random.uniform(0.4, 0.6);
      const flat = radius * Math.cos(latitude);
      positions.push(flat * Math.cos(longitude), flat * Math.sin(longitude), radius * Math.sin(latitude));
    };
    for (let ring = 0; ring < rings; ring++)
      for (let i = 0; i < around; i++)
        add(((ring + 1) / (rings + 1) - 0.5) * Math.PI, (2 * Math.PI * i) / around);
    add(-Math.PI / 2, 0);
    add(Math.PI / 2, 0);
    const corners: number[] = [];
    const [south, north] = [rings * around, rings * around + 1];
    for (let i = 0; i < around; i++) {
      const next = (i + 1) % around;
      corners.push(south, next, i, north, (rings - 1) * around + i, (rings - 1) * around + next);
      for (let ring = 0; ring + 1 < rings; ring++) {
        const [a, b] = [ring * around + i, ring * around + next];
        corners.push(a, b, a + around, b, b + around, a + around);
      }
    }
    const points = Float64Array.from(positions);
    return new Triangles(
      { positions: points, normals: points, textureCoordinates: null },
      Int32Array.from(corners),
    );
  }

  function turn(shape: Shape, random: Generator): void {
    const [w, x, y, z] = Array.from({ length: 4 }, () => random.normal()) as [number, number, number, number];
    const n = 2 / (w * w + x * x + y * y + z * z);
    shape.r00 = 1 - n * (y * y + z * z);
    shape.r01 = n * (x * y - w * z);
    shape.r02 = n * (x * z + w * y);
    shape.r10 = n * (x * y + w * z);
    shape.r11 = 1 - n * (x * x + z * z);
    shape.r12 = n * (y * z - w * x);
    shape.r20 = n * (x * z - w * y);
    shape.r21 = n * (y * z + w * x);
    shape.r22 = 1 - n * (x * x + y * y);
    shape.x = random.uniform(-1, 1);
    shape.z = random.uniform(-1, 1);
  }

  function castEverySample(p: Projected): Int16Array {
    const offsets = [
      [0.375, 0.875],
      [0.875, 0.625],
      [0.125, 0.375],
      [0.625, 0.125],
    ];
    const ids = new Int16Array(24 * 24 * 4);
    ids.forEach((_, at) => {
      const [dx, dy] = offsets[at % 4] as [number, number];
      const sx = ((Math.floor(at / 4) % 24) + dx - 12) / 24;
      const sy = (12 - Math.floor(at / 96) - dy) / 24;
      const t = enter(
        p.shape,
        p.ox,
        p.oy,
        p.oz,
        p.fx + sx * p.ux + sy * p.vx,
        p.fy + sx * p.uy + sy * p.vy,
        p.fz + sx * p.uz + sy * p.vz,
      );
      ids[at] = t < Infinity ? 0 : -1;
    });
    return ids;
  }
});

describe('a hanging string', () => {
  const ends = (h: number, v: number) =>
    Float64Array.of(0.1, 0.2, 0.3, 0.1 + 0.6 * h, 0.2 + 0.8 * h, 0.3 + v);

  it('runs from end to end, has its length, and hangs below both', () => {
    for (const [h, v] of [
      [0.2, 0.1],
      [0.29, 0],
      [0.05, -0.2],
      [0.001, 0.02],
    ] as const) {
      const points = new Float64Array(3 * 1001);
      const [a, b] = [ends(h, v).subarray(0, 3), ends(h, v).subarray(3)];
      hang(ends(h, v), 0.3, points);
      let length = 0;
      for (let i = 3; i < points.length; i += 3) {
        const step = [0, 1, 2].map((c) => (points[i + c] as number) - (points[i + c - 3] as number));
        length += Math.hypot(...step);
      }
      assert.ok(Math.abs(length - 0.3) < 1e-3, `length ${length} at ${h}, ${v}`);
      for (let c = 0; c < 3; c++) {
        assert.ok(Math.abs((points[c] as number) - (a[c] as number)) < 1e-9);
        assert.ok(Math.abs((points[3000 + c] as number) - (b[c] as number)) < 1e-9);
      }
    }
  });

  it('is a catenary: its slope grows by the length hung below it', () => {
    const points = new Float64Array(3 * 1001);
    hang(ends(0.2, 0.05), 0.3, points);
    const dx = 0.2 / 1000;
    const slope = (i: number) =>
      ((points[3 * (i + 1) + 2] as number) - (points[3 * (i - 1) + 2] as number)) / (2 * dx);
    const rate = (from: number, to: number) => {
      let length = 0;
      for (let i = from; i < to; i++)
        length += Math.hypot(dx, (points[3 * i + 5] as number) - (points[3 * i + 2] as number));
      return (slope(to) - slope(from)) / length;
    };
    assert.ok(Math.abs(rate(100, 300) / rate(600, 900) - 1) < 1e-3);
  });
});

describe('a mip map', () => {
  it('averages blocks of texels and blends between levels', () => {
    const checker = new Uint8Array(4 * 4 * 3).map((_, i) => (Math.floor(i / 3) % 2 === 0 ? 0 : 200));
    const map = new MipMap(4, 4, checker);
    const out = new Float64Array(3);
    map.sample(0.125, 0.125, 0, true, out);
    assert.equal(out[0], 0);
    map.sample(0.375, 0.125, 0, true, out);
    assert.equal(out[0], 200);
    map.sample(0.3, 0.7, 1, true, out);
    assert.equal(out[0], 100);
    map.sample(0.125, 0.125, 0.5, true, out);
    assert.equal(out[0], 50);
    map.sample(0.1, 0.1, 20, true, out);
    assert.equal(out[0], 100);
  });
});
