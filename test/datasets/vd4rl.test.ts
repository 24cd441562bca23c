import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ConversionOptions } from '../../datasets/converters/conversion.js';
import type { OpenOptions } from '../../datasets/converters/openOptions.js';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';
import type { Episode } from '../../datasets/episode.js';
import { readManifest } from '../../datasets/manifest.js';
import { openDataset } from '../../datasets/reader.js';
import { verifyDataset } from '../../datasets/verify.js';
import { InputError } from '../../src/errors.js';
import {
  assertEncodedRows,
  type Converted,
  convertAll,
  golden,
  onlyImage,
  rejection,
  temporaryFolder,
} from './samples.js';

const source = join(golden, 'vd4rl');

async function convertSample(
  t: TestContext,
  name: string,
  options: Partial<ConversionOptions> = {},
  opening: OpenOptions = { task: 'walker-walk' },
): Promise<Converted> {
  return convertAll(t, await openVd4rl(join(source, name), opening), options);
}

test('an action stands beside the image it was chosen on, a reward beside the step that earned it', async (t) => {
  const { out, report, episodes } = await convertSample(t, 'walker_walk/expert/64px', {}, {});
  assert.equal(report.task, 'walker-walk');
  assert.deepEqual(
    episodes.map((e) => [e.id, e.length, e.terminated, e.truncated]),
    [
      ['20210901T000000-a-11', 11, false, true],
      ['20210901T000001-b-12', 11, false, true],
    ],
  );
  for (const episode of episodes) assertEncodedRows(episode);
  const manifest = await readManifest(out);
  assert.equal(manifest.actionRepeat, 2);
  assert.equal(manifest.controlTimestep, 0.025);
  assert.deepEqual(manifest.images, [{ name: 'side', height: 8, width: 8, channels: 3 }]);
  assert.equal(manifest.complete, true);
  assert.equal(manifest.provenance.lossy, false);
  assert.equal(manifest.provenance.details.level, 'expert');
  assert.deepEqual(
    manifest.provenance.files.map((file) => file.bytes),
    [1721, 1721],
  );
  assert.deepEqual(episodes[0]?.source, { file: '20210901T000000-a-11.npz', rows: [0, 12] });
  assert.deepEqual(await verifyDataset(out), {
    ok: true,
    problems: [
      {
        shard: '00000.msgpack',
        episode: '20210901T000001-b-12',
        kind: 'duplicate-episode',
        severity: 'suspicion',
        message: 'It has the same actions and rewards as "20210901T000000-a-11".',
      },
    ],
  });
});

