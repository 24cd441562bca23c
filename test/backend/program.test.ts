/**
 * Programs: a recorded one gives the eager one's numbers bit for bit, run after run, keeps memory flat, sees what
 * changes outside it, and fails with a sentence.
 */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { FusedKernel } from '../../src/backend/fusedKernels.js';
import { createProgram, type Program } from '../../src/backend/program.js';
import { Generator } from '../../src/random/generator.js';
import { FrameMemory } from '../../src/replay/frameMemory.js';
import { normals, torchOrSkip, use } from './engines.js';

const torch = await torchOrSkip('float32');

const run = (kernel: string, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap = {}) =>
  tf.engine().runKernel(kernel, inputs, attrs) as unknown as tf.Tensor | tf.Tensor[];
const many = (outputs: tf.Tensor | tf.Tensor[]): tf.Tensor[] =>
  Array.isArray(outputs) ? outputs : [outputs];
const item = <T>(list: readonly T[], i: number): T => {
  const found = list[i];
  assert.ok(found !== undefined);
  return found;
};

const batch = 32;
const inputs = {
  frames: { shape: [batch, 2], dtype: 'int32' },
  shifts: { shape: [batch, 2], dtype: 'int32' },
  target: { shape: [batch, 3], dtype: 'float32' },
  step: { shape: [], dtype: 'int32' },
} as const;
const stride = { strideHeight: 2, strideWidth: 2, activation: 'relu' };

/** A small learner: gather → convolution → dense → layer norm → squared error, Adam, moving average. */
class Learner {
  readonly memory = new FrameMemory(9 * 9 * 3, 1000, 50 * 9 * 9 * 3);
  readonly variables: tf.Variable[];
  readonly moments: tf.Variable[];
  readonly average: tf.Variable;
  readonly program: Program<keyof typeof inputs>;
  readonly #random = new Generator(5);
  #step = 0;

