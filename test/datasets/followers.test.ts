import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConversionSource } from '../../datasets/converters/conversionSource.js';
import { openFrames } from '../../datasets/converters/frames.js';
import { openLerobot } from '../../datasets/converters/lerobot.js';
import { openMinari } from '../../datasets/converters/minari.js';
import { openRlds } from '../../datasets/converters/rlds.js';
import { openRobomimic } from '../../datasets/converters/robomimic.js';
import { openZarr } from '../../datasets/converters/zarr.js';
import type { Episode } from '../../datasets/episode.js';
import { readManifest } from '../../datasets/manifest.js';
import { verifyDataset } from '../../datasets/verify.js';
import { InputError } from '../../src/errors.js';
import { findProgram, needing } from '../programs.js';
import {
  assertEncodedRows,
  convertAll,
  encodedRows,
  golden,
  onlyImage,
  rejection,
  temporaryFolder,
} from './samples.js';

const summary = (episodes: readonly Episode[]) =>
  episodes.map((e) => [e.id, e.length, e.terminated, e.truncated] as const);

/** The golden files' rule for state: row t is (t, t/2, −t). */
function assertStates(episode: Episode): void {
  const rows = Array.from({ length: episode.length + 1 }, (_, t) => [t, t / 2, t === 0 ? 0 : -t]);
  assert.deepEqual(
    [...(episode.state ?? [])].map((value) => value + 0),
    rows.flat(),
  );
}

/** JPEG keeps a grey of 10 t to within a few levels. */
function assertGreyRows(episode: Episode): void {
  for (const [t, value] of encodedRows(episode).entries())
    assert.ok(Math.abs(value - 10 * t) < 5, `${t}: ${value}`);
}

test('robomimic demonstrations convert with their last observation, in the order of their numbers', async (t) => {
  const source = await openRobomimic(join(golden, 'robomimic'), { stateKeys: ['robot0_eef_pos'] });
  const { out, episodes } = await convertAll(t, source);
  assert.deepEqual(summary(episodes), [
    ['demo_0', 3, true, false],
    ['demo_2', 4, true, false],
    ['demo_10', 5, true, false],
  ]);
  for (const episode of episodes) {
    assertEncodedRows(episode);
    assertStates(episode);
  }
  const manifest = await readManifest(out);
  assert.deepEqual(
    [manifest.task, manifest.images[0]?.name, manifest.stateSize],
    ['Lift', 'agentview_image', 3],
  );
  assert.equal((await verifyDataset(out)).ok, true);
});

test('robomimic splits and sparse rewards are kept to, a wrong camera is named', async (t) => {
  const path = join(golden, 'robomimic', 'demo.hdf5');
  const source = await openRobomimic(path, { split: ['train'], reward: 'sparse' });
  const { episodes } = await convertAll(t, source);
  assert.deepEqual(
    summary(episodes).map(([id]) => id),
    ['demo_0', 'demo_10'],
  );
  assert.deepEqual([...(episodes[0]?.rewards ?? [])], [0, 0, 1]);
  const error = await rejection(openRobomimic(path, { cameras: ['wrist'] }));
  assert.ok(error instanceof InputError);
  assert.match(error.message, /has no images "wrist"; it has agentview_image/);
});

test('Minari observations of Box and Tuple spaces convert without a changed byte', async (t) => {
  for (const [kind, stateKeys] of [
    ['box', []],
    ['tuple', ['_index_0']],
  ] as const) {
    const source = await openMinari(join(golden, 'minari', `${kind}-v0`), { stateKeys });
    const { out, episodes } = await convertAll(t, source);
    assert.deepEqual(summary(episodes), [
      ['episode_0', 4, true, false],
      ['episode_1', 6, false, true],
    ]);
    for (const episode of episodes) {
      assertEncodedRows(episode);
      if (kind === 'tuple') assertStates(episode);
    }
    const manifest = await readManifest(out);
    assert.deepEqual([manifest.task, manifest.provenance.lossy], [`${kind}-v0`, false]);
  }
});

test('Minari Dict observations with JPEG rows are decoded, and the dataset says that they were lossy', async (t) => {
  const source = await openMinari(join(golden, 'minari', 'dict-v0'), { stateKeys: ['state'] });
  const { out, episodes } = await convertAll(t, source);
  assertGreyRows(episodes[1] as Episode);
  assertStates(episodes[1] as Episode);
  assert.equal((await readManifest(out)).provenance.lossy, true);
});

