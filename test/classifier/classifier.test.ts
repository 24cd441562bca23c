/** Success detectors: what they learn from, how well they see on episodes that were held out, and what they are as a reward. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { writeLabels } from '../../datasets/editing/labelsFile.js';
import type { Episode, FrameLayout } from '../../datasets/episode.js';
import { openDataset } from '../../datasets/reader.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { selectBackend } from '../../src/backend/select.js';
import { classifierHash, readClassifier, writeClassifier } from '../../src/classifier/classifierFile.js';
import { Detector } from '../../src/classifier/detector.js';
import { frameLabels, type LabelledEpisode } from '../../src/classifier/labelledFrames.js';
import { ClassifierNetwork } from '../../src/classifier/network.js';
import { scoreOn } from '../../src/classifier/trainClassifier.js';
import { Generator } from '../../src/random/generator.js';
import { readConfig, readMetrics } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { sampleHeader } from '../datasets/samples.js';
import { rlpd } from '../scripts/commandLine.js';
import { smallConfig, temporaryFolder } from '../training/smallRun.js';

const image: FrameLayout = { name: 'fixed', height: 32, width: 32, channels: 3 };
const STEPS = 8;

before(() => selectBackend({ backend: 'wasm' }));

/** Noise, with a bright square somewhere from observation `from` on. */
function squareFrom(number: number, from: number): Episode {
  const random = new Generator(number).child('square');
  const bytes = 32 * 32 * 3;
  const pixels = Uint8Array.from({ length: (STEPS + 1) * bytes }, () => random.integer(90));
  for (let t = from; t <= STEPS; t++) {
    const [top, left] = [4 + random.integer(12), 4 + random.integer(12)];
    for (let y = top; y < top + 10; y++) {
      const at = t * bytes + (y * 32 + left) * 3;
      pixels.fill(240, at, at + 30);
    }
  }
  return {
    id: `episode-${number}`,
    length: STEPS,
    images: { fixed: pixels },
    actions: new Float32Array(STEPS),
    rewards: new Float32Array(STEPS),
    terminated: false,
    truncated: true,
    success: from <= STEPS,
  };
}

/** Half of the episodes succeed, at observations that nobody but a label tells. */
async function squares(folder: string): Promise<string> {
  const header = sampleHeader({ images: [image], actionSize: 1, stateSize: 0, extra: {}, codec: 'raw' });
  const writer = await DatasetWriter.create(folder, header);
  const from = (number: number) => (number % 2 === 0 ? 3 + (number % 4) : STEPS + 1);
  for (let number = 0; number < 12; number++) await writer.append(squareFrom(number, from(number)));
  await writer.close();
  const marked = [0, 2, 4, 6, 8, 10].map(
    (number) => [`episode-${number}`, { successFrom: from(number) }] as const,
  );
  await writeLabels(folder, Object.fromEntries(marked));
  return folder;
}

/** One that was never trained, for tests in which the threshold alone decides. */
async function untrained(path: string, seed: number): Promise<string> {
  const shape = { encoder: 'rlpd-small', trunkWidth: 4, images: [{ ...image }] };
  const network = new ClassifierNetwork(shape, new Generator(seed));
  const score = { threshold: 0.5, episodes: 0, precision: null, recall: null, early: 0 };
  await writeClassifier(path, network, score);
  network.dispose();
  return path;
}

test('a frame is a success from its mark on, or where a recorded success ends, and else nothing is taken for known', () => {
  const [yes, no, unknown] = [true, false, null];
  assert.deepEqual(frameLabels(3, { successFrom: 2 }, undefined), [no, no, yes, yes]);
  assert.deepEqual(frameLabels(4, undefined, true), [no, no, unknown, unknown, yes]);
  assert.deepEqual(frameLabels(2, undefined, false), [no, no, no]);
  assert.deepEqual(frameLabels(3, { success: false, cut: [1, 2] }, true), [unknown, no, no, unknown]);
  // What made it a success is cut off.
  assert.deepEqual(frameLabels(5, { cut: [0, 4] }, true), [no, no, unknown, unknown, unknown, unknown]);
  assert.deepEqual(frameLabels(3, { success: true, cut: [0, 2] }, undefined), [
    unknown,
    unknown,
    yes,
    unknown,
  ]);
  assert.equal(frameLabels(3, undefined, undefined), null);
});

test('precision, recall and what was seen too early are those of whole episodes', async () => {
  const layout = { name: 'p', height: 1, width: 1, channels: 1 };
  // A pixel is the probability, in 255ths.
  const episode = (success: boolean, pixels: number[], from: number): LabelledEpisode => ({
    ...{ id: '', images: [Uint8Array.from(pixels)], success },
    labels: pixels.map((_, t) => success && t >= from),
  });
  const detector = { probability: async ([frame]: readonly Uint8Array[]) => (frame?.[0] ?? 0) / 255 };
  const score = await scoreOn(
    detector,
    [layout],
    [
      episode(true, [0, 0, 250], 2),
      episode(true, [0, 250, 250], 2),
      episode(true, [0, 0, 100], 2),
      episode(false, [0, 250, 0], 9),
      episode(false, [250, 0, 0], 9),
    ],
    0.8,
  );
  assert.deepEqual(score, { threshold: 0.8, episodes: 5, precision: 2 / 3, recall: 2 / 3, early: 1 });
});

