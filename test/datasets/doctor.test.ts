import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { examineDataset } from '../../datasets/doctor/examine.js';
import { manifestFindings } from '../../datasets/doctor/manifestFindings.js';
import type { Episode } from '../../datasets/episode.js';
import { createManifest, withShards } from '../../datasets/manifest.js';
import { DatasetWriter } from '../../datasets/writer.js';
import type { EnvironmentSpec } from '../../envs/environment.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { Generator } from '../../src/random/generator.js';
import { sampleHeader, temporaryFolder } from './samples.js';

const SIZE = 32;

interface Recording {
  readonly actionRepeat?: number;
  /** Changes each episode before it is written. */
  readonly change?: (episode: Episode) => Episode;
  readonly withState?: boolean;
}

/** Six short episodes of random actions, of different lengths; the manifest says action repeat 2 whatever it was. */
async function record(t: TestContext, task: string, options: Recording = {}): Promise<string> {
  const { actionRepeat = 2, change = (episode) => episode, withState = true } = options;
  const folder = temporaryFolder(t);
  const environment = await makeEnv(task, {
    observations: 'both',
    imageSize: SIZE,
    frameStack: 1,
    actionRepeat,
    seed: 5,
  });
  const { spec } = environment;
  const writer = await DatasetWriter.create(folder, {
    ...sampleHeader({ task, camera: spec.camera, extra: {}, controlTimestep: spec.controlTimestep }),
    imageHeight: SIZE,
    imageWidth: SIZE,
    actionSize: spec.actionSize,
    stateSize: withState ? spec.stateSize : 0,
  });
  const random = new Generator(1).child('actions');
  for (let e = 0; e < 6; e++) {
    const length = 10 + e;
    let { observation } = environment.reset();
    const [pixels, state] = [[observation.pixels], [observation.state]];
    const actions = Float32Array.from({ length: length * spec.actionSize }, () => random.uniform(-1, 1));
    const rewards = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      const step = environment.step(actions.subarray(i * spec.actionSize, (i + 1) * spec.actionSize));
      ({ observation } = step);
      rewards[i] = step.reward;
      pixels.push(observation.pixels);
      state.push(observation.state);
    }
    const episode: Episode = {
      id: `e${e}`,
      length,
      pixels: Uint8Array.from(pixels.flatMap((image) => [...(image ?? [])])),
      ...(withState && { state: Float32Array.from(state.flatMap((row) => [...(row ?? [])])) }),
      actions,
      rewards,
      terminated: false,
      truncated: true,
    };
    await writer.append(change(episode));
  }
  await writer.close();
  environment.close();
  return folder;
}

const options = { actionRepeat: 2, imageSize: SIZE, observations: 'pixels', episodes: 20 } as const;

test("the environment's own recordings have no findings, and their images are those of the same state", async (t) => {
  for (const task of ['walker-walk', 'cheetah-run', 'hopper-stand', 'cartpole-swingup', 'pendulum-swingup']) {
    const { fits, findings, pictures } = await examineDataset(await record(t, task), { ...options, task });
    // Random actions may earn nothing at all in a few steps, which is worth a doubt.
    assert.deepEqual([fits, findings.filter(({ check }) => check !== 'reward')], [true, []], task);
    assert.equal(pictures?.method, 'same state', task);
    // Cheetah settles before an episode starts, and may have slid a little along the floor.
    assert.ok(
      (pictures?.difference ?? 99) < (task === 'cheetah-run' ? 4 : 1),
      `${task} ${pictures?.difference}`,
    );
  }
});

test('without a pose the starts are compared on average, and it is said so', async (t) => {
  const bare = await examineDataset(await record(t, 'walker-walk', { withState: false }), {
    ...options,
    task: 'walker-walk',
  });
  assert.deepEqual(bare.findings, []);
  assert.equal(bare.pictures?.method, 'average start');
  assert.match(bare.skipped.join(), /on average only: the dataset has no state/);
  const reacher = await examineDataset(await record(t, 'reacher-easy'), { ...options, task: 'reacher-easy' });
  assert.match(reacher.skipped.join(), /the state does not tell the pose in reacher-easy/);
});

