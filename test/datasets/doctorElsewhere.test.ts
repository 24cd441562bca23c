import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { examineDataset } from '../../datasets/doctor/examine.js';
import { taskTemplate } from '../../scripts/taskTemplate.js';
import { collect } from '../../src/training/collect.js';
import { train } from '../../src/training/train.js';
import { startRobot } from '../envs/remoteRobot.js';
import { smallConfig, temporaryFolder } from '../training/smallRun.js';

type Context = Parameters<typeof temporaryFolder>[0];

const imageSize = { front: { height: 4, width: 6 }, wrist: 2 };
const options = { actionRepeat: 1, imageSize, observations: 'both', episodes: 20 } as const;

async function record(context: Context, task: string): Promise<string> {
  const folder = join(await temporaryFolder(context), 'data');
  const environment = { actionRepeat: 1, imageSize };
  await collect({ task, folder, behaviours: [undefined, undefined], environment, workers: 1 });
  return folder;
}

test("a dataset is held against what a server says of its environment, and the suite's rules are not its", async (context) => {
  const task = await startRobot(context, { step: { reward: 9 } });
  const folder = await record(context, task);
  const own = await examineDataset(folder, { ...options, task });
  assert.deepEqual([own.fits, own.findings.map(({ check }) => check)], [true, []]);
  assert.match(own.skipped.join(), /cannot be put into the states that were recorded/);
  const others: [facts: Record<string, unknown>, changes: Partial<typeof options>, finding: RegExp][] = [
    [{ name: 'Robot-v0(task=sort)' }, {}, /^misfit its task is Robot-v0\(task=stack\), .*\(task=sort\)/],
    [{ actionLow: [-1, -1, 0] }, {}, /^misfit its range of action 1 is 0 to 1, the environment's is -1 to 1/],
    [{ timestep: 0.1 }, {}, /^doubt its control step takes 0\.05 s, the environment's 0\.1 s/],
    [{ stateSize: 5 }, {}, /^misfit its state size is 2, the environment's is 5/],
    [
      {
        images: [
          { key: 'pixels/back', shape: [4, 6, 3] },
          { key: 'wrist', shape: [2, 2, 1] },
        ],
      },
      { imageSize: 2 } as object,
      /^misfit it has no images of "back", only of "front", "wrist"/,
    ],
    [{}, { actionRepeat: 2 } as object, /^misfit its action repeat is 1, the environment's is 2/],
    [{}, { imageSize: 2 } as object, /^misfit its image size of "front" is 4×6, the environment's is 2×2/],
  ];
  for (const [facts, changes, expected] of others) {
    const other = await startRobot(context, { facts });
    const { fits, findings } = await examineDataset(folder, { ...options, ...changes, task: other });
    const said = findings.map(({ severity, message }) => `${severity} ${message}`);
    assert.ok(
      said.some((line) => expected.test(line)),
      `${expected} in ${said.join('\n')}`,
    );
    assert.equal(fits, expected.source.startsWith('^doubt'), said.join('\n'));
  }
});

test("a task's own action repeat holds where it names one, and else the dataset's, which is said", async (context) => {
  const { actionRepeat: _, ...without } = options;
  const task = await startRobot(context);
  const folder = await record(context, task);
  const elsewhere = await examineDataset(folder, { ...without, task });
  assert.equal(elsewhere.fits, true, JSON.stringify(elsewhere.findings));
  assert.match(
    elsewhere.skipped.join(),
    /not compared: remote:.* The dataset's is 1: train with --action-repeat 1\./,
  );

  const { module, model } = taskTemplate('lift', './lift.mjs');
  const tasks = join(folder, '../tasks');
  await mkdir(tasks);
  await writeFile(join(tasks, 'lift.xml'), model);
  await writeFile(join(tasks, 'none.mjs'), module);
  await writeFile(join(tasks, 'five.mjs'), module.replace('camera: 0,', 'camera: 0,\n  actionRepeat: 5,'));
  const recorded = join(folder, '../lifts');
  await collect({
    ...{ task: join(tasks, 'none.mjs'), folder: recorded, behaviours: [undefined], workers: 1 },
    environment: { actionRepeat: 3, imageSize: 8 },
  });
  const at = async (file: string) => {
    const examined = await examineDataset(recorded, { ...without, imageSize: 8, task: join(tasks, file) });
    return {
      repeat: examined.findings.find(({ check }) => check === 'action repeat')?.message,
      isSaid: /The action repeat was not compared/.test(examined.skipped.join()),
    };
  };
  assert.deepEqual(await at('none.mjs'), { repeat: undefined, isSaid: true });
  assert.deepEqual(await at('five.mjs'), {
    repeat: "its action repeat is 3, the environment's is 5",
    isSaid: false,
  });
});

test('a run refuses a dataset whose actions mean another box, before anything is computed', async (context) => {
  const folder = await record(context, await startRobot(context));
  const task = await startRobot(context, { facts: { actionHigh: [1, 2, 1] } });
  const run = join(folder, '..', 'run');
  const config = smallConfig({ task, dataset: [folder], offlineMode: 'symmetric', actionRepeat: 1 });
  await assert.rejects(train({ run, config }), {
    name: 'InputError',
    message: /its range of action 1 is 0 to 1, the environment's is 0 to 2; record or convert it again/,
  });
});

test("a module's own environment is held against its word alone, too", async (context) => {
  const folder = await record(context, await startRobot(context));
  const module = join(folder, '..', 'robot.mjs');
  await writeFile(
    module,
    `export default () => ({
      observationSpace: { images: [], state: { shape: [2], low: -Infinity, high: Infinity, dtype: 'float32' } },
      actionSpace: { shape: [3], low: -1, high: 1, dtype: 'float32' },
      spec: {
        task: 'Robot-v0(task=stack)', actionRepeat: 1, controlTimestep: 0.05, maxEnvFrames: 10, actionSize: 3,
        actionBox: { low: [-1, 0, 0], high: [1, 1, 1] }, stateSize: 2, camera: 'none', renderer: 'none',
      },
      reset() {}, step() {}, render() {}, saveState() {}, restoreState() {}, close() {},
    });`,
  );
  const { findings, fits } = await examineDataset(folder, {
    ...options,
    imageSize: 4,
    observations: 'state',
    task: module,
  });
  assert.deepEqual([fits, findings], [true, []]);
});