test('from marked frames a classifier learns to see success in episodes that it never saw, the same each time', async (t) => {
  const folder = await temporaryFolder(t);
  const data = await squares(join(folder, 'data'));
  const train = async (name: string) => {
    const out = join(folder, name);
    const flags = [
      '--updates',
      '24',
      '--batch-size',
      '12',
      '--learning-rate',
      '0.002',
      '--holdout-share',
      '0.34',
    ];
    const engine = ['--backend', 'wasm'];
    const { status, stdout, stderr } = await rlpd(
      ...['classifier', 'train', '--dataset', data, '--labels', '--out', out, ...flags, ...engine, '--json'],
    );
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  };
  const report = await train('a.safetensors');
  assert.deepEqual(report.heldOut, { threshold: 0.8, episodes: 4, precision: 1, recall: 1, early: 0 });
  assert.equal(report.sha256, await classifierHash(join(folder, 'a.safetensors')));
  assert.equal((await train('b.safetensors')).sha256, report.sha256);
  const { network, score } = await readClassifier(join(folder, 'a.safetensors'));
  assert.deepEqual(score, report.heldOut);
  const detector = new Detector(network);
  const episode = squareFrom(99, 5).images.fixed as Uint8Array;
  const seen = (at: number) => detector.probability([episode.subarray(at * 3072, (at + 1) * 3072)]);
  assert.ok((await seen(3)) < 0.2 && (await seen(6)) > 0.8, `${await seen(3)}, ${await seen(6)}`);
  detector.dispose();
  const few = await rlpd(
    ...['classifier', 'train', '--dataset', data, '--images', 'wrist', '--out', join(folder, 'x')],
    ...['--backend', 'wasm'],
  );
  assert.equal(few.status, 2);
  assert.match(few.stderr, /has no image "wrist", only fixed/);
});

test('as a reward it gives 1 and ends the episode above the threshold, and else 0, whatever the task says', async (t) => {
  const folder = await temporaryFolder(t);
  const file = await untrained(join(folder, 'c.safetensors'), 1);
  const collect = async (threshold: string) => {
    const out = join(folder, threshold);
    const task = ['--task', 'cartpole-balance', '--level', 'random', '--action-repeat', '100'];
    const flags = ['--image-size', '32', '--cameras', 'fixed', '--episodes', '1', '--workers', '1'];
    const reward = ['--reward-classifier', file, '--reward-threshold', threshold, '--backend', 'wasm'];
    const { status, stderr } = await rlpd('collect', ...task, ...flags, ...reward, '--out', out);
    assert.equal(status, 0, stderr);
    return (await openDataset(out)).episode(0);
  };
  // A probability is above 0 and not above 1.
  const [always, never] = [await collect('0'), await collect('1')];
  assert.deepEqual([...always.rewards, always.terminated, always.success], [1, true, true]);
  assert.deepEqual([...new Set(never.rewards), never.terminated, never.success], [0, false, false]);
  assert.equal(never.length, 10);
});

test('a training learns from it and keeps its hash; another file in its place is refused', async (t) => {
  const folder = await temporaryFolder(t);
  const file = await untrained(join(folder, 'c.safetensors'), 1);
  const run = join(folder, 'run');
  const config = smallConfig({
    ...{
      obs: 'pixels',
      imageSize: 32,
      cameras: ['fixed'],
      backend: 'wasm',
      actionRepeat: 100,
      envFrames: 400,
    },
    ...{ randomSteps: 2, evaluationInterval: 400, logInterval: 400, replayCapacity: null, trunkWidth: 4 },
    ...{ rewardClassifier: file, rewardThreshold: 0 },
  });
  await train({ run, config });
  const episodes = (await readMetrics(run)).flatMap((line) => (line.kind === 'episode' ? [line] : []));
  assert.deepEqual(
    episodes.map(({ return: total, length, success }) => [total, length, success]),
    [0, 0, 0, 0].map(() => [1, 1, true]),
  );
  assert.equal((await readConfig(run)).rewardClassifierHash, await classifierHash(file));
  assert.ok((await readFile(join(run, 'best.safetensors'))).includes(await classifierHash(file)));
  await untrained(file, 2);
  await assert.rejects(train({ run, resume: true, changes: { envFrames: 600 } }), {
    name: 'InputError',
    message: /is another classifier than the one that the reward comes from/,
  });
  const wrong = { ...config, imageSize: 48, rewardClassifierHash: null };
  await assert.rejects(train({ run: join(folder, 'other'), config: wrong }), {
    name: 'InputError',
    message:
      /The classifier looks at the image "fixed" of 32×32×3, and the environment shows "fixed" of 48×48×3/,
  });
});
