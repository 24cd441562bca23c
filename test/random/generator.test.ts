import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Generator } from '../../src/random/generator.js';

test('a restored generator continues the very same stream, spare normal included', () => {
  const generator = new Generator(7);
  generator.normal();
  const state = JSON.parse(JSON.stringify(generator.state()));
  const expected = [generator.normal(), generator.uniform(), generator.integer(1000)];
  const restored = new Generator(0);
  restored.restore(state);
  assert.deepEqual([restored.normal(), restored.uniform(), restored.integer(1000)], expected);
});

test('children differ by name, and do not depend on how far the parent went', () => {
  const parent = new Generator(7);
  const before = parent.child('noise').bits32();
  parent.uniform();
  assert.equal(parent.child('noise').bits32(), before);
  assert.notEqual(parent.child('sampling').bits32(), before);
});

test('neighbouring seeds give unrelated first numbers', () => {
  const firsts = Array.from({ length: 1000 }, (_, seed) => new Generator(seed).uniform());
  const mean = firsts.reduce((a, b) => a + b, 0) / firsts.length;
  const variance = firsts.reduce((a, b) => a + (b - mean) ** 2, 0) / firsts.length;
  assert.ok(Math.abs(mean - 0.5) < 0.04, `mean ${mean}`);
  assert.ok(Math.abs(variance - 1 / 12) < 0.01, `variance ${variance}`);
});

test('normals have mean 0, variance 1 and a normal fourth moment', () => {
  const values = new Generator(3).fillNormal(new Float32Array(200_000));
  const moment = (power: number) => values.reduce((sum, v) => sum + v ** power, 0) / values.length;
  assert.ok(Math.abs(moment(1)) < 0.01);
  assert.ok(Math.abs(moment(2) - 1) < 0.02);
  assert.ok(Math.abs(moment(4) - 3) < 0.1);
});

test('integers cover their range evenly and choose never repeats', () => {
  const generator = new Generator(5);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 50_000; i++) counts[generator.integer(10)]!++;
  for (const count of counts) assert.ok(Math.abs(count - 5000) < 350, `${count}`);
  for (let i = 0; i < 100; i++) assert.equal(new Set(generator.choose(10, 4)).size, 4);
});
