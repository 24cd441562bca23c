import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFrames } from '../../datasets/converters/frames.js';
import { openLerobot } from '../../datasets/converters/lerobot.js';
import { openMinari } from '../../datasets/converters/minari.js';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';
import type { Episode, FrameLayout } from '../../datasets/episode.js';
import { type Exporter, exportDataset } from '../../datasets/exporters/exportDataset.js';
import { exportFrames } from '../../datasets/exporters/frames.js';
import { exportLerobot } from '../../datasets/exporters/lerobot.js';
import { exportMinari } from '../../datasets/exporters/minari.js';
import { exportVd4rl } from '../../datasets/exporters/vd4rl.js';
import { openDataset } from '../../datasets/reader.js';
import { Hdf5Writer } from '../../datasets/sources/hdf5Writer.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { InputError } from '../../src/errors.js';
import {
  convertAll,
  onlyImage,
  rejection,
  sampleEpisode,
  sampleHeader,
  sideImage,
  temporaryFolder,
  wristImage,
} from './samples.js';

async function sampleDataset(
  t: TestContext,
  images: FrameLayout[] = [sideImage],
): Promise<{ folder: string; episodes: Episode[] }> {
  const folder = temporaryFolder(t);
  const writer = await DatasetWriter.create(folder, sampleHeader({ images }));
  const episodes = Array.from({ length: 3 }, (_, i) => sampleEpisode(i, 4 + i, images));
  for (const episode of episodes) await writer.append(episode);
  await writer.close();
  return { folder, episodes };
}

/** @param camera which of the expected images was read back */
function assertSame(found: readonly Episode[], expected: readonly Episode[], camera = 'side'): void {
  assert.equal(found.length, expected.length);
  for (const [i, episode] of found.entries()) {
    const original = expected[i] as Episode;
    for (const key of ['length', 'terminated', 'truncated', 'actions', 'rewards', 'state'] as const)
      assert.deepEqual(episode[key], original[key], key);
    assert.deepEqual(Uint8Array.from(onlyImage(episode)), original.images[camera]);
  }
}

test('a dataset goes out as V-D4RL npz and comes back without a changed byte', async (t) => {
  const { folder, episodes } = await sampleDataset(t);
  const out = join(temporaryFolder(t), 'npz');
  const report = await exportDataset(folder, out, exportVd4rl);
  assert.deepEqual([report.episodes, report.steps], [3, 15]);
  const back = await convertAll(t, await openVd4rl(out, { task: 'walker-walk', stateKeys: ['state'] }));
  assertSame(back.episodes, episodes);
  assert.deepEqual(back.episodes[1]?.extra?.height, episodes[1]?.extra?.height);
});

test('a dataset goes out as folders of frames and comes back without a changed byte', async (t) => {
  const { folder, episodes } = await sampleDataset(t);
  const out = join(temporaryFolder(t), 'frames');
  await exportDataset(folder, out, exportFrames);
  assertSame((await convertAll(t, await openFrames(out, {}))).episodes, episodes);
});

test('a dataset goes out as Minari and comes back without a changed byte', async (t) => {
  const { folder, episodes } = await sampleDataset(t);
  const out = join(temporaryFolder(t), 'minari');
  await exportDataset(folder, out, exportMinari);
  const back = await convertAll(t, await openMinari(out, { stateKeys: ['state'], cameras: ['pixels'] }));
  assertSame(back.episodes, episodes);
});

test('a dataset goes out as LeRobot v3 and comes back without a changed byte, final observations included', async (t) => {
  const { folder, episodes } = await sampleDataset(t);
  const out = join(temporaryFolder(t), 'lerobot');
  await exportDataset(folder, out, exportLerobot);
  const source = await openLerobot(out, {});
  assert.equal(source.header.controlTimestep, 0.05, 'a row for each action, which takes two control steps');
  assertSame((await convertAll(t, source)).episodes, episodes);
  const stats = JSON.parse(await readFile(join(out, 'meta', 'stats.json'), 'utf8'));
  const rewards = episodes.flatMap(({ rewards }) => [...rewards, 0]);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  assert.deepEqual(stats['next.reward'].count, [rewards.length]);
  assert.ok(Math.abs(stats['next.reward'].mean[0] - mean) < 1e-9);
  assert.deepEqual(stats['next.reward'].max, [Math.max(...rewards)]);
});

