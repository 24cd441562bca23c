import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DatasetWriter } from '../../datasets/writer.js';
import { rlpd } from '../scripts/commandLine.js';
import { golden, sampleHeader, sideImage, temporaryFolder, wristImage } from './samples.js';

test('convert, info and verify print the documented JSON alone on stdout, and exit by outcome', async (t) => {
  const out = join(temporaryFolder(t), 'out');
  const source = join(golden, 'vd4rl', 'walker_walk');
  const converted = await rlpd('convert', 'vd4rl', source, '--out', out, '--json');
  assert.equal(converted.status, 0, converted.stderr);
  assert.equal(JSON.parse(converted.stdout).episodes, 2);
  const info = JSON.parse((await rlpd('dataset', 'info', out, '--json')).stdout);
  const { task, episodes, steps, images, actionSize, actionBox, stateSize } = info;
  assert.deepEqual(
    [task, episodes, steps, actionSize, actionBox, stateSize],
    ['walker-walk', 2, 22, 2, null, 0],
  );
  assert.deepEqual(images, [{ name: 'side', height: 8, width: 8, channels: 3 }]);
  assert.deepEqual([info.returnMean, info.returnMin, info.returnMax], [16.5, 16.5, 16.5]);
  assert.equal(info.bytesPerStep, info.bytes / 22);
  assert.equal((await rlpd('dataset', 'verify', out)).status, 0);

  const shard = join(out, 'shards', '00000.msgpack');
  const bytes = readFileSync(shard);
  bytes[100] = (bytes[100] as number) ^ 1;
  writeFileSync(shard, bytes);
  const verified = await rlpd('dataset', 'verify', out, '--json');
  assert.equal(verified.status, 1);
  const { ok, problems } = JSON.parse(verified.stdout);
  assert.equal(ok, false);
  assert.deepEqual(
    problems.slice(0, 2).map((p: Record<string, unknown>) => [p.shard, p.episode, p.kind]),
    [
      ['00000.msgpack', null, 'hash'],
      ['00000.msgpack', 'expert/64px/20210901T000000-a-11', 'checksum'],
    ],
  );
});

test('info lists every image with its size, and the range of actions', async (t) => {
  const folder = temporaryFolder(t);
  const images = [sideImage, wristImage];
  for (const [actionBox, text] of [
    [null, /^action {8}2$/m],
    [{ low: [-2, -2], high: [2, 2] }, /^action {8}2, in \[-2, 2\]$/m],
    [{ low: [-2, 0], high: [2, 1] }, /^action {8}2, in \[-2, 2\] × \[0, 1\]$/m],
  ] as const) {
    const out = join(folder, String(actionBox?.low));
    const box = actionBox && { low: [...actionBox.low], high: [...actionBox.high] };
    await (await DatasetWriter.create(out, sampleHeader({ images, actionBox: box }))).close();
    const { stdout } = await rlpd('dataset', 'info', out);
    assert.match(stdout, text);
    assert.match(stdout, /^images {8}side 9×7×3, wrist 5×8×3$/m);
  }
  const bare = join(folder, 'bare');
  await (await DatasetWriter.create(bare, sampleHeader({ images: [] }))).close();
  assert.match((await rlpd('dataset', 'info', bare)).stdout, /^images {8}none$/m);
});

test('collect records the cameras that are named, at their own sizes, and doctor finds them fitting', async (t) => {
  const out = join(temporaryFolder(t), 'data');
  const cameras = ['--cameras', 'fixed,lookatcart', '--image-size', 'fixed=16x12,lookatcart=8'];
  const task = ['--task', 'cartpole-swingup'];
  const collected = await rlpd(
    'collect',
    ...task,
    '--level',
    'random',
    '--episodes',
    '1',
    '--workers',
    '1',
    '--out',
    out,
    ...cameras,
  );
  assert.equal(collected.status, 0, collected.stderr);
  const { images, actionBox } = JSON.parse((await rlpd('dataset', 'info', out, '--json')).stdout);
  assert.deepEqual(images, [
    { name: 'fixed', height: 12, width: 16, channels: 3 },
    { name: 'lookatcart', height: 8, width: 8, channels: 3 },
  ]);
  assert.deepEqual(actionBox, { low: [-1], high: [1] });
  const fitting = await rlpd('dataset', 'doctor', out, ...cameras, '--json');
  assert.equal(fitting.status, 0, fitting.stdout);
  const other = await rlpd(
    'dataset',
    'doctor',
    out,
    '--cameras',
    'fixed,lookatcart',
    '--image-size',
    'fixed=16x12',
  );
  assert.equal(other.status, 1);
  assert.match(
    other.stdout,
    /^MISFIT · image size of "lookatcart": its image size of "lookatcart" is 8×8, the environment's is 64×64\./m,
  );
  const again = join(temporaryFolder(t), 'again');
  const twice = await rlpd('collect', ...task, '--level', 'random', '--out', again, '--cameras', 'fixed,0');
  assert.equal(twice.status, 2);
  assert.match(twice.stderr, /^The camera "fixed" is given twice\.$/m);
});

test('bad usage and bad input end in one sentence and exit code 2', async (t) => {
  const folder = temporaryFolder(t);
  const cases: [string[], RegExp][] = [
    [['dataset', 'info', folder], /is not a dataset: it has no manifest\.json/],
    [['convert', 'vd4rl', folder, '--out', join(folder, 'x'), '--task', 'a'], /has no \.npz/],
    [['convert', 'vd4rl', folder, '--out', 'x', '--episodes', '5:2'], /Expected A:B with A < B/],
    [['convert', 'vd4rl', folder], /required option '--out <dir>'/],
  ];
  for (const [parameters, message] of cases) {
    const { status, stdout, stderr } = await rlpd(...parameters);
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.equal(stderr.trim().split('\n').length, 1);
  }
});

test('an output folder that cannot be made is a sentence and exit code 2', {
  // A folder that takes no others, even of root.
  skip: process.platform !== 'linux',
}, async (t) => {
  const out = '/proc/rlpd-pixels';
  const folder = join(temporaryFolder(t), 'data');
  const source = join(golden, 'vd4rl', 'walker_walk');
  const converted = await rlpd('convert', 'vd4rl', source, '--out', folder);
  assert.equal(converted.status, 0, converted.stderr);
  const play = ['--task', 'cartpole-swingup', '--out', out];
  for (const parameters of [
    ['convert', 'vd4rl', source, '--out', out],
    ['collect', ...play, '--level', 'random', '--episodes', '1', '--image-size', '8'],
    ['train', ...play, '--preset', 'online-only', '--backend', 'cpu', '--env-frames', '2000'],
    ['render', '--task', 'cartpole-swingup', '--out', `${out}/picture.png`],
    ['dataset', 'preview', folder, '--out', out],
    ['dataset', 'export', 'frames', folder, '--out', out],
  ]) {
    const { status, stderr } = await rlpd(...parameters);
    assert.equal(status, 2, `${parameters.join(' ')}: ${stderr}`);
    assert.match(
      stderr,
      /^\/proc\/rlpd-pixels cannot be made: \/proc takes no folders\. Choose another place\.$/m,
    );
  }
  const { status, stderr } = await rlpd('render', '--task', 'cartpole-swingup', '--out', folder);
  assert.equal(status, 2, stderr);
  assert.match(stderr, /cannot be used: it is a folder, and a file was expected/);
});
