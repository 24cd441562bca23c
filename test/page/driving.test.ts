/** What the drive view can tell without a browser: an action from what is held, what can be asked for, how long it took. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asksOf, reservedCodes } from '../../src/page/driveKeys.js';
import { InputLatency } from '../../src/page/inputLatency.js';
import {
  actionOf,
  type Hands,
  type Input,
  type Mapping,
  mappingSchema,
  meantInput,
  nameOf,
  usualMapping,
  withBinding,
  withoutInput,
} from '../../src/page/mapping.js';
import type { Standing } from '../../src/serve/protocol.js';

const nothing: Hands = { keys: new Set(), buttons: [], axes: [], mouse: null };
const keys = (...codes: string[]): Hands => ({ ...nothing, keys: new Set(codes) });
const at = (mapping: Mapping, hands: Partial<Hands>, before = [0, 0, 0]) =>
  actionOf(mapping, { ...nothing, ...hands }, before);

test('keys, sticks, buttons and the mouse add up in their number, up to its ends', () => {
  const mapping = usualMapping(3);
  assert.deepEqual(at(mapping, nothing), { action: [0, 0, 0], isHeld: false });
  assert.deepEqual(at(mapping, keys('ArrowRight', 'KeyS')), { action: [1, 0, -1], isHeld: true });
  assert.deepEqual(at(mapping, keys('ArrowRight', 'ArrowLeft')), { action: [0, 0, 0], isHeld: true });
  assert.deepEqual(at(mapping, keys('Unknown')), { action: [0, 0, 0], isHeld: false });
  // 12% of a stick's way are dead; up is −1 there.
  assert.deepEqual(at(mapping, { axes: [0.12, -0.56] }), { action: [0, 0.5, 0], isHeld: true });
  assert.deepEqual(at(mapping, { axes: [-0.119, 0.1, 0, 0.05] }), { action: [0, 0, 0], isHeld: false });
  assert.deepEqual(at(mapping, { mouse: { x: -0.5, y: 0.25 } }), { action: [-0.5, 0.25, 0], isHeld: true });
  assert.deepEqual(at(mapping, { ...keys('ArrowUp'), mouse: { x: 0, y: 1 } }).action, [0, 1, 0]);
  assert.deepEqual(at(mapping, { mouse: { x: 0, y: 0 } }), { action: [0, 0, 0], isHeld: false });
  const gentle = { ...mapping, strength: 0.2 };
  assert.deepEqual(at(gentle, keys('ArrowRight')).action, [0.2, 0, 0]);
});

test('a number that stays keeps what it was given, and alone it is no hand', () => {
  const mapping = { ...usualMapping(3), stays: [false, false, true] };
  const { action } = at(mapping, keys('KeyS', 'ArrowUp'), [0, 0, 0]);
  assert.deepEqual(action, [0, 1, -1]);
  assert.deepEqual(at(mapping, nothing, action), { action: [0, 0, -1], isHeld: false });
  assert.deepEqual(at(mapping, keys('KeyW'), [0, 0, -1]).action, [0, 0, 1]);
});

test('an input moves one number only, one way: it is taken from where it was', () => {
  const z: Input = { device: 'key', code: 'KeyZ' };
  const up: Input = { device: 'key', code: 'ArrowUp' };
  const taught = withBinding(withBinding(usualMapping(3), z, 2, 1), up, 2, -1);
  assert.deepEqual(at(taught, keys('KeyZ')).action, [0, 0, 1]);
  assert.deepEqual(at(taught, keys('ArrowUp')).action, [0, 0, -1]);
  assert.equal(at(withoutInput(taught, z), keys('KeyZ')).isHeld, false);
  assert.deepEqual(mappingSchema.parse(JSON.parse(JSON.stringify(taught))), taught);
  for (const wrong of [{ ...taught, strength: 0 }, { ...taught, stays: 'yes' }, {}])
    assert.equal(mappingSchema.safeParse(wrong).success, false);
});

test('whatever number of actions there is, the usual mapping uses each input once, and none that asks for something', () => {
  for (const size of [1, 4, 21]) {
    const { bindings, stays } = usualMapping(size);
    const names = bindings.map(({ input }) => nameOf(input));
    assert.equal(new Set(names).size, names.length);
    assert.equal(stays.length, size);
    assert.ok(bindings.every(({ dimension }) => dimension < size));
    const codes = bindings.flatMap(({ input }) => (input.device === 'key' ? [input.code] : []));
    assert.deepEqual(
      codes.filter((code) => reservedCodes.has(code)),
      [],
    );
  }
});

test('what a person means is what is pulled far: trembling sticks teach nothing', () => {
  assert.equal(
    meantInput({ ...nothing, axes: [0.3, -0.4], buttons: [0.1], mouse: { x: 0.5, y: 0 } }),
    undefined,
  );
  assert.deepEqual(meantInput({ ...nothing, axes: [0, -0.9] }), { device: 'stick', axis: 1, sign: -1 });
  assert.deepEqual(meantInput({ ...nothing, buttons: [0, 1] }), { device: 'button', index: 1 });
  assert.deepEqual(meantInput({ ...nothing, mouse: { x: 0, y: -1 } }), {
    device: 'mouse',
    axis: 'y',
    sign: -1,
  });
});

test('what can be asked for depends on how things stand, and no key means two things at once', () => {
  const standing = (phase: Standing['phase'], isRecorded = false): Standing => ({
    ...{ phase, isRecorded, isDriven: false, steps: 0, return: 0, drivenSteps: 0, success: null },
    ...{ kept: 0, stepMs: null, deadlines: 0, missed: 0, note: '' },
  });
  const asked = (of: Standing, canRecord = true) => asksOf(of, canRecord).map(({ command }) => command);
  assert.deepEqual(asked(standing('ready')), ['record', 'practise', 'reset']);
  assert.deepEqual(asked(standing('ready'), false), ['practise', 'reset']);
  assert.deepEqual(asked(standing('driving')), ['reset']);
  assert.deepEqual(asked(standing('driving', true)), ['stop', 'success', 'discard']);
  assert.deepEqual(asked(standing('ended', true)), ['keep', 'discard', 'success']);
  assert.deepEqual(asked(standing('training')), []);
  for (const phase of ['ready', 'driving', 'ended'] as const) {
    const codes = asksOf(standing(phase, true), true).map(({ code }) => code);
    assert.equal(new Set(codes).size, codes.length);
  }
});

test('the latency is from an input to the first picture that knows of it; what it overtook does not count', () => {
  const latency = new InputLatency();
  assert.equal(latency.figures, null);
  latency.sent(1, 0);
  latency.sent(2, 10);
  latency.drawn(0, 20);
  assert.equal(latency.figures, null);
  latency.drawn(2, 50);
  assert.deepEqual(latency.figures, { p50: 40, p95: 40 });
  // The same picture again, and one that only knows of an input that is long answered.
  latency.drawn(2, 90);
  latency.drawn(1, 90);
  assert.deepEqual(latency.figures, { p50: 40, p95: 40 });
  for (let input = 3; input < 22; input++) {
    latency.sent(input, 100 * input);
    latency.drawn(input, 100 * input + input);
  }
  // 40 and 3 to 21.
  assert.deepEqual(latency.figures, { p50: 12, p95: 21 });
});