const twoCameras = [sideImage, wristImage];

test('several cameras go out as folders of frames within the episode, and each comes back by its name', async (t) => {
  const { folder, episodes } = await sampleDataset(t, twoCameras);
  const out = join(temporaryFolder(t), 'frames');
  await exportDataset(folder, out, exportFrames);
  assert.deepEqual(await readdir(join(out, 'episode_000000')), ['side', 'steps.csv', 'wrist']);
  for (const image of twoCameras) {
    const source = await openFrames(out, { cameras: [image.name] });
    assert.deepEqual(source.header.images, [image]);
    assertSame((await convertAll(t, source)).episodes, episodes, image.name);
  }
});

test('several cameras go out as Minari by their names, and each comes back', async (t) => {
  const { folder, episodes } = await sampleDataset(t, twoCameras);
  const out = join(temporaryFolder(t), 'minari');
  await exportDataset(folder, out, exportMinari);
  for (const image of twoCameras) {
    const source = await openMinari(out, { stateKeys: ['state'], cameras: [image.name] });
    assert.deepEqual(source.header.images, [image]);
    assertSame((await convertAll(t, source)).episodes, episodes, image.name);
  }
  const metadata = JSON.parse(await readFile(join(out, 'data', 'metadata.json'), 'utf8'));
  const { subspaces } = JSON.parse(metadata.observation_space);
  assert.deepEqual(
    Object.entries<{ shape: number[] }>(subspaces).map(([name, { shape }]) => [name, shape]),
    [
      ['side', [9, 7, 3]],
      ['wrist', [5, 8, 3]],
      ['state', [4]],
      ['height', [1]],
    ],
  );
  const whole = await convertAll(t, await openMinari(out, { stateKeys: ['state'] }));
  const images = (converted: readonly Episode[]) =>
    converted.map((episode) => Object.entries(episode.images).map(([name, pixels]) => [name, [...pixels]]));
  assert.deepEqual(images(whole.episodes), images(episodes));
});

test('several cameras go out as LeRobot v3 features of their own, with their own statistics', async (t) => {
  const { folder, episodes } = await sampleDataset(t, twoCameras);
  const out = join(temporaryFolder(t), 'lerobot');
  await exportDataset(folder, out, exportLerobot);
  const [info, stats] = await Promise.all(
    ['info.json', 'stats.json'].map(async (file) =>
      JSON.parse(await readFile(join(out, 'meta', file), 'utf8')),
    ),
  );
  for (const image of twoCameras) {
    const { name, height, width } = image;
    const key = `observation.images.${name}`;
    assert.deepEqual(info.features[key].shape, [height, width, 3]);
    const levels = episodes.flatMap(({ images }) => [...(images[name] ?? [])].filter((_, i) => i % 3 === 0));
    const mean = levels.reduce((sum, level) => sum + level / 255, 0) / levels.length;
    assert.ok(Math.abs(stats[key].mean[0][0][0] - mean) < 1e-9, name);
    assert.deepEqual(stats[key].count, [5 + 6 + 7]);
    const source = await openLerobot(out, { cameras: [key] });
    assert.deepEqual(source.header.images, [image]);
    assertSame((await convertAll(t, source)).episodes, episodes, name);
  }
  assert.equal(info.features['observation.image'], undefined);
});

