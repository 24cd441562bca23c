import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Environment, EnvironmentOptions, StepResult } from '../../envs/environment.js';
import { makeEnv, taskNames } from '../../envs/makeEnv.js';
import { Simulation } from '../../envs/mujoco.js';
import { Renderer } from '../../envs/renderer/renderer.js';
import { findTask } from '../../envs/suite/registry.js';
import { SuiteEnvironment } from '../../envs/suiteEnvironment.js';
import { InputError } from '../../src/errors.js';
import { Generator } from '../../src/random/generator.js';

function randomAction(random: Generator, size: number): Float32Array {
  return Float32Array.from({ length: size }, () => random.uniform(-1, 1));
}

function run(environment: Environment, steps: number, seed: number): StepResult[] {
  const random = new Generator(seed);
  return Array.from({ length: steps }, () =>
    environment.step(randomAction(random, environment.spec.actionSize)),
  );
}

describe('makeEnv', () => {
  it('refuses an unknown task with a sentence that lists the tasks', async () => {
    await assert.rejects(makeEnv('walker-fly'), (error: Error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, /"walker-fly".*walker-walk/);
      return true;
    });
  });

  it('refuses options out of range and unknown cameras', async () => {
    await assert.rejects(makeEnv('walker-walk', { actionRepeat: 0 }), /actionRepeat is 0/);
    await assert.rejects(makeEnv('walker-walk', { imageSize: 2.5 }), /imageSize is 2.5/);
    await assert.rejects(
      makeEnv('walker-walk', { cameras: ['side', 'top'] }),
      /no camera "top": expected one of side, back/,
    );
    await assert.rejects(makeEnv('walker-walk', { cameras: [2] }), /no camera 2: expected one of side, back/);
  });

  it('draws large pictures through the camera of the observations, or another that is asked for', async () => {
    const environment = await makeEnv('cartpole-swingup', {
      cameras: ['lookatcart'],
      imageSize: 32,
      frameStack: 1,
    });
    environment.reset({ seed: 1 });
    const { observation } = environment.step(Float32Array.of(1));
    const size = { width: 32, height: 32 };
    const { lookatcart } = observation.images;
    assert.deepEqual(environment.render(size).data, lookatcart);
    assert.notDeepEqual(environment.render({ ...size, camera: 'fixed' }).data, lookatcart);
  });

  it('describes spaces and facts of what it builds', async () => {
    const environment = await makeEnv('walker-walk', { observations: 'both', imageSize: 32, frameStack: 2 });
    assert.deepEqual(environment.observationSpace.images, [
      { name: 'side', height: 32, width: 32, channels: 3, frameStack: 2 },
    ]);
    assert.deepEqual(environment.observationSpace.state?.shape, [24]);
    assert.deepEqual(environment.actionSpace, { shape: [6], low: -1, high: 1, dtype: 'float32' });
    const { observation } = environment.reset();
    assert.equal(observation.images.side?.length, 32 * 32 * 6);
    assert.equal(observation.state?.length, 24);
    assert.equal(environment.spec.actionRepeat, 2);
    assert.equal(environment.spec.camera, 'side');
    assert.equal(environment.spec.controlTimestep, 0.025);
    environment.close();
  });

  it('observes the state alone, or pictures alone, where that is asked for', async () => {
    const state = await makeEnv('walker-walk', { observations: 'state' });
    assert.deepEqual(state.observationSpace.images, []);
    assert.deepEqual(state.reset().observation.images, {});
    const pixels = await makeEnv('walker-walk', { imageSize: 8 });
    assert.equal(pixels.observationSpace.state, undefined);
    assert.deepEqual(Object.keys(pixels.reset().observation), ['images']);
    assert.deepEqual(pixels.observationSpace.images, [
      { name: 'side', height: 8, width: 8, channels: 3, frameStack: 3 },
    ]);
    state.close();
    pixels.close();
  });

  it('says for every model what −1 and 1 of an action are', async () => {
    // Tasks of one domain share its model.
    const models = new Map(taskNames().map((name) => [String(findTask(name).model), name]));
    for (const name of models.values()) {
      const environment = await SuiteEnvironment.create(findTask(name), 0);
      const { actionBox, actionSize } = environment.spec;
      assert.deepEqual([actionBox?.low.length, actionBox?.high.length], [actionSize, actionSize], name);
      actionBox?.low.forEach((low, i) => {
        assert.ok(low < (actionBox.high[i] ?? 0) && Math.abs(low) < 1e3, `${name} ${low}`);
      });
      if (name.startsWith('quadruped-'))
        assert.deepEqual(
          [actionBox?.low.slice(0, 3), actionBox?.high.slice(0, 3)],
          [
            [-1, -1, -0.8],
            [1, 1.1, 0.8],
          ],
        );
      environment.close();
    }
  });
});