test('float64 rewards, a missing discount and further arrays are taken as they are', async (t) => {
  const { episodes } = await convertSample(t, 'extra');
  const [episode] = episodes;
  assert.ok(episode);
  assertEncodedRows(episode);
  assert.deepEqual([...(episode.extra?.height ?? [])], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(episode.extra?.orientations?.length, 30);
  assert.equal(episode.state, undefined);
});

test('--state joins arrays in the order asked for', async (t) => {
  const { out, episodes } = await convertSample(
    t,
    'extra',
    {},
    { task: 'walker-walk', stateKeys: ['orientations', 'height'] },
  );
  assert.equal((await readManifest(out)).stateSize, 4);
  assert.deepEqual([...(episodes[0]?.state?.subarray(0, 8) ?? [])], [0, 1, 2, 0, 3, 4, 5, 1]);
  assert.equal(episodes[0]?.extra, undefined);
});

test('a row of flags more than images is reported and does no harm', async (t) => {
  const { report, episodes } = await convertSample(t, 'short', { onProblem: 'stop' });
  assert.equal(episodes[0]?.length, 8);
  assertEncodedRows(episodes[0] as Episode);
  assert.ok(report.problems.every((problem) => problem.kind === 'flags' && problem.action === 'kept'));
  assert.equal(report.problems.length, 4);
});

test('in an old file a discount of zero is the terminal', async (t) => {
  const { episodes } = await convertSample(t, 'old');
  assert.deepEqual([episodes[0]?.terminated, episodes[0]?.truncated], [true, false]);
});

test('arrays that are stored without compression are read too', async (t) => {
  const { episodes } = await convertSample(t, 'stored');
  assert.deepEqual([...(episodes[0]?.actions ?? [])], [1 / 16, 2 / 16, 3 / 16, 4 / 16]);
});

test('two episodes in one file are told apart, and no step leads from one to the other', async (t) => {
  const { episodes } = await convertSample(t, 'two');
  assert.deepEqual(
    episodes.map((e) => [e.id, e.length, e.terminated, e.source?.rows]),
    [
      ['episode-9', 3, true, [0, 4]],
      ['episode-9#1', 4, false, [4, 9]],
    ],
  );
  assertEncodedRows(episodes[0] as Episode);
  assertEncodedRows(episodes[1] as Episode, 4);
});

test('quarantine leaves out what has faults and says why', async (t) => {
  const { out, report, episodes } = await convertSample(t, 'bad');
  assert.deepEqual(
    episodes.map((e) => e.id),
    ['f-good'],
  );
  assert.deepEqual(
    report.problems.map((problem) => [problem.episode, problem.kind, problem.action]),
    [
      ['a-action', 'action-range', 'left out'],
      ['b-reward', 'not-finite', 'left out'],
      ['c-length', 'length', 'left out'],
      ['d-black', 'constant-images', 'left out'],
      ['e-objects', 'unreadable', 'left out'],
    ],
  );
  assert.match(report.problems[4]?.message ?? '', /discount\.npy: it holds pickled Python objects/);
  assert.equal(JSON.parse(readFileSync(join(out, 'conversion.json'), 'utf8')).leftOut, 5);
});

test('fix clips actions and cuts at what cannot be used, and the dataset says that it was altered', async (t) => {
  const { out, report, episodes } = await convertSample(t, 'bad', { onProblem: 'fix' });
  assert.deepEqual(
    episodes.map((e) => [e.id, e.length, e.truncated]),
    [
      ['a-action', 7, true],
      ['b-reward', 3, true],
      ['c-length', 6, true],
      ['f-good', 7, true],
    ],
  );
  assert.equal(episodes[0]?.actions[9], 1);
  assertEncodedRows(episodes[1] as Episode);
  assertEncodedRows(episodes[2] as Episode);
  assert.equal(report.leftOut, 2);
  assert.equal((await readManifest(out)).provenance.lossy, true);
  assert.equal((await verifyDataset(out)).ok, true);
});

test('stop ends at the first fault with a sentence', async (t) => {
  const error = await rejection(convertSample(t, 'bad', { onProblem: 'stop' }));
  assert.ok(error instanceof InputError);
  assert.match(
    error.message,
    /^a-action: The action at step 4 holds 1\.25, outside \[−1, 1\]\. Say --action-range .* Use --on-problem/,
  );
});

test('a range of episodes, a smallest return and another image size are kept to', async (t) => {
  const range = await convertSample(t, 'bad', { episodes: [5, 9] });
  assert.deepEqual([range.report.episodes, range.report.leftOut], [1, 0]);
  const filtered = await convertSample(t, 'two', { returnMin: 2 });
  assert.deepEqual([filtered.report.episodes, filtered.report.filtered], [1, 1]);
  assert.deepEqual(
    filtered.episodes.map((e) => e.id),
    ['episode-9#1'],
  );
  const resized = await convertSample(t, 'two', {}, { task: 'walker-walk', pictures: { imageSize: 4 } });
  assert.equal(onlyImage(resized.episodes[0] as Episode).length, 4 * 4 * 4 * 3);
  assert.equal((await readManifest(resized.out)).provenance.lossy, true);
});

test('a dry run checks everything and writes nothing', async (t) => {
  const out = join(temporaryFolder(t), 'out');
  const { report } = await convertSample(t, 'bad', { dryRun: true, out });
  assert.deepEqual([report.episodes, report.leftOut, report.bytes], [1, 5, 8 * 8 * 8 * 3]);
  assert.match((await rejection(openDataset(out))).message, /is not a dataset/);
});

test('the same command again changes nothing; another into the same folder is refused', async (t) => {
  const { out, report } = await convertSample(t, 'two');
  const before = readFileSync(join(out, 'manifest.json'), 'utf8');
  assert.deepEqual((await convertSample(t, 'two', { out })).report, report);
  assert.equal(readFileSync(join(out, 'manifest.json'), 'utf8'), before);
  const error = await rejection(convertSample(t, 'two', { out, command: { format: 'other' } }));
  assert.match(error.message, /already holds a dataset that was not made by this command/);
});

test('sources that are not there, empty, of no known task or not npz are sentences', async (t) => {
  const folder = temporaryFolder(t);
  assert.match((await rejection(openVd4rl(join(folder, 'no'), {}))).message, /does not exist/);
  assert.match((await rejection(openVd4rl(folder, {}))).message, /has no \.npz/);
  assert.match((await rejection(openVd4rl(join(source, 'two'), {}))).message, /--task/);
  mkdirSync(join(folder, 'x'));
  copyFileSync(join(golden, 'write_vd4rl_npz.py'), join(folder, 'x', 'a.npz'));
  const error = await rejection(openVd4rl(join(folder, 'x'), { task: 'walker-walk' }));
  assert.ok(error instanceof InputError);
  assert.match(error.message, /a\.npz cannot be read: it is not a zip archive/);
});
