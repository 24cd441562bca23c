/** Episodes that a person drives, without a page: the seat is used as the socket uses it. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { DriverSeat, seatFacts, type Watcher } from '../../src/drive/driverSeat.js';
import { type Driven, drive } from '../../src/drive/recordDriven.js';
import type { DriveCommand } from '../../src/drive/standing.js';
import type { Clock } from '../../src/training/controlRate.js';
import { temporaryFolder } from '../training/smallRun.js';
import { device } from './device.js';

/** What a person does in an episode: how it begins, after how many steps what is asked for, and what becomes of it. */
interface Plan {
  readonly begin: DriveCommand;
  readonly end?: readonly [step: number, command: DriveCommand];
  readonly judge?: readonly DriveCommand[];
}

/** As the person's hand has it when a step is due. */
const actionAt = (step: number): number[] => [0.25, step / 16];

interface SessionOptions {
  readonly task: string;
  readonly folder?: string;
  readonly seed?: number;
  readonly successReward?: number;
  /** Milliseconds by which the environment is late at that step of the session. */
  readonly late?: (step: number) => number;
}

/** A session that ends when the plans are done. Time is what the steps make of it. */
async function session(t: TestContext, plans: readonly Plan[], options: SessionOptions): Promise<Driven> {
  const { task, folder, seed, successReward, late = () => 0 } = options;
  const environment = await EnvironmentWorker.create(task, {
    observations: 'both',
    actionRepeat: 1,
    frameStack: 1,
  });
  t.after(() => environment.close());
  const stop = new AbortController();
  let time = 0;
  const seat = new DriverSeat(seatFacts(environment, folder ?? null), 'ready', () => time);
  let [resets, begun, judged, steps] = [0, 0, 0, 0];
  const reset = environment.reset.bind(environment);
  environment.reset = async (...args) => {
    const result = await reset(...args);
    resets++;
    return result;
  };
  const clock: Clock = {
    now: () => time,
    until: async (due) => {
      const { steps: step } = seat.standing;
      const { end } = plans[resets - 1] ?? {};
      if (end !== undefined && step === end[0]) seat.command(end[1]);
      seat.hold(Float32Array.from(actionAt(step)), true, step);
      time = due + late(steps++);
    },
  };
  const person: Watcher = {
    show: (_, standing) => person.stand(standing),
    stand: ({ phase }) => {
      const plan = plans[resets - 1];
      // As it comes from a socket: not within what is said.
      const say = (command: DriveCommand): unknown => setImmediate(() => seat.command(command));
      if (phase === 'ended') {
        const word = plan?.judge?.[judged++];
        if (word !== undefined) say(word);
      } else if (phase === 'ready' && begun < resets) {
        [begun, judged] = [resets, 0];
        if (plan === undefined) stop.abort();
        else say(plan.begin);
      }
    },
  };
  return drive({
    ...{ environment, task, seat, seed, successReward, clock, signal: stop.signal },
    onBegin: () => seat.sit(person),
    record: folder === undefined ? undefined : { folder, command: { seed: seed ?? 0 } },
  });
}

async function withDevice(t: TestContext) {
  const folder = await temporaryFolder(t);
  const task = join(folder, 'device.mjs');
  await writeFile(task, device);
  return { task, folder: join(folder, 'data') };
}

test('what is kept is what was held, step by step; what is discarded or practised is not there', async (t) => {
  const { task, folder } = await withDevice(t);
  const plans: Plan[] = [
    { begin: 'record', end: [3, 'stop'], judge: ['keep'] },
    { begin: 'record', end: [2, 'discard'] },
    { begin: 'reset' },
    { begin: 'practise', end: [2, 'reset'] },
    { begin: 'record', judge: ['discard'] },
    { begin: 'record', judge: ['success', 'keep'] },
  ];
  const driven = await session(t, plans, { task, folder, seed: 5 });
  const dataset = await openDataset(folder);
  const episodes = await Promise.all([0, 1].map((i) => dataset.episode(i)));
  // A step that was due is taken, since it cannot be called back.
  assert.deepEqual(
    episodes.map(({ length }) => length),
    [4, 12],
  );
  assert.equal(driven.added, 2);
  assert.equal(driven.missedDeadlines, 0);
  for (const { length, actions, rewards, interventions, state, images } of episodes) {
    const expected = Array.from({ length }, (_, step) => actionAt(step)).flat();
    assert.deepEqual([...actions], expected);
    assert.deepEqual(
      [...rewards],
      Array.from({ length }, (_, step) => Math.fround(0.25 - step / 16)),
    );
    assert.equal(interventions, undefined, 'all of it is the person’s');
    assert.equal(state?.length, 2 * (length + 1));
    assert.equal(images.eye?.length, 4 * (length + 1));
  }
  assert.deepEqual(
    episodes.map(({ success, terminated, truncated }) => ({ success, terminated, truncated })),
    [
      { success: undefined, terminated: false, truncated: true },
      { success: true, terminated: false, truncated: true },
    ],
  );
  // The number of an episode is its seed's: what was dropped in between began otherwise.
  assert.deepEqual(
    [0, 1].map((i) => dataset.entry(i).id),
    ['episode-000000', 'episode-000005'],
  );
  const starts = episodes.map(({ state }) => Math.round(97 * (state?.[0] ?? 0)));
  assert.deepEqual(starts, [5, 10]);
});