describe('several cameras', () => {
  const two = {
    cameras: ['lookatcart', 0],
    observations: 'both',
    imageSize: { fixed: { height: 12, width: 20 }, lookatcart: 16 },
    frameStack: { fixed: 1, lookatcart: 3 },
  } as const;

  it('give an image each, of its own size and stack, in the order in which they are named', async () => {
    const environment = await makeEnv('cartpole-swingup', two);
    assert.deepEqual(environment.observationSpace.images, [
      { name: 'lookatcart', height: 16, width: 16, channels: 3, frameStack: 3 },
      { name: 'fixed', height: 12, width: 20, channels: 3, frameStack: 1 },
    ]);
    assert.deepEqual(environment.observationSpace.state?.shape, [5]);
    assert.equal(environment.spec.camera, 'lookatcart');
    const [lookatcart, fixed] = [
      { width: 16, height: 16, camera: 'lookatcart' },
      { width: 20, height: 12, camera: 'fixed' },
    ];
    let { observation } = environment.reset({ seed: 1 });
    const seen = [environment.render(lookatcart).data];
    for (let i = 0; i < 3; i++) {
      ({ observation } = environment.step(Float32Array.of(1)));
      seen.push(environment.render(lookatcart).data);
    }
    assert.deepEqual(Object.keys(observation.images).sort(), ['fixed', 'lookatcart']);
    assert.deepEqual(observation.images.fixed, environment.render(fixed).data);
    assert.equal(observation.images.lookatcart?.length, 16 * 16 * 9);
    for (const k of [0, 1, 2]) {
      const frame = observation.images.lookatcart?.filter((_, i) => Math.floor((i % 9) / 3) === k);
      assert.deepEqual(frame, seen[k + 1], `frame ${k} of the stack`);
    }
    assert.equal(observation.state?.length, 5);
    assert.deepEqual(environment.render({ width: 16 }).data, seen[3], 'pictures are of the first camera');
    environment.close();
  });

  it('have 64 pixels and three frames where only others are given a size or a stack', async () => {
    const environment = await makeEnv('walker-walk', {
      cameras: ['side', 'back'],
      imageSize: { back: { height: 4, width: 6 } },
      frameStack: { side: 1 },
    });
    assert.deepEqual(environment.observationSpace.images, [
      { name: 'side', height: 64, width: 64, channels: 3, frameStack: 1 },
      { name: 'back', height: 4, width: 6, channels: 3, frameStack: 3 },
    ]);
    environment.close();
  });

  it('share one size and one stack where one is given', async () => {
    const environment = await makeEnv('walker-walk', {
      cameras: ['side', 'back'],
      imageSize: { height: 4, width: 6 },
      frameStack: 2,
    });
    assert.deepEqual(
      environment.observationSpace.images.map(({ height, width, frameStack }) => [height, width, frameStack]),
      [
        [4, 6, 2],
        [4, 6, 2],
      ],
    );
    environment.close();
  });

  it('continue bit for bit from a saved state, each with its own stack', async () => {
    const [a, b] = await Promise.all([makeEnv('cartpole-swingup', two), makeEnv('cartpole-swingup', two)]);
    a.reset({ seed: 3 });
    run(a, 4, 1);
    b.reset({ seed: 4 });
    b.restoreState(JSON.parse(JSON.stringify(a.saveState())));
    assert.deepEqual(run(b, 4, 2), run(a, 4, 2));
    a.close();
    b.close();
  });

  it('are refused twice, and with sizes or stacks of images that nobody sees', async () => {
    const cases: [EnvironmentOptions, RegExp][] = [
      [{ cameras: ['side', 'back', 'side'] }, /^The camera "side" is given twice\.$/],
      [{ cameras: ['back', 1] }, /^The camera "back" is given twice\.$/],
      [
        { imageSize: { back: 32 } },
        /^imageSize is given for the image "back", which is not observed: there is side\.$/,
      ],
      [
        { cameras: ['side', 'back'], frameStack: { side: 3, front: 1 } },
        /^frameStack is given for the image "front", which is not observed: there are side, back\.$/,
      ],
      [{ imageSize: { side: { height: 8, width: 0 } } }, /^imageSize is 0: expected a whole number from 1/],
      [
        { imageSize: { height: 5000, width: 8 } },
        /^imageSize is 5000: expected a whole number from 1 to 4096/,
      ],
      [{ frameStack: { side: 1.5 } }, /^frameStack is 1\.5: expected a whole number from 1 to 64\.$/],
      [{ frameStack: 0 }, /^frameStack is 0/],
    ];
    for (const [options, message] of cases)
      await assert.rejects(makeEnv('walker-walk', options), (error: Error) => {
        assert.ok(error instanceof InputError, error.stack);
        assert.match(error.message, message);
        return true;
      });
  });
});

