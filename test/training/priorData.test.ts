import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DatasetHeader } from '../../datasets/manifest.js';
import { DatasetWriter } from '../../datasets/writer.js';
import type { EnvironmentSpec } from '../../envs/environment.js';
import { Generator } from '../../src/random/generator.js';
import { ReplayBuffer, type ReplayLayout } from '../../src/replay/replayBuffer.js';
import { loadInto, openPriorData, priorShares, rowsOf } from '../../src/training/priorData.js';
import { estimateMemory } from '../../src/training/replayMemory.js';
import { temporaryFolder } from './smallRun.js';

const spec: EnvironmentSpec = {
  task: 'walker-walk',
  actionRepeat: 2,
  controlTimestep: 0.025,
  maxEnvFrames: 1000,
  actionSize: 1,
  actionBox: null,
  stateSize: 2,
  camera: 'side',
  renderer: 'none',
};

const layout: ReplayLayout = {
  images: [{ name: 'side', height: 2, width: 2, channels: 3, frameStack: 3 }],
  stateSize: 0,
  actionSize: 1,
};

const side = { name: 'side', height: 2, width: 2, channels: 3 };

/** A dataset whose every byte of episode e's frame t is 10·e + t. */
async function record(folder: string, lengths: readonly number[], changes: Partial<DatasetHeader> = {}) {
  const header: DatasetHeader = {
    task: 'walker-walk',
    actionRepeat: 2,
    controlTimestep: 0.025,
    images: [side],
    renderer: 'none',
    actionSize: 1,
    provenance: { source: 'test', writer: 'test', writerVersion: '0', lossy: false },
    ...changes,
  };
  const writer = await DatasetWriter.create(folder, header);
  const [image] = header.images ?? [];
  const frameBytes = image ? image.height * image.width * image.channels : 0;
  for (const [e, length] of lengths.entries()) {
    await writer.append({
      id: `e${e}`,
      length,
      images: image
        ? {
            [image.name]: Uint8Array.from(
              { length: (length + 1) * frameBytes },
              (_, i) => 10 * e + Math.floor(i / frameBytes),
            ),
          }
        : {},
      ...(header.stateSize && { state: new Float32Array((length + 1) * header.stateSize) }),
      actions: new Float32Array(length * header.actionSize),
      rewards: Float32Array.from({ length }, (_, t) => t),
      terminated: false,
      truncated: true,
    });
  }
  await writer.close();
}

test('a dataset fills a buffer of its own size, and no stack of any of its episodes crosses a start', async (context) => {
  const folder = join(await temporaryFolder(context), 'data');
  await record(folder, [4, 1, 6]);
  const datasets = await openPriorData([folder], spec, layout);
  assert.equal(rowsOf(datasets), 14);
  const buffer = new ReplayBuffer(layout, rowsOf(datasets));
  await loadInto(buffer, datasets);
  assert.equal(buffer.transitions, 11);
  assert.equal(
    (buffer.frames[0]?.blocks ?? []).reduce((sum, block) => sum + block.length, 0),
    14 * 12,
  );
  const generator = new Generator(0);
  const frames = new Int32Array(3);
  for (let i = 0; i < 300; i++) {
    const row = buffer.sampleRow(generator);
    buffer.frameStack(row, 0, frames, 0);
    const [oldest, middle, newest] = Array.from(frames, (n) => buffer.frames[0]?.view(n)[0] as number);
    const [episode, step] = [Math.floor((newest as number) / 10), (newest as number) % 10];
    assert.deepEqual(
      [oldest, middle],
      [10 * episode + Math.max(0, step - 2), 10 * episode + Math.max(0, step - 1)],
    );
    assert.equal(buffer.reward(row), step);
  }
});

test('several datasets go into one buffer', async (context) => {
  const folder = await temporaryFolder(context);
  const folders = [join(folder, 'a'), join(folder, 'b')];
  for (const each of folders) await record(each, [3]);
  const datasets = await openPriorData(folders, spec, layout);
  const buffer = new ReplayBuffer(layout, rowsOf(datasets));
  await loadInto(buffer, datasets);
  assert.equal(buffer.transitions, 6);
});

test('the weights of datasets go with their rows in the buffer', async (context) => {
  const folder = await temporaryFolder(context);
  const folders = [join(folder, 'a'), join(folder, 'b')];
  await record(join(folder, 'a'), [3, 2]);
  await record(join(folder, 'b'), [4]);
  const datasets = await openPriorData(folders, spec, layout);
  assert.deepEqual(priorShares(datasets, [0.7, 0.3]), [
    { weight: 0.7, firstRow: 0, endRow: 7 },
    { weight: 0.3, firstRow: 7, endRow: 12 },
  ]);
  assert.deepEqual(priorShares(datasets, [undefined, undefined]), []);
});