test('a mark of success is worth what was said, and then ends the return', async (t) => {
  const { task, folder } = await withDevice(t);
  const plans: Plan[] = [
    { begin: 'record', end: [2, 'success'], judge: ['keep'] },
    { begin: 'record', end: [2, 'stop'], judge: ['keep'] },
  ];
  const { succeeded } = await session(t, plans, { task, folder, successReward: 3 });
  const dataset = await openDataset(folder);
  const [marked, unmarked] = await Promise.all([0, 1].map((i) => dataset.episode(i)));
  assert.equal(succeeded, 1);
  assert.deepEqual([...(marked?.rewards ?? [])], [0.25, 0.25 - 1 / 16, 3.25 - 2 / 16]);
  assert.deepEqual([marked?.success, marked?.terminated, marked?.truncated], [true, true, false]);
  assert.deepEqual([unmarked?.success, unmarked?.terminated], [undefined, false]);
  assert.deepEqual([...(unmarked?.rewards ?? [])], [0.25, 0.25 - 1 / 16, 0.25 - 2 / 16]);
});

test('the same command goes on with its dataset, with other beginnings, and another is refused', async (t) => {
  const { task, folder } = await withDevice(t);
  const one: Plan = { begin: 'record', end: [1, 'stop'], judge: ['keep'] };
  await session(t, [one], { task, folder });
  const { episodes, added } = await session(t, [one, one], { task, folder });
  assert.deepEqual([episodes, added], [3, 2]);
  const { manifest } = await openDataset(folder);
  assert.equal(manifest.complete, true);
  assert.equal(manifest.provenance.source, 'driven');
  assert.deepEqual(manifest.actionNames, ['near', 'far']);
  const ids = manifest.shards.flatMap(({ index }) => index.map(({ id }) => id));
  assert.deepEqual(ids, ['episode-000000', 'episode-000001', 'episode-000002']);
  await assert.rejects(session(t, [one], { task, folder, seed: 1 }), /not made by this command/);
});

test('deadlines that are missed are counted', async (t) => {
  const { task } = await withDevice(t);
  const plans: Plan[] = [{ begin: 'practise' }];
  const late = (step: number): number => (step === 4 || step === 7 ? 5 : 0);
  const { deadlines, missedDeadlines } = await session(t, plans, { task, late });
  assert.deepEqual([deadlines, missedDeadlines], [12, 2]);
});

test('who leaves lets go, and so does a hand that gives no sign of life; the next one then drives', () => {
  let time = 0;
  const facts = { task: 'x', folder: null, actionSize: 2, actionNames: null, periodMs: 50, cameras: [] };
  const seat = new DriverSeat(facts, 'training', () => time);
  const [one, other] = [0, 1].map(() => ({ stand: () => {}, show: () => {} }));
  assert.ok(one !== undefined && other !== undefined);
  const leave = seat.sit(one);
  seat.sit(other);
  const action = Float32Array.of(1, -1);
  seat.hold(action, true, 1);
  assert.deepEqual(seat.held, action);
  time = 500;
  assert.deepEqual(seat.held, action);
  time = 501;
  assert.equal(seat.held, null);
  assert.deepEqual(seat.action, new Float32Array(2));
  seat.hold(action, false, 2);
  time = 5000;
  assert.equal(seat.held, null);
  assert.deepEqual(seat.action, action, 'what stays where it was put needs no hand');
  seat.hold(action, true, 3);
  assert.deepEqual([seat.isDriver(one), seat.isDriver(other)], [true, false]);
  leave();
  assert.equal(seat.held, null);
  assert.deepEqual(seat.action, new Float32Array(2));
  assert.equal(seat.isDriver(other), true);
});