describe('an episode', () => {
  it('is a function of its seed alone, whatever came before', async () => {
    const a = await makeEnv('cheetah-run', { imageSize: 16 });
    const b = await makeEnv('cheetah-run', { imageSize: 16, seed: 99 });
    b.reset();
    run(b, 5, 1);
    b.reset();
    assert.deepEqual(a.reset({ seed: 5 }), b.reset({ seed: 5 }));
    assert.deepEqual(run(a, 5, 2), run(b, 5, 2));
    assert.notDeepEqual(a.reset({ seed: 6 }).observation, b.reset({ seed: 5 }).observation);
    a.close();
    b.close();
  });

  it('without a seed goes on with the stream', async () => {
    const environment = await makeEnv('walker-walk', { observations: 'state', seed: 4 });
    const first = environment.reset().observation.state;
    const second = environment.reset().observation.state;
    assert.notDeepEqual(first, second);
    assert.deepEqual(environment.reset({ seed: 4 }).observation.state, first);
    assert.deepEqual(environment.reset().observation.state, second);
    environment.close();
  });

  it('is truncated, not terminated, after 1000 env frames, and then wants a reset', async () => {
    const environment = await makeEnv('reacher-easy', { observations: 'state', actionRepeat: 3 });
    assert.throws(() => environment.step(new Float32Array(2)), /call reset first/);
    environment.reset();
    const results = run(environment, 334, 3);
    const last = results[333];
    assert.ok(results.slice(0, 333).every((result) => !result.truncated && !result.terminated));
    assert.deepEqual([last?.truncated, last?.terminated, last?.info.envFrames], [true, false, 1000]);
    assert.throws(() => environment.step(new Float32Array(2)), /call reset first/);
    environment.close();
  });

  it('with an action repeat sums the rewards of the single steps', async () => {
    const single = await makeEnv('walker-stand', { observations: 'state', actionRepeat: 1 });
    const repeated = await makeEnv('walker-stand', { observations: 'state', actionRepeat: 4 });
    single.reset({ seed: 1 });
    repeated.reset({ seed: 1 });
    const action = Float32Array.of(0.3, -0.2, 0.1, 0.5, -0.4, 0.2);
    const singles = Array.from({ length: 4 }, () => single.step(action));
    const whole = repeated.step(action);
    assert.equal(
      whole.reward,
      singles.reduce((sum, result) => sum + result.reward, 0),
    );
    assert.deepEqual(whole.observation, singles[3]?.observation);
    single.close();
    repeated.close();
  });

  it('spreads [−1, 1] over what an actuator takes', async () => {
    const task = findTask('quadruped-walk');
    let controls: number[] = [];
    const environment = await SuiteEnvironment.create(
      {
        ...task,
        bind: (simulation: Simulation) => ({
          ...task.bind(simulation),
          reward: () => {
            controls = [...simulation.data('ctrl')].slice(0, 3);
            return 0;
          },
        }),
      },
      0,
    );
    const yawLiftExtend = (action: number) => {
      environment.reset();
      environment.step(new Float32Array(12).fill(action));
      return controls.map((control) => Math.round(control * 1e9) / 1e9);
    };
    assert.deepEqual(yawLiftExtend(1), [1, 1.1, 0.8]);
    assert.deepEqual(yawLiftExtend(-1), [-1, -1, -0.8]);
    assert.deepEqual(yawLiftExtend(0.5), [0.5, 0.575, 0.4]);
    environment.close();
  });

  it('clips actions to [−1, 1] and refuses NaN and wrong lengths', async () => {
    const environment = await makeEnv('cartpole-swingup', { observations: 'state' });
    environment.reset({ seed: 1 });
    const clipped = environment.step(Float32Array.of(3));
    environment.reset({ seed: 1 });
    assert.deepEqual(environment.step(Float32Array.of(1)), clipped);
    assert.throws(() => environment.step(Float32Array.of(Number.NaN)), /NaN/);
    assert.throws(() => environment.step(new Float32Array(2)), /actions of 1 numbers, not 2/);
    environment.close();
  });
});