test('zarr, as a folder and as a zip with float images, gives one episode for each end', async (t) => {
  for (const name of ['store.zarr', 'store.zarr.zip']) {
    const source = await openZarr(join(golden, 'zarr', name), { stateKeys: ['state'], reward: 'sparse' });
    const { out, episodes } = await convertAll(t, source, { actionRange: [[-16, 16]] });
    assert.deepEqual(summary(episodes), [
      ['episode_0', 4, true, false],
      ['episode_1', 3, true, false],
    ]);
    for (const episode of episodes) {
      assertEncodedRows({ ...episode, rewards: Float32Array.from(episode.rewards, (_, i) => (i + 1) / 4) });
      assertStates(episode);
      assert.equal(episode.rewards.at(-1), 1);
    }
    assert.equal((await readManifest(out)).provenance.lossy, true);
  }
});

test('RLDS episodes drop the last step, but where it ends the task and has a reward', async (t) => {
  const source = await openRlds(join(golden, 'rlds'), { stateKeys: ['pose'], task: 'robot' });
  const { out, episodes } = await convertAll(t, source);
  assert.deepEqual(summary(episodes), [
    ['episode_0', 5, true, false],
    ['episode_1', 3, false, true],
  ]);
  const [ended, stopped] = episodes as [Episode, Episode];
  assert.deepEqual(encodedRows(ended), [0, 1, 2, 3, 4, 4]);
  assert.deepEqual([...ended.rewards], [0.25, 0.5, 0.75, 1, 1.25]);
  assertEncodedRows(stopped);
  assertStates(stopped);
  assert.equal((await readManifest(out)).images[0]?.name, 'image');
});

test('LeRobot v2.1 and v3 give the same episodes; a done one keeps its last action and reward', async (t) => {
  for (const version of ['v2.1', 'v3.0']) {
    const { episodes } = await convertAll(t, await openLerobot(join(golden, 'lerobot', version), {}));
    assert.deepEqual(summary(episodes), [
      ['episode_0', 4, true, false],
      ['episode_1', 4, false, true],
    ]);
    const [done, stopped] = episodes as [Episode, Episode];
    assert.deepEqual(encodedRows(done), [0, 1, 2, 3, 3]);
    assert.deepEqual(
      [...done.actions],
      [1, 2, 3, 4].flatMap((i) => [i / 16, -i / 16]),
    );
    assert.deepEqual([...done.rewards], [0.25, 0.5, 0.75, 1]);
    assertEncodedRows(stopped);
    assertStates(stopped);
  }
});

test('a zarr store that lost a chunk of images is a sentence, not black pictures', async (t) => {
  const folder = temporaryFolder(t);
  cpSync(join(golden, 'zarr', 'store.zarr'), folder, { recursive: true });
  rmSync(join(folder, 'data', 'img', '1.0.0.0'));
  const error = await rejection(
    openZarr(folder, { reward: 'sparse' }).then((source) => convertAll(t, source, { onProblem: 'stop' })),
  );
  assert.match(error.message, /lacks its chunk \/data\/img\/1\.0\.0\.0/);
});

test('a source without rewards asks for a choice instead of inventing them', async () => {
  const error = await rejection(openZarr(join(golden, 'zarr', 'store.zarr'), {}));
  assert.ok(error instanceof InputError);
  assert.match(error.message, /has no rewards: say --reward sparse/);
});

test('folders of frames convert with CSV or JSON Lines, in the order of their numbers', async (t) => {
  const { out, episodes } = await convertAll(t, await openFrames(join(golden, 'frames'), { task: 'robot' }));
  assert.deepEqual(summary(episodes), [
    ['a', 4, true, false],
    ['b', 3, false, true],
  ]);
  assertEncodedRows(episodes[0] as Episode);
  assertGreyRows(episodes[1] as Episode);
  assert.equal((await verifyDataset(out)).ok, true);
});

