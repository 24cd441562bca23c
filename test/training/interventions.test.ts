import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { collect } from '../../src/training/collect.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { startRobot } from '../envs/remoteRobot.js';
import { box } from '../envs/remoteRobotServer.js';
import { smallConfig, stopAt, temporaryFolder, traces } from './smallRun.js';

type Context = Parameters<typeof temporaryFolder>[0];

/**
 * An environment that goes on from a saved state, and whose person takes over in the third to fifth of every nine env
 * frames; or in none, and says nothing of it.
 */
const device = (person: boolean): string => `
export default function make({ seed = 0 }) {
  let [episode, t, random] = [0, 0, seed % 97];
  const observe = () => ({ images: { eye: new Uint8Array(4).fill(t) }, state: Float32Array.of(random / 97, t / 40) });
  return {
    observationSpace: { images: [{ name: 'eye', height: 2, width: 2, channels: 1, frameStack: 1 }], state: { shape: [2], low: -Infinity, high: Infinity, dtype: 'float32' } },
    actionSpace: { shape: [2], low: -1, high: 1, dtype: 'float32' },
    spec: {
      task: 'device', actionRepeat: 1, controlTimestep: 0.1, maxEnvFrames: 40, actionSize: 2,
      actionBox: { low: [-1, -1], high: [1, 1] }, stateSize: 2, camera: 'eye', renderer: 'none',
    },
    reset(options = {}) {
      if (options.seed !== undefined) random = options.seed % 97;
      [episode, t] = [episode + 1, 0];
      random = (random * 31 + 7) % 97;
      return { observation: observe(), info: ${person} ? { instruction: 'reach ' + random } : {} };
    },
    step(action) {
      const takesOver = ${person} && t % 9 >= 2 && t % 9 <= 4;
      const done = takesOver ? Float32Array.of(0.5, t / 40) : action;
      t++;
      return {
        observation: observe(), reward: done[0] - Math.abs(done[1]), terminated: false, truncated: false,
        info: ${person} ? { executedAction: takesOver ? done : null, rewardTerms: { far: t / 8 } } : {},
      };
    },
    render: () => { throw new Error('nothing to see'); },
    saveState: () => ({ episode, t, random }),
    restoreState: (state) => { ({ episode, t, random } = state); },
    close() {},
  };
}
`;

/** The path of the device's module, and a dataset that was recorded on it. */
async function withDevice(
  context: Context,
  person = true,
): Promise<{ folder: string; task: string; data: string }> {
  const folder = await temporaryFolder(context);
  const task = join(folder, 'device.mjs');
  const data = join(folder, 'data');
  // Recorded by nobody's hand: what a person does comes from the run alone.
  await writeFile(join(folder, 'recorded.mjs'), device(false));
  await writeFile(task, device(person));
  await collect({
    task: join(folder, 'recorded.mjs'),
    folder: data,
    behaviours: [undefined, undefined],
    environment: { actionRepeat: 1 },
    workers: 1,
  });
  return { folder, task, data };
}

const settings = (task: string, data: string) =>
  ({
    offlineMode: 'symmetric',
    ...{ task, dataset: [data], actionRepeat: 1, envFrames: 240, randomSteps: 20 },
    ...{ replayCapacity: 90, evaluationInterval: 240, checkpointInterval: 80, logInterval: 60 },
  }) as const;

test('a collected dataset holds what was executed, marked, in the box of its environment', async (context) => {
  const task = await startRobot(context);
  const out = join(await temporaryFolder(context), 'data');
  await collect({
    task,
    folder: out,
    behaviours: [undefined, undefined],
    environment: { actionRepeat: 1, imageSize: 4 },
    workers: 1,
  });
  const dataset = await openDataset(out);
  const { actionBox, actionNames, images, task: name } = dataset.manifest;
  assert.deepEqual(
    { actionBox, actionNames, name, images: images.map(({ name }) => name) },
    {
      actionBox: box,
      actionNames: ['steer', 'gas', 'brake'],
      name: 'Robot-v0(task=stack)',
      images: ['front', 'wrist'],
    },
  );
  for (let i = 0; i < 2; i++) {
    const { interventions, actions, instruction, success } = await dataset.episode(i);
    assert.match(instruction ?? '', /^stack (the cubes|them the other way round)$/);
    assert.equal(success, true);
    const taken = [...(interventions ?? [])].flatMap((mark, t) => (mark === 1 ? [t] : []));
    assert.deepEqual(taken.slice(-3), [2, 3, 4]);
    // (0, 0.5, 0) in a box of [−1, 0, 0] to [1, 1, 1].
    for (const t of taken) assert.deepEqual([...actions.subarray(3 * t, 3 * t + 3)], [0, 0, -1]);
  }
  const alone = await startRobot(context, { alone: true });
  const other = join(out, '..', 'alone');
  await collect({
    task: alone,
    folder: other,
    behaviours: [undefined],
    environment: { actionRepeat: 1, imageSize: 4 },
  });
  assert.equal((await (await openDataset(other)).episode(0)).interventions, undefined);
});