describe('a frame stack', () => {
  it('holds the last frames, oldest first along the channels, and starts with copies of the first', async () => {
    const stacked = await makeEnv('cartpole-swingup', { imageSize: 8, frameStack: 3 });
    const plain = await makeEnv('cartpole-swingup', { imageSize: 8, frameStack: 1 });
    const frames = [plain.reset({ seed: 2 }).observation.images.fixed];
    let seen = stacked.reset({ seed: 2 }).observation.images.fixed;
    const channelsOf = (k: number) => seen?.filter((_, i) => Math.floor((i % 9) / 3) === k);
    for (const k of [0, 1, 2]) assert.deepEqual(channelsOf(k), frames[0]);
    const kept = seen?.slice();
    const handedOut = seen;
    for (let i = 0; i < 3; i++) {
      frames.push(plain.step(Float32Array.of(1)).observation.images.fixed);
      seen = stacked.step(Float32Array.of(1)).observation.images.fixed;
    }
    for (const k of [0, 1, 2]) assert.deepEqual(channelsOf(k), frames[k + 1]);
    assert.deepEqual(handedOut, kept, 'an observation that was handed out never changes');
    stacked.close();
    plain.close();
  });
});

describe('a saved state', () => {
  for (const task of [
    'walker-run',
    'cheetah-run',
    'cartpole-swingup',
    'reacher-hard',
    'quadruped-run',
    'manipulator-bring_ball',
  ]) {
    it(`of ${task} continues bit for bit in another environment, through JSON`, async () => {
      const a = await makeEnv(task, { observations: 'both', imageSize: 12 });
      const b = await makeEnv(task, { observations: 'both', imageSize: 12, seed: 7 });
      b.reset();
      for (const steps of [0, 12]) {
        a.reset({ seed: steps });
        run(a, steps, 1);
        b.restoreState(JSON.parse(JSON.stringify(a.saveState())));
        assert.deepEqual(b.render().data, a.render().data);
        assert.deepEqual(run(b, 6, 2), run(a, 6, 2));
        assert.deepEqual(b.reset(), a.reset(), 'the stream of episodes continues too');
      }
      a.close();
      b.close();
    });
  }
});

it('a saved state of something else is refused', async () => {
  const walker = await makeEnv('walker-walk', { observations: 'state' });
  const cartpole = await makeEnv('cartpole-swingup', { observations: 'state' });
  walker.reset();
  assert.throws(() => cartpole.restoreState(walker.saveState()), /does not fit/);
  assert.throws(
    () => cartpole.restoreState({ envFrames: 3, inner: { physics: 7 } }),
    /not a saved state of cartpole-swingup/,
  );
  walker.close();
  cartpole.close();
});

describe('a simulation that goes bad', () => {
  it('ends the episode as truncated with the reason', async () => {
    const task = findTask('walker-walk');
    let poison = false;
    const environment = await SuiteEnvironment.create(
      {
        ...task,
        bind: (simulation: Simulation) => ({
          ...task.bind(simulation),
          reward: () => {
            if (poison) simulation.data('qvel')[0] = Number.NaN;
            return 0;
          },
        }),
      },
      0,
    );
    environment.reset();
    assert.equal(environment.step(new Float32Array(6)).info.invalid, undefined);
    poison = true;
    environment.step(new Float32Array(6));
    const result = environment.step(new Float32Array(6));
    assert.deepEqual([result.truncated, result.terminated, result.reward], [true, false, 0]);
    assert.match(String(result.info.invalid), /is NaN, infinite or huge/);
    assert.ok(result.observation.state?.every(Number.isFinite));
    assert.throws(() => environment.step(new Float32Array(6)), /call reset first/);
    poison = false;
    environment.reset({ seed: 1 });
    assert.equal(environment.step(new Float32Array(6)).info.invalid, undefined);
    environment.close();
  });
});

describe('Simulation', () => {
  it('says which file MuJoCo refuses', async () => {
    const broken = new URL('data:text/xml,<mujoco><nonsense/></mujoco>');
    await assert.rejects(Simulation.load(broken), /cannot load/);
  });

  it('says that a model is beyond its memory, or beyond being drawn, in a sentence', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'model-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const model = (name: string, size: number): URL => {
      const file = join(folder, name);
      writeFileSync(
        file,
        `<mujoco><asset><hfield name="h" nrow="${size}" ncol="${size}" size="1 1 1 1"/></asset>
        <worldbody><camera/><geom type="hfield" hfield="h"/></worldbody></mujoco>`,
      );
      return pathToFileURL(file);
    };
    for (const size of [60_000, 20_000])
      await assert.rejects(Simulation.load(model('large.xml', size)), {
        name: 'InputError',
        message: /large\.xml: it takes more than the 4 GiB of memory .* make its height fields/,
      });
    const simulation = await Simulation.load(model('fine.xml', 800));
    simulation.reset(() => undefined);
    assert.throws(() => new Renderer(simulation).render(0, 8, 8), {
      name: 'InputError',
      message: /Height field 0 \(800 × 800\) of the model has 1276802 triangles/,
    });
    simulation.dispose();
  });
});