test('an action repeat other than the manifest says shows in the speed of motion', async (t) => {
  const folder = await record(t, 'walker-walk', { actionRepeat: 4 });
  const { findings } = await examineDataset(folder, { ...options, task: 'walker-walk' });
  const finding = findings.find(({ check }) => check === 'speed of motion');
  assert.match(finding?.fix ?? '', /held for 4 control steps.*--action-repeat 4/);
});

test('images that are upside down or blue-green-red are named so', async (t) => {
  const row = SIZE * 3;
  const changes: [RegExp, (pixels: Uint8Array) => Uint8Array][] = [
    [
      /upside down/,
      (pixels) => {
        const rows = pixels.length / row;
        return pixels.map((_, i) => {
          const [at, frame] = [Math.floor(i / row), Math.floor(i / row / SIZE)];
          const from = 2 * frame * SIZE + SIZE - 1 - at;
          assert.ok(from < rows);
          return pixels[from * row + (i % row)] as number;
        });
      },
    ],
    [/blue, green, red/, (pixels) => pixels.map((_, i) => pixels[i + 2 - 2 * (i % 3)] as number)],
  ];
  for (const [name, change] of changes) {
    const folder = await record(t, 'walker-walk', {
      change: (episode) => ({ ...episode, pixels: change(episode.pixels ?? new Uint8Array()) }),
    });
    const { findings, motion, skipped } = await examineDataset(folder, { ...options, task: 'walker-walk' });
    assert.match(findings.find(({ check }) => check === 'picture')?.message ?? '', name);
    assert.equal(motion, null);
    assert.match(skipped.join(), /motion was not compared: the images look different/);
  }
});

test('actions and rewards of another meaning are findings', async (t) => {
  const cases: [string, RegExp, (episode: Episode) => Episode][] = [
    [
      'constant actions',
      /number 1 of its 6 actions never changes/,
      (e) => ({ ...e, actions: e.actions.map((a, i) => (i % 6 === 1 ? 0.25 : a)) }),
    ],
    ['action range', /within ±0\.1/, (e) => ({ ...e, actions: e.actions.map((a) => a / 10) })],
    ['reward', /no reward other than 0/, (e) => ({ ...e, rewards: e.rewards.map(() => 0) })],
    ['reward', /go down to -1/, (e) => ({ ...e, rewards: e.rewards.map(() => -1) })],
    ['reward scale', /earns 100/, (e) => ({ ...e, rewards: e.rewards.map(() => 100) })],
    ['reward scale', /rewards end at 1 a step/, (e) => ({ ...e, rewards: e.rewards.map(() => 1) })],
  ];
  for (const [check, message, change] of cases) {
    const folder = await record(t, 'walker-walk', { change });
    const { findings } = await examineDataset(folder, { ...options, task: 'walker-walk' });
    assert.match(findings.find((finding) => finding.check === check)?.message ?? '', message, check);
  }
});

test('the manifest alone tells a wrong length, camera and timestep, and a misfit comes first', () => {
  const environment: EnvironmentSpec = {
    task: 'walker-walk',
    actionRepeat: 2,
    controlTimestep: 0.025,
    maxEnvFrames: 1000,
    actionSize: 2,
    stateSize: 4,
    imageHeight: 9,
    imageWidth: 9,
    imageChannels: 3,
    frameStack: 3,
    camera: 'side',
    renderer: 'test',
  };
  const target = { environment, frame: { height: 9, width: 9, channels: 3 }, stateSize: 0 };
  const index = [0, 1, 2].map((i) => ({ id: `e${i}`, offset: i, steps: 250, return: 900 }));
  const shard = { file: '00000.msgpack', bytes: 9, sha256: '0'.repeat(64), episodes: 3, steps: 750, index };
  const manifest = withShards(
    createManifest(sampleHeader({ camera: 'back', controlTimestep: 0.01, actionSize: 3 })),
    [shard],
  );
  const findings = manifestFindings(manifest, target);
  assert.deepEqual(
    findings.map(({ check, severity }) => [check, severity]),
    [
      ['action size', 'misfit'],
      ['image size', 'misfit'],
      ['control timestep', 'doubt'],
      ['camera', 'doubt'],
      ['reward scale', 'doubt'],
      ['episode length', 'doubt'],
    ],
  );
  assert.match(findings.at(-1)?.fix ?? '', /held for 4 control steps/);
});