test('tables and pictures that do not fit are sentences with file and row', async (t) => {
  const cases: [string, string, RegExp][] = [
    ['steps.csv', 'action_0,action_1,reward\n1,2\n', /steps\.csv, line 2 has 2 cells, expected 3/],
    ['steps.csv', 'action_0,reward\n1,x\n1,2\n1,2\n1,2\n', /row 1: reward holds "x", a number is expected/],
    ['steps.csv', 'reward\n1\n', /has no action "action"; it has reward/],
    ['steps.jsonl', '{"action": [1]}\nnope\n', /line 2 is not JSON/],
  ];
  for (const [name, text, message] of cases) {
    const folder = temporaryFolder(t);
    cpSync(join(golden, 'frames', 'a'), join(folder, 'a'), { recursive: true });
    rmSync(join(folder, 'a', 'steps.csv'));
    writeFileSync(join(folder, 'a', name), text);
    const error = await rejection(
      openFrames(folder, {}).then((source: ConversionSource) => convertAll(t, source, { onProblem: 'stop' })),
    );
    assert.ok(error instanceof InputError, error.stack);
    assert.match(error.message, message);
  }
  const empty = temporaryFolder(t);
  mkdirSync(join(empty, 'x'));
  assert.match((await rejection(openFrames(empty, {}))).message, /has no steps\.csv or steps\.jsonl/);
});

const ffmpeg = needing(findProgram('ffmpeg'), 'ffmpeg');

test('LeRobot videos give each episode its own frames of a shared file', ffmpeg, async (t) => {
  const { episodes, out } = await convertAll(t, await openLerobot(join(golden, 'lerobot/video'), {}));
  assert.deepEqual(
    episodes.map(({ length }) => length),
    [4, 5],
  );
  for (const [i, episode] of episodes.entries())
    for (let step = 0; step <= episode.length; step++) {
      const frame = onlyImage(episode).subarray(step * 32 * 32 * 3, (step + 1) * 32 * 32 * 3);
      const mean = frame.reduce((sum, level) => sum + level, 0) / frame.length;
      // Frames follow each other in steps of 5 grey levels; what H.264 loses is less.
      assert.ok(Math.abs(mean - (5 * step + 1.5 + 40 * i)) < 2, `episode ${i}, frame ${step}: ${mean}`);
    }
  assert.equal((await readManifest(out)).provenance.lossy, true);
});

test('a LeRobot video that is damaged is a sentence that names it, not wrong pictures', ffmpeg, async (t) => {
  const folder = join(temporaryFolder(t), 'video');
  cpSync(join(golden, 'lerobot/video'), folder, { recursive: true });
  truncateSync(join(folder, 'videos/observation.images.top/chunk-000/file-000.mp4'), 900);
  const error = await rejection(openLerobot(folder, {}));
  assert.ok(error instanceof InputError);
  assert.match(error.message, /file-000\.mp4 does not hold 1 frames from frame 0 on/);
});

test('an ffmpeg that is too old is a sentence that names its version and the one needed', {
  skip: process.platform === 'win32',
}, async (t) => {
  const folder = temporaryFolder(t);
  const { PATH } = process.env;
  t.after(() => {
    process.env.PATH = PATH;
  });
  process.env.PATH = folder;
  for (const [version, refusal] of [
    ['4.4.2-0ubuntu0.22.04.1', /the ffmpeg here is version 4\.4: 5\.1 or newer is needed/],
    ['n5.0', /the ffmpeg here is version 5\.0/],
    ['5.1.9-0+deb12u1', null],
    ['7.1', null],
    ['N-120000-gabcdef', null],
  ] as const) {
    writeFileSync(join(folder, 'ffmpeg'), `#!/bin/sh\necho "ffmpeg version ${version} Copyright"\n`);
    chmodSync(join(folder, 'ffmpeg'), 0o755);
    const opening = openLerobot(join(golden, 'lerobot/video'), {});
    // One that is new enough is asked for a picture, which this one does not have.
    assert.match((await rejection(opening)).message, refusal ?? /does not hold 1 frames from frame 0 on/);
  }
});

test('without ffmpeg a dataset of videos is a sentence that says what to install', async () => {
  const { PATH } = process.env;
  process.env.PATH = '';
  const error = await rejection(openLerobot(join(golden, 'lerobot/video'), {})).finally(() => {
    process.env.PATH = PATH;
  });
  assert.match(error.message, /keeps its images as videos.*apt-get install ffmpeg/);
});