test('V-D4RL takes one camera, and RGB formats take no other images: sentences, and nothing is left', async (t) => {
  const several = await sampleDataset(t, twoCameras);
  const grey = await sampleDataset(t, [sideImage, { ...wristImage, channels: 1 }]);
  const none = await sampleDataset(t, []);
  const cases: [string, Exporter, RegExp][] = [
    [
      several.folder,
      exportVd4rl,
      /hold one image a row, and this dataset has 2: export it as minari or lerobot/,
    ],
    [none.folder, exportVd4rl, /without images cannot be exported as V-D4RL/],
    [grey.folder, exportFrames, /Only RGB images can be exported as frames; "wrist" has 1 channel\.$/],
    [grey.folder, exportLerobot, /Only RGB images can be exported for LeRobot; "wrist" has 1 channel\.$/],
    [none.folder, exportLerobot, /without images cannot be exported for LeRobot/],
  ];
  for (const [folder, exporter, message] of cases) {
    const out = join(temporaryFolder(t), 'out');
    const error = await rejection(exportDataset(folder, out, exporter));
    assert.ok(error instanceof InputError, error.stack);
    assert.match(error.message, message);
    assert.deepEqual(await readdir(out), []);
  }
});

test('an export never writes into a folder that holds something', async (t) => {
  const { folder } = await sampleDataset(t);
  const error = await rejection(exportDataset(folder, folder, exportFrames));
  assert.ok(error instanceof InputError);
  assert.match(error.message, /is not empty/);
});

test('an export that the disk has no room for says so, and that what there is must go', async (t) => {
  const { folder } = await sampleDataset(t);
  const out = join(temporaryFolder(t), 'out');
  let isClosed = false;
  const error = await rejection(
    exportDataset(folder, out, async () => ({
      write: async () => {
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      },
      close: async () => {
        isClosed = true;
      },
    })),
  );
  assert.ok(!(error instanceof InputError));
  assert.match(error.message, /^The export to .* failed \(the disk is full\): delete what is there of it/);
  assert.ok(isClosed);
});

test('what HDF5 reports of a full disk becomes one sentence', {
  skip: !existsSync('/dev/full'),
}, async () => {
  const error: NodeJS.ErrnoException = await rejection(Hdf5Writer.create('/dev/full'));
  assert.deepEqual(
    [error.code, error.message],
    ['ENOSPC', '/dev/full cannot be written: No space left on device'],
  );
});

test('success, interventions, the instruction and the box of actions go out and come back', async (t) => {
  const folder = temporaryFolder(t);
  const actionBox = { low: [-1, 0], high: [1, 4] };
  const writer = await DatasetWriter.create(folder, sampleHeader({ actionBox, extra: {} }));
  const plain = [0, 1].map((i) => {
    const { extra: _, ...episode } = sampleEpisode(i, 4 + i);
    return episode;
  });
  const [first, second] = plain as [Episode, Episode];
  const episodes: Episode[] = [
    { ...first, success: true, instruction: 'lift the cube', interventions: Uint8Array.of(0, 1, 1, 0) },
    { ...second, success: false, instruction: 'put it down' },
  ];
  for (const episode of episodes) await writer.append(episode);
  await writer.close();
  const formats = {
    frames: [exportFrames, openFrames, { actionRange: [[-1, 1]] }],
    minari: [exportMinari, openMinari, {}],
    lerobot: [exportLerobot, openLerobot, { actionRange: [[-1, 1]] }],
  } as const;
  for (const [name, [exporter, open, options]] of Object.entries(formats)) {
    const out = join(temporaryFolder(t), name);
    await exportDataset(folder, out, exporter);
    const source = await open(out, { stateKeys: [name === 'lerobot' ? 'observation.state' : 'state'] });
    const back = await convertAll(t, source, options);
    const said = back.episodes.map((episode) => [
      episode.success,
      episode.interventions && [...episode.interventions],
      episode.instruction,
    ]);
    const words = name === 'lerobot' ? ['lift the cube', 'put it down'] : [undefined, undefined];
    assert.deepEqual(said, [
      [true, [0, 1, 1, 0], words[0]],
      [false, undefined, words[1]],
    ]);
    const { manifest } = await openDataset(back.out);
    // Minari alone has a place for the box.
    assert.deepEqual(manifest.actionBox, name === 'minari' ? actionBox : { low: [-1, -1], high: [1, 1] });
    for (const [i, episode] of back.episodes.entries())
      for (const [at, value] of episode.actions.entries())
        assert.ok(Math.abs(value - (episodes[i]?.actions[at] as number)) < 1e-6, name);
  }
});
