import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { examineDataset } from '../../datasets/doctor/examine.js';
import type { Finding, Target } from '../../datasets/doctor/finding.js';
import { manifestFindings } from '../../datasets/doctor/manifestFindings.js';
import type { Episode } from '../../datasets/episode.js';
import { createManifest, type DatasetHeader, withShards } from '../../datasets/manifest.js';
import { DatasetWriter } from '../../datasets/writer.js';
import type { EnvironmentSpec } from '../../envs/environment.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { Generator } from '../../src/random/generator.js';
import { onlyImage, sampleHeader, temporaryFolder } from './samples.js';

const SIZE = 32;

interface Recording {
  readonly actionRepeat?: number;
  /** Changes each episode before it is written. */
  readonly change?: (episode: Episode) => Episode;
  readonly withState?: boolean;
  /** Default: the task's own. */
  readonly cameras?: readonly string[];
}

/** Six short episodes of random actions, of different lengths; the manifest says action repeat 2 whatever it was. */
async function record(t: TestContext, task: string, options: Recording = {}): Promise<string> {
  const { actionRepeat = 2, change = (episode) => episode, withState = true, cameras = [] } = options;
  const folder = temporaryFolder(t);
  const environment = await makeEnv(task, {
    observations: 'both',
    cameras,
    imageSize: SIZE,
    frameStack: 1,
    actionRepeat,
    seed: 5,
  });
  const { spec } = environment;
  const images = environment.observationSpace.images.map(({ frameStack: _, ...image }) => image);
  const writer = await DatasetWriter.create(
    folder,
    sampleHeader({
      task,
      images,
      extra: {},
      controlTimestep: spec.controlTimestep,
      actionSize: spec.actionSize,
      stateSize: withState ? spec.stateSize : 0,
    }),
  );
  const random = new Generator(1).child('actions');
  for (let e = 0; e < 6; e++) {
    const length = 10 + e;
    let { observation } = environment.reset();
    const seen = [observation];
    const actions = Float32Array.from({ length: length * spec.actionSize }, () => random.uniform(-1, 1));
    const rewards = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      const step = environment.step(actions.subarray(i * spec.actionSize, (i + 1) * spec.actionSize));
      ({ observation } = step);
      rewards[i] = step.reward;
      seen.push(observation);
    }
    const episode: Episode = {
      id: `e${e}`,
      length,
      images: Object.fromEntries(
        images.map(({ name }) => [
          name,
          Uint8Array.from(seen.flatMap(({ images }) => [...(images[name] ?? [])])),
        ]),
      ),
      ...(withState && { state: Float32Array.from(seen.flatMap(({ state }) => [...(state ?? [])])) }),
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
      change: (episode) => ({ ...episode, images: { side: change(onlyImage(episode)) } }),
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

const environment: EnvironmentSpec = {
  task: 'walker-walk',
  actionRepeat: 2,
  controlTimestep: 0.025,
  maxEnvFrames: 1000,
  actionSize: 2,
  actionBox: { low: [-1, -2], high: [1, 2] },
  stateSize: 4,
  camera: 'side',
  renderer: 'test',
};
const square = { name: 'side', height: 9, width: 9, channels: 3 };

/** Findings for three episodes of whole length, unless `steps` says otherwise. */
function findingsOf(header: Partial<DatasetHeader>, images: Target['images'], steps = 500): Finding[] {
  const index = [0, 1, 2].map((i) => ({ id: `e${i}`, offset: i, steps, return: 900 }));
  const hash = '0'.repeat(64);
  const shard = { file: '00000.msgpack', bytes: 9, sha256: hash, episodes: 3, steps: 3 * steps, index };
  const manifest = withShards(createManifest(sampleHeader(header)), [shard]);
  return manifestFindings(manifest, { environment, images, stateSize: 0 });
}

test('the manifest alone tells a wrong length, camera and timestep, and a misfit comes first', () => {
  const images = [{ ...square, name: 'back', width: 7 }];
  const findings = findingsOf({ images, controlTimestep: 0.01, actionSize: 3 }, [square], 250);
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
  assert.match(findings[1]?.fix ?? '', /give --image-size 7x9,/);
  assert.match(findings[3]?.message ?? '', /of the camera "back", the environment's of "side"/);
  assert.match(findings[3]?.fix ?? '', /give --cameras back where/);
  assert.match(findings.at(-1)?.fix ?? '', /held for 4 control steps/);
});

test('actions that mean another range are a misfit; where one side does not know its range there is none', () => {
  const images = [square];
  const other = findingsOf({ images, actionBox: { low: [-1, -2], high: [1, 3] } }, images);
  assert.deepEqual(other, [
    {
      check: 'range of action 1',
      severity: 'misfit',
      message: "its range of action 1 is -2 to 3, the environment's is -2 to 2",
      fix: 'record or convert it again with the range that the environment takes (--action-range)',
    },
  ]);
  const low = findingsOf({ images, actionBox: { low: [-1.5, -2], high: [1, 2] } }, images);
  assert.deepEqual(
    low.map(({ check }) => check),
    ['range of action 0'],
  );
  // Equal as float32 is equal.
  const rounded = { low: [-1, Math.fround(-2.0000001)], high: [1 + 1e-8, 2] };
  assert.deepEqual(findingsOf({ images, actionBox: rounded }, images), []);
  assert.deepEqual(findingsOf({ images, actionBox: null }, images), []);
});

test('a camera that the dataset lacks is a misfit that names those it has', () => {
  const [back, wrist] = [
    { ...square, name: 'back' },
    { ...square, name: 'wrist' },
  ];
  assert.deepEqual(findingsOf({ images: [back, wrist] }, [square, wrist]), [
    {
      check: 'images',
      severity: 'misfit',
      message: 'it has no images of "side", only of "back", "wrist"',
      fix: 'choose images that both have with --cameras',
    },
  ]);
  // One of several is found by its name, whatever the order; a nameless one stands for the only one that is wanted.
  assert.deepEqual(findingsOf({ images: [back, square, wrist] }, [wrist]), []);
  assert.deepEqual(findingsOf({ images: [{ ...square, name: 'image' }] }, [square]), []);
  const only = findingsOf({ images: [square] }, [square, wrist]);
  assert.match(only[0]?.message ?? '', /no images of "wrist", only of "side"/);
  const none = findingsOf({ images: [] }, [square, wrist]);
  assert.deepEqual(
    none.map(({ message }) => message),
    ['it has no images'],
  );
  assert.deepEqual(findingsOf({ images: [] }, []), []);
});

test('of several images each is held against its own, and the remedy names it', () => {
  const wrist = { name: 'wrist', height: 6, width: 8, channels: 3 };
  const wanted = [square, { ...wrist, height: 8 }];
  const [size, channels, ...others] = findingsOf(
    { images: [{ ...wrist, channels: 1 }, { ...square }] },
    wanted,
  );
  assert.deepEqual(others, []);
  assert.deepEqual(
    [size?.check, size?.message],
    ['image size of "wrist"', 'its image size of "wrist" is 6×8, the environment\'s is 8×8'],
  );
  assert.equal(size?.fix, 'give --image-size wrist=8x6, or another dataset');
  assert.equal(channels?.check, 'number of image channels of "wrist"');
});

test('pictures of every camera are compared with those of the same camera', async (t) => {
  const seenBy = { task: 'walker-walk', cameras: ['side', 'back'] };
  const good = await examineDataset(await record(t, 'walker-walk', { cameras: ['back', 'side'] }), {
    ...options,
    ...seenBy,
  });
  assert.deepEqual([good.fits, good.findings, good.skipped], [true, [], []]);
  assert.ok((good.pictures?.difference ?? 99) < 1, `${good.pictures?.difference}`);
  assert.ok(good.motion !== null);
  const swapped = await record(t, 'walker-walk', {
    cameras: ['side', 'back'],
    change: (episode) => {
      const { side = new Uint8Array(), back = new Uint8Array() } = episode.images;
      return { ...episode, images: { side, back: back.map((_, i) => back[i + 2 - 2 * (i % 3)] as number) } };
    },
  });
  const { findings } = await examineDataset(swapped, { ...options, ...seenBy });
  assert.deepEqual(
    findings.map(({ check }) => check),
    ['picture'],
  );
  assert.match(findings[0]?.message ?? '', /blue, green, red/);
});
