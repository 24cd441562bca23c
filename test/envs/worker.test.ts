import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeEnv } from '../../envs/makeEnv.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { InputError } from '../../src/errors.js';

const options = { observations: 'both', imageSize: 16, seed: 3 } as const;

describe('EnvironmentWorker', () => {
  it('gives what the environment gives in this thread', async () => {
    const here = await makeEnv('cartpole-swingup', options);
    const there = await EnvironmentWorker.create('cartpole-swingup', options);
    assert.deepEqual(there.spec, here.spec);
    assert.deepEqual(there.observationSpace, here.observationSpace);
    assert.deepEqual(await there.reset({ seed: 1 }), here.reset({ seed: 1 }));
    const action = Float32Array.of(0.5);
    const first = await there.step(action);
    assert.deepEqual(first, here.step(action));
    const kept = first.observation.images.fixed?.slice();
    assert.deepEqual(await there.render({ width: 20, height: 10 }), here.render({ width: 20, height: 10 }));
    const state = await there.saveState();
    assert.deepEqual(state, here.saveState());
    await there.step(Float32Array.of(-1));
    assert.ok(kept !== undefined);
    assert.deepEqual(first.observation.images.fixed, kept, 'pixels that were handed out never change');
    await there.restoreState(state);
    assert.deepEqual(await there.step(action), here.step(action));
    await there.close();
    here.close();
  });

  it('gives each of several cameras its own image, which stays as it was handed out', async () => {
    const two = {
      ...options,
      cameras: ['fixed', 'lookatcart'],
      imageSize: { fixed: { height: 6, width: 10 }, lookatcart: 12 },
      frameStack: { fixed: 2, lookatcart: 1 },
    } as const;
    const here = await makeEnv('cartpole-swingup', two);
    const there = await EnvironmentWorker.create('cartpole-swingup', two);
    assert.deepEqual(there.observationSpace, here.observationSpace);
    const first = await there.reset({ seed: 1 });
    const expected = here.reset({ seed: 1 });
    assert.deepEqual(
      [expected.observation.images.fixed?.length, expected.observation.images.lookatcart?.length],
      [6 * 10 * 6, 12 * 12 * 3],
    );
    assert.deepEqual(first, expected);
    const next = here.step(Float32Array.of(1));
    assert.notDeepEqual(next.observation.images, expected.observation.images);
    assert.deepEqual(await there.step(Float32Array.of(1)), next);
    assert.deepEqual(first, expected, 'images that were handed out never change');
    await there.close();
    here.close();
  });

  it('hands errors over as sentences and stays usable', async () => {
    await assert.rejects(EnvironmentWorker.create('walker-fly'), (error) => error instanceof InputError);
    const worker = await EnvironmentWorker.create('cartpole-swingup', { observations: 'state' });
    await assert.rejects(worker.step(Float32Array.of(1)), /call reset first/);
    await assert.rejects(worker.render({ camera: 'top' }), (error) => error instanceof InputError);
    await worker.reset();
    assert.equal((await worker.step(Float32Array.of(1))).info.envFrames, 2);
    await worker.close();
  });

  it('refuses overlapping calls, and rejects what is pending when it is closed', async () => {
    const worker = await EnvironmentWorker.create('cartpole-swingup', { observations: 'state' });
    const pending = assert.rejects(worker.reset(), /closed/);
    await assert.rejects(worker.reset(), /still busy/);
    await worker.close();
    await pending;
    await assert.rejects(worker.reset(), /closed/);
    await worker.close();
  });
});