  constructor(record: boolean) {
    const made = (seed: number, ...shape: number[]) =>
      tf.tidy(() => tf.variable(tf.mul(tf.tensor(normals(shape, seed), shape), 0.2)));
    this.variables = [
      made(1, 3, 3, 6, 8),
      made(2, 8),
      made(3, 1, 128, 3),
      made(4, 1, 3),
      made(5, 1, 3),
      made(6, 1, 3),
    ];
    const zeros = (like: tf.Tensor) => tf.tidy(() => tf.variable(tf.zerosLike(like)));
    this.moments = [0, 1].flatMap(() => this.variables.map(zeros));
    this.average = zeros(item(this.variables, 0));
    for (let i = 0; i < 100; i++)
      this.memory.write(
        i,
        Uint8Array.from({ length: this.memory.frameBytes }, () => this.#random.integer(256)),
      );
    this.program = createProgram({ name: 'learner', inputs, record, body: (t) => this.#body(t) });
  }

  #body(t: Record<keyof typeof inputs, tf.Tensor>): tf.Tensor1D {
    const [filter, filterBias, weight, bias, gain, offset] = this.variables as [
      tf.Variable,
      tf.Variable,
      tf.Variable,
      tf.Variable,
      tf.Variable,
      tf.Variable,
    ];
    const images = item(
      many(
        run(FusedKernel.GatherFrames, { frames: t.frames, shifts: t.shifts }, {
          memories: [this.memory],
          counts: [batch],
          height: 9,
          width: 9,
          channels: 3,
          pad: 1,
        } as unknown as tf.NamedAttrMap),
      ),
      0,
    );
    const features = item(
      many(run(FusedKernel.ConvBiasActivation, { x: images, filter, bias: filterBias }, stride)),
      0,
    );
    const flat = tf.reshape(features, [batch, 128]);
    const output = item(
      many(run(FusedKernel.EnsembleDense, { x: flat, weight, bias }, { activation: 'linear' })),
      0,
    );
    const norm = { epsilon: 1e-5, activation: 'tanh' };
    const [y, mean, inverseStd] = many(
      run(FusedKernel.LayerNormActivation, { x: output, gain, offset }, norm),
    ) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const error = tf.sub(y, tf.expandDims(t.target, 0));
    const loss = tf.mean(tf.square(error));
    const dy = tf.mul(error, 2 / (batch * 3));
    const [dGain, dOffset, dOutput] = many(
      run(FusedKernel.LayerNormActivationGrad, { x: output, gain, offset, y, mean, inverseStd, dy }, norm),
    ) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const [dWeight, dBias, dFlat] = many(
      run(
        FusedKernel.EnsembleDenseGrad,
        { x: flat, weight, y: output, dy: dOutput },
        { activation: 'linear', needsWeightGradients: true, needsInputGradient: true },
      ),
    ) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const [dFilter, dFilterBias] = many(
      run(
        FusedKernel.ConvBiasActivationGrad,
        { x: images, filter, y: features, dy: tf.reshape(dFlat, [batch, 4, 4, 8]) },
        { ...stride, needsInputGradient: false },
      ),
    ) as [tf.Tensor, tf.Tensor];
    const gradients = [dFilter, dFilterBias, dWeight, dBias, dGain, dOffset];
    const numbered = (name: string, list: readonly tf.Tensor[]) =>
      Object.fromEntries(list.map((tensor, i) => [`${name}${i}`, tensor]));
    run(
      FusedKernel.AdamUpdate,
      {
        ...numbered('param', this.variables),
        ...numbered('gradient', gradients),
        ...numbered('firstMoment', this.moments.slice(0, 6)),
        ...numbered('secondMoment', this.moments.slice(6)),
        step: t.step,
      },
      { count: 6, learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    );
    run(FusedKernel.EmaUpdate, { target0: this.average, source0: filter }, { count: 1, rate: 0.05 });
    // Two spare results that nothing needs: a recording drops them.
    tf.exp(error);
    tf.sum(tf.abs(error));
    return tf.stack([loss, tf.mean(y), tf.max(tf.abs(dFilter))]) as tf.Tensor1D;
  }

  /** One run on the next random batch, over all frames written so far. */
  async update(frames = 100): Promise<Float32Array> {
    const integers = (size: number, below: number) =>
      Int32Array.from({ length: size }, () => this.#random.integer(below));
    return this.program.run({
      frames: integers(2 * batch, frames),
      shifts: integers(2 * batch, 3),
      target: this.#random.fillNormal(new Float32Array(3 * batch)),
      step: Int32Array.of(++this.#step),
    });
  }

  async weights(): Promise<number[][]> {
    const all = [...this.variables, ...this.moments, this.average];
    return Promise.all(all.map(async (variable) => [...(await variable.data())]));
  }

  dispose(): void {
    this.program.dispose();
    tf.dispose([...this.variables, ...this.moments, this.average]);
  }
}

function reason(settled: PromiseSettledResult<unknown> | undefined): string {
  return settled?.status === 'rejected' ? String(settled.reason) : 'it did not fail';
}

interface Memory {
  readonly numTensors: number;
  readonly nativeTensors: number;
  readonly nativeBytes: number;
}
const memory = () => tf.memory() as unknown as Memory;

describe('a recorded program', torch, () => {
  test('gives the eager numbers bit for bit, in its results and in every variable', async () => {
    await use('torch');
    const eager = new Learner(false);
    const recorded = new Learner(true);
    for (let i = 0; i < 25; i++) assert.deepEqual(await recorded.update(), await eager.update(), `run ${i}`);
    assert.deepEqual(await recorded.weights(), await eager.weights());
    eager.dispose();
    recorded.dispose();
  });

  for (const record of [false, true]) {
    test(`keeps memory flat over 200 runs, ${record ? 'recorded' : 'eager'}`, async () => {
      await use('torch');
      const start = memory();
      const learner = new Learner(record);
      await learner.update();
      await learner.update();
      const before = memory();
      const resident = process.memoryUsage().rss;
      for (let i = 0; i < 200; i++) await learner.update();
      assert.deepEqual(memory(), before);
      assert.ok(process.memoryUsage().rss < resident + 100e6, 'resident memory grew by more than 100 MB');
      learner.dispose();
      assert.deepEqual(memory(), start);
    });
  }

  test('sees frames in blocks that were allocated after the recording', async () => {
    await use('torch');
    const learners = [new Learner(false), new Learner(true)];
    const results = [];
    for (const learner of learners) {
      await learner.update();
      await learner.update();
      for (let i = 100; i < 400; i++)
        learner.memory.write(i, new Uint8Array(learner.memory.frameBytes).fill(i % 256));
      results.push(await learner.update(400));
      learner.dispose();
    }
    assert.deepEqual(results[1], results[0]);
  });

  test('is recorded anew when a variable was given other memory', async () => {
    await use('torch');
    const learners = [new Learner(false), new Learner(true)];
    const results = [];
    for (const learner of learners) {
      await learner.update();
      await learner.update();
      const variable = item(learner.variables, 0);
      tf.tidy(() => variable.assign(tf.mul(variable, 0.5)));
      results.push([...(await learner.update()), ...(await learner.update())]);
      learner.dispose();
    }
    assert.deepEqual(results[1], results[0]);
  });

  test('rejects with the name of the kernel that failed, and runs again', async () => {
    await use('torch');
    const learner = new Learner(true);
    await learner.update();
    await assert.rejects(learner.update(999), /RlpdGatherFrames: .*was never written/);
    const numbers = await learner.update();
    assert.ok(numbers.every(Number.isFinite));
    learner.dispose();
  });

  test('leaves the main thread free while it runs, and refuses other work on the engine meanwhile', async () => {
    await use('torch');
    const [learner, other] = [new Learner(true), new Learner(true)];
    await learner.update();
    const pending = learner.update();
    assert.throws(() => tf.neg(item(learner.variables, 0)), /recorded program is running; await it/);
    assert.throws(() => learner.dispose(), /is running: await its run/);
    // What is refused for its inputs does not hide the run that is pending from one that has to be recorded first.
    const empty = new Int32Array(0);
    const none = { frames: empty, shifts: empty, step: empty, target: new Float32Array(0) };
    await assert.rejects(learner.program.run(none), /as its input/);
    assert.ok((await other.update()).every(Number.isFinite));
    await pending;
    other.dispose();
    learner.dispose();
  });

  test('runs that are asked for while one is pending follow in turn, each on its own inputs', async () => {
    await use('torch');
    const eager = new Learner(false);
    const recorded = new Learner(true);
    const expected = [];
    for (let i = 0; i < 12; i++) expected.push(await eager.update());
    // The first of them is the recording.
    const runs = Array.from({ length: 12 }, () => recorded.update());
    assert.deepEqual(await Promise.all(runs), expected);
    assert.deepEqual(await recorded.weights(), await eager.weights());
    eager.dispose();
    recorded.dispose();
  });

  test('another program follows in turn, whether it is recorded already or not', async () => {
    await use('torch');
    const learner = new Learner(true);
    await learner.update();
    // Reads the weight that the runs before it have changed.
    const weight = item(learner.variables, 0);
    const reader = createProgram({
      name: 'reader of a weight',
      inputs: { x: { shape: [1], dtype: 'float32' } },
      body: ({ x }) => tf.add(x, tf.sum(weight)) as tf.Tensor1D,
    });
    const read = () => reader.run({ x: Float32Array.of(0) });
    const runs = [learner.update(), read(), learner.update(), read(), read()];
    const [, first, , second, third] = await Promise.all(runs);
    assert.notDeepEqual(second, first);
    assert.deepEqual(third, second);
    assert.deepEqual(await read(), second);
    reader.dispose();
    learner.dispose();
  });

  test('a run that fails takes those behind it with it, and no later one', async () => {
    await use('torch');
    const learner = new Learner(true);
    const other = new Learner(true);
    await learner.update();
    const before = await learner.weights();
    const runs = [learner.update(999), learner.update(), other.update()];
    const [failed, behind, unrecorded] = await Promise.allSettled(runs);
    assert.match(reason(failed), /was never written/);
    assert.match(reason(behind), /not run, because a run before it failed/);
    assert.match(reason(unrecorded), /was not run, because a run before it failed/);
    assert.deepEqual(await learner.weights(), before);
    assert.ok((await learner.update()).every(Number.isFinite));
    assert.ok((await other.update()).every(Number.isFinite));
    learner.dispose();
    other.dispose();
  });
});

describe('a program', () => {
  test('runs eagerly on a backend that cannot record', async () => {
    await use('cpu');
    const program = createProgram({
      name: 'double',
      inputs: { x: { shape: [2], dtype: 'float32' } },
      body: ({ x }) => tf.mul(x, 2) as tf.Tensor1D,
    });
    assert.deepEqual([...(await program.run({ x: Float32Array.of(1, 2) }))], [2, 4]);
    program.dispose();
    await assert.rejects(program.run({ x: Float32Array.of(1, 2) }), /Program double was disposed/);
  });

  test('refuses inputs of another size or type, and bodies that leave tensors behind', async () => {
    await use('cpu');
    const program = createProgram({
      name: 'leaky',
      inputs: { x: { shape: [2], dtype: 'float32' } },
      body: ({ x }) => {
        tf.keep(tf.add(x, 1));
        return tf.mul(x, 2) as tf.Tensor1D;
      },
    });
    await assert.rejects(
      program.run({ x: Float32Array.of(1) }),
      /leaky takes 2 float32 numbers as its input "x"/,
    );
    await assert.rejects(program.run({ x: Int32Array.of(1, 2) }), /leaky takes 2 float32/);
    await assert.rejects(program.run({ x: Float32Array.of(1, 2) }), /leaves 1 tensors behind/);
  });

  test('refuses to read a tensor while it is recorded', torch, async () => {
    await use('torch');
    const program = createProgram({
      name: 'reader',
      inputs: { x: { shape: [2], dtype: 'float32' } },
      record: true,
      body: ({ x }) => tf.mul(x, x.dataSync()[0] as number) as tf.Tensor1D,
    });
    await assert.rejects(
      program.run({ x: Float32Array.of(1, 2) }),
      /may not read a tensor while it is being recorded/,
    );
    assert.equal(
      tf.tidy(() => tf.sum(tf.ones([3])).dataSync()[0]),
      3,
    );
  });
});
