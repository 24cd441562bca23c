import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behaviours, type NamedPolicy } from '../../src/training/experts.js';

const task = 'cartpole-swingup';
const scores = (acting: readonly (NamedPolicy | undefined)[]) =>
  acting.map((behaviour) => behaviour?.return ?? null);

test('expert is the best policy that ships, medium the one nearest half of its return', async () => {
  const [expert] = scores(await behaviours(task, 'expert', 1));
  const [medium] = scores(await behaviours(task, 'medium', 1));
  assert.ok(expert != null && medium != null);
  assert.ok(expert >= 800, `${expert}`);
  assert.ok(medium > 0.3 * expert && medium < 0.7 * expert, `${medium} of ${expert}`);
});

test('medium_expert is half of the episodes each, random is nobody', async () => {
  const [expert] = scores(await behaviours(task, 'expert', 1));
  const [medium] = scores(await behaviours(task, 'medium', 1));
  assert.deepEqual(scores(await behaviours(task, 'medium_expert', 4)), [medium, medium, expert, expert]);
  assert.deepEqual(await behaviours(task, 'random', 3), [undefined, undefined, undefined]);
});

test('medium_replay goes from random actions through the training up to medium, in order', async () => {
  const acting = await behaviours(task, 'medium_replay', 60);
  const [medium] = await behaviours(task, 'medium', 1);
  assert.equal(acting.length, 60);
  assert.equal(acting[0], undefined);
  const frames = acting.map((behaviour) => behaviour?.envFrames ?? 0);
  assert.deepEqual(
    [...frames].sort((a, b) => a - b),
    frames,
  );
  assert.equal(Math.max(...frames), medium?.envFrames);
});

test('a task without policies says how to train one', async () => {
  await assert.rejects(behaviours('acrobot-swingup', 'expert', 1), {
    name: 'InputError',
    message: /rlpd train --task acrobot-swingup --obs state --preset online-state --snapshots/,
  });
});

test('a task that there is not is named with the nearest there is, at every level', async () => {
  for (const level of ['random', 'expert'] as const)
    await assert.rejects(behaviours('walker_wlk', level, 1), {
      name: 'InputError',
      message:
        /^There is no task "walker_wlk"; did you mean "walker-walk"\? .*the others are acrobot-swingup, /,
    });
});