test('a dataset that means something else by a step or a frame is refused before the start', async (context) => {
  const folder = await temporaryFolder(context);
  const cases: [string, Partial<DatasetHeader>, RegExp][] = [
    ['repeat', { actionRepeat: 4 }, /action repeat is 4, the environment's is 2; give --action-repeat 4/],
    ['task', { task: 'cheetah-run' }, /task is cheetah-run/],
    [
      'size',
      { images: [{ ...side, height: 4, width: 4 }] },
      /image size is 4×4, the environment's is 2×2; give --image-size 4/,
    ],
    ['action', { actionSize: 3 }, /action size is 3/],
    ['channels', { images: [{ ...side, channels: 1 }] }, /image channels is 1/],
    ['state', { images: [], stateSize: 2 }, /no images/],
  ];
  for (const [name, changes, message] of cases) {
    await record(join(folder, name), [2], changes);
    await assert.rejects(
      openPriorData([join(folder, name)], spec, layout),
      { name: 'InputError', message },
      name,
    );
  }
  await assert.rejects(openPriorData([join(folder, 'missing')], spec, layout), { name: 'InputError' });
});

test('experience that cannot fit into memory is refused with what to do', () => {
  const big: ReplayLayout = {
    ...layout,
    images: layout.images.map((image) => ({ ...image, height: 64, width: 64 })),
  };
  const options = { batchRows: 256, available: 4e9 };
  const { online, note } = estimateMemory(big, { online: 100_000, offline: 0 }, options);
  assert.ok(online > 1.2288e9 && online < 1.25e9, `${online}`);
  assert.match(note, /100000 observations, 1\.23 GB; 4\.00 GB free/);
  assert.throws(() => estimateMemory(big, { online: 300_000, offline: 0 }, options), {
    name: 'InputError',
    message: /needs 3\.69 GB.*lower --replay-capacity/,
  });
  assert.throws(
    () => estimateMemory(big, { online: 100_000, offline: 200_000 }, { ...options, datasetMemory: 2.4e9 }),
    { name: 'InputError', message: /needs 3\.63 GB.*or --dataset-memory/ },
  );
});

test('a dataset keeps to its budget: as many images as fit beside the rest, the others in a file', () => {
  const big: ReplayLayout = {
    ...layout,
    images: layout.images.map((image) => ({ ...image, height: 64, width: 64 })),
    stateSize: 5,
  };
  const frame = 64 * 64 * 3;
  const rows = { online: 0, offline: 100_000 };
  const plan = (datasetMemory: number | undefined, available = 8e9) =>
    estimateMemory(big, rows, { batchRows: 256, datasetMemory, available });
  assert.equal(plan(undefined).spill, undefined);
  assert.equal(plan(1.3e9).spill, undefined);
  const { offline, spill, note } = plan(5e8);
  assert.ok(spill);
  assert.equal(offline, 5e8);
  // State, action, reward, age and three flags.
  const numbers = 100_000 * (4 * 5 + 4 * 1 + 4 + 4 + 3);
  const held = (spill.residentFrames + 256 * 4) * frame + numbers;
  assert.ok(held <= 5e8 && held > 5e8 - frame, `${held}`);
  assert.equal(spill.fileBytes, (100_000 - spill.residentFrames) * frame);
  assert.match(
    note,
    /dataset 100000 observations, 0\.50 GB, 0\.74 GB of its images in a file of the run's folder/,
  );
  // Without a budget what is free is one.
  assert.equal(plan(undefined, 1.5e9 + 2 ** 30 - 1e9).offline, 5e8);
  assert.throws(() => plan(1e7), {
    name: 'InputError',
    message: /at least 0\.02 GB .*there are 0\.01 GB .*give more --dataset-memory/,
  });
  assert.throws(
    () =>
      estimateMemory({ images: [], stateSize: 5, actionSize: 1 }, rows, {
        batchRows: 256,
        datasetMemory: 1e6,
      }),
    { name: 'InputError', message: /they have no images/ },
  );
});

test('what is doubtful about a dataset is said before the start, and keeps nothing from starting', async (context) => {
  const folder = join(await temporaryFolder(context), 'data');
  await record(folder, [250, 250], { images: [{ ...side, name: 'back' }] });
  const notes: string[] = [];
  assert.equal((await openPriorData([folder], spec, layout, (line) => notes.push(line))).length, 1);
  assert.match(
    notes.join('\n'),
    /camera "back".*\n.*more than the 2 .*\n.*250 steps.*held for 4 control steps/,
  );
});
