import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeEnv } from '../../envs/makeEnv.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { startRobot } from './remoteRobot.js';
import { box } from './remoteRobotServer.js';

const options = { observations: 'both', imageSize: { front: { height: 4, width: 6 }, wrist: 2 } } as const;
const action = Float32Array.of(0.5, 0.5, 0.5);

test('several pictures are observed by the ends of their keys, each at its size and stack', async (context) => {
  const task = await startRobot(context);
  const environment = await makeEnv(task, {
    ...options,
    actionRepeat: 1,
    frameStack: { front: 2, wrist: 1 },
  });
  assert.deepEqual(environment.observationSpace.images, [
    { name: 'front', height: 4, width: 6, channels: 3, frameStack: 2 },
    { name: 'wrist', height: 2, width: 2, channels: 1, frameStack: 1 },
  ]);
  environment.reset({ seed: 2 });
  const { images, state } = environment.step(action).observation;
  const front = Uint8Array.from({ length: 4 * 6 * 6 }, (_, i) => (i % 6 < 3 ? 0 : 1));
  assert.deepEqual(images, { front, wrist: new Uint8Array(4).fill(101) });
  assert.equal(state?.[1], 1);
  assert.deepEqual([...environment.render({ camera: 'wrist', width: 1 }).data], [101]);
  assert.deepEqual([...environment.render({ width: 1 }).data], [1, 1, 1]);
  environment.close();
  const wrist = await makeEnv(task, { observations: 'pixels', cameras: ['wrist'], imageSize: 2 });
  assert.deepEqual(
    wrist.observationSpace.images.map(({ name }) => name),
    ['wrist'],
  );
  wrist.close();
  await assert.rejects(makeEnv(task, { cameras: ['back'] }), {
    name: 'InputError',
    message: /shows no picture "back": expected one of front, wrist\.$/,
  });
});

test('keys with one end are told apart by more of them, and none is taken that is no name', async (context) => {
  const shape = [2, 2, 3];
  const images = ['left/rgb', 'right/rgb', 'a=b'].map((key) => ({ key, shape }));
  const pixels = Object.fromEntries(images.map(({ key }) => [key, new Uint8Array(12)]));
  const task = await startRobot(context, { facts: { images }, step: { images: pixels } });
  const environment = await makeEnv(task, { imageSize: 2 });
  assert.deepEqual(
    environment.observationSpace.images.map(({ name }) => name),
    ['left_rgb', 'right_rgb', 'a_b'],
  );
  environment.close();
  const bell = { images: [{ key: 'a\u0007', shape }] };
  await assert.rejects(makeEnv(await startRobot(context, { facts: bell })), {
    message: /is no name for a file/,
  });
});

test('the box, the names of actions, the task, its words and its control time are those of the server', async (context) => {
  const environment = await makeEnv(await startRobot(context), options);
  const { task, actionBox, actionNames, controlTimestep, maxEnvFrames } = environment.spec;
  assert.deepEqual(
    { task, actionBox, actionNames, controlTimestep, maxEnvFrames },
    {
      task: 'Robot-v0(task=stack)',
      actionBox: box,
      actionNames: ['steer', 'gas', 'brake'],
      controlTimestep: 0.05,
      maxEnvFrames: 10,
    },
  );
  const words = new Set(
    Array.from({ length: 12 }, (_, seed) => environment.reset({ seed }).info.instruction),
  );
  assert.deepEqual([...words].sort(), ['stack the cubes', 'stack them the other way round']);
  environment.close();
});

test("a person's action crosses the wire into [−1, 1] of the box, from a thread too, beside success and reward terms", async (context) => {
  const task = await startRobot(context);
  const here = await makeEnv(task, { ...options, actionRepeat: 1 });
  const there = await EnvironmentWorker.create(task, { ...options, actionRepeat: 1 });
  for (const environment of [here, there]) {
    // The environment's own seed is drawn from this one; it is even.
    await environment.reset({ seed: 4 });
    const infos = [];
    for (let t = 0; t < 10; t++) infos.push((await environment.step(action)).info);
    assert.deepEqual(
      infos.map(({ executedAction }) => executedAction && [...executedAction]),
      [2, 3, 4].reduce<(number[] | null)[]>((all, t) => all.with(t, [0, 0, -1]), new Array(10).fill(null)),
    );
    assert.deepEqual(
      infos.map(({ success }) => success),
      [false, false, false, false, false, false, false, true, true, true],
    );
    assert.deepEqual(infos[0]?.rewardTerms, { gas: 0.5, penalty: -0.25 });
  }
  here.close();
  await there.close();
});

test('a robot whose facts make no sense is refused in a sentence, and so is a version that nobody knows', async (context) => {
  const cases: [facts: Record<string, unknown>, message: RegExp][] = [
    [{ protocol: 3 }, /speaks version 3 of the protocol, and versions 1 and 2 are spoken here/],
    [{ actionLow: [-1, 0] }, /"actionLow" in its answer to hello: it has 2 entries, expected 3/],
    [{ actionLow: [-1, 1, 0] }, /"actionLow" .*dimension 1 is not below its high end/],
    [{ actionNames: ['steer'] }, /"actionNames" .*it has 1 entries, expected 3/],
    [{ images: [{ key: 'a', shape: [4, 4, 2] }] }, /"images\.0\.shape\.2"/],
    [{ images: ['a', 'a'].map((key) => ({ key, shape: [4, 4, 3] })) }, /two pictures have one key/],
    [{ timestep: 0 }, /"timestep" in its answer to hello: .*; mend the server by/],
  ];
  for (const [facts, message] of cases)
    await assert.rejects(makeEnv(await startRobot(context, { facts })), { name: 'InputError', message });
  // msgpack's null, and an array that stops in the middle.
  const hellos: [hello: Uint8Array, message: RegExp][] = [
    [Uint8Array.of(0xc0), /: its answer to hello: .*expected object.*mend the server by .*README\.md/],
    [Uint8Array.of(0x92, 1), /its answer is not msgpack; check host and port, and mend the server/],
  ];
  for (const [hello, message] of hellos)
    await assert.rejects(makeEnv(await startRobot(context, { hello })), { name: 'InputError', message });
});

test('an episode that begins with a state that is not finite is refused in a sentence', async (context) => {
  const state = new Uint8Array(Float32Array.of(0, Number.NaN).buffer);
  for (const observations of ['state', 'pixels'] as const) {
    const task = await startRobot(context, { reset: { state } });
    const environment = await makeEnv(task, { observations });
    assert.throws(() => environment.reset(), {
      name: 'InputError',
      message: /began an episode with a state that is not finite: numbers are expected/,
    });
    environment.close();
  }
});

test('what a person did is refused where it cannot be understood', async (context) => {
  const numbers = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
  const cases: [changes: Parameters<typeof startRobot>[1], message: RegExp][] = [
    [{ step: { executed: numbers(1, 2) } }, /sent an executed action of another size/],
    [{ step: { executed: numbers(0, Number.NaN, 0) } }, /says that \[0,NaN,0\] was executed/],
    [
      { facts: { actionLow: null, actionHigh: null }, step: { executed: numbers(0, 0, 0) } },
      /not the range of/,
    ],
  ];
  for (const [changes, message] of cases) {
    const environment = await makeEnv(await startRobot(context, changes), options);
    environment.reset();
    assert.throws(() => environment.step(action), { name: 'InputError', message });
    environment.close();
  }
});