test('a run whose person takes over is resumed bit for bit, and counts what the person did', async (context) => {
  const { folder, task, data } = await withDevice(context);
  const config = smallConfig(settings(task, data));
  const [whole, stopped] = [join(folder, 'whole'), join(folder, 'stopped')];
  await train({ run: whole, config });
  // Within a person's turn, between two of them, and after the replay has wrapped around.
  await stopAt(84, { run: stopped, config });
  await stopAt(131, { run: stopped, resume: true });
  await stopAt(203, { run: stopped, resume: true });
  await train({ run: stopped, resume: true });
  assert.deepEqual(await traces(stopped), await traces(whole));
  const recorded = async (run: string) => {
    const dataset = await openDataset(join(run, 'replay'));
    return Promise.all(Array.from({ length: dataset.length }, (_, i) => dataset.episode(i)));
  };
  assert.deepEqual(await recorded(stopped), await recorded(whole));
  const lines = await readMetrics(whole);
  const perEpisode = lines.flatMap((line) => (line.kind === 'episode' ? [line.interventions] : []));
  // Times 2–4, 11–13, 20–22, 29–31 and 38–39 of 40.
  assert.deepEqual(perEpisode, new Array(6).fill(14));
  // One episode each, of the untrained policy and of the last.
  const evaluated = lines.flatMap((line) => (line.kind === 'evaluation' ? [line.interventions] : []));
  assert.deepEqual(evaluated, [14, 14]);
  const perLine = lines.flatMap((line) => (line.kind === 'train' ? [line.interventions as number] : []));
  assert.equal(perLine.length, 4);
  assert.equal(
    perLine.reduce((sum, count) => sum + count),
    6 * 14,
  );
  const replay = await openDataset(join(whole, 'replay'));
  const { interventions, actions, instruction } = await replay.episode(1);
  assert.match(instruction ?? '', /^reach \d+$/);
  const terms = lines.flatMap((line) => (line.kind === 'episode' ? [line.rewardTerms] : []));
  // The sum of 1 to 40 eighths.
  assert.deepEqual(terms, new Array(6).fill({ far: 102.5 }));
  assert.deepEqual(
    interventions,
    Uint8Array.from({ length: 40 }, (_, t) => (t % 9 >= 2 && t % 9 <= 4 ? 1 : 0)),
  );
  assert.deepEqual([...actions.subarray(4, 6)], [0.5, Math.fround(2 / 40)]);
});

test('what a person did goes to the prior data too, unless the replay alone is to have it', async (context) => {
  const { folder, task, data } = await withDevice(context);
  const agents = [];
  for (const interventions of ['both', 'online'] as const) {
    const run = join(folder, interventions);
    await train({ run, config: smallConfig({ ...settings(task, data), envFrames: 80, interventions }) });
    agents.push((await traces(run)).agent);
  }
  assert.notEqual(agents[0], agents[1]);
  const { task: alone, data: other, folder: there } = await withDevice(context, false);
  const same = [];
  for (const interventions of ['both', 'online'] as const) {
    const run = join(there, interventions);
    await train({ run, config: smallConfig({ ...settings(alone, other), envFrames: 80, interventions }) });
    same.push((await traces(run)).agent);
    assert.ok(!(await readFile(join(run, 'metrics.jsonl'), 'utf8')).includes('interventions'));
  }
  assert.equal(same[0], same[1], 'where nobody takes over the setting changes nothing');
});
