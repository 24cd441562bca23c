/** `rlpd dataset edit`: what comes out of it, held against the episodes that went in. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';
import { type EpisodeLabel, LABELS_FILE } from '../../datasets/editing/labels.js';
import { writeLabels } from '../../datasets/editing/labelsFile.js';
import { type Episode, episodeReturn } from '../../datasets/episode.js';
import type { DatasetHeader } from '../../datasets/manifest.js';
import { readManifest } from '../../datasets/manifest.js';
import { openDataset } from '../../datasets/reader.js';
import { verifyDataset } from '../../datasets/verify.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { rlpd } from '../scripts/commandLine.js';
import {
  sampleEpisode,
  sampleHeader,
  sideImage,
  temporaryFolder,
  withPlainBytes,
  wristImage,
} from './samples.js';

const images = [sideImage, wristImage];

/** Episode n has 5 + n steps; even ones succeeded; a person took over in those that can be divided by three. */
function numbered(n: number): Episode {
  const length = 5 + n;
  const interventions = Uint8Array.from({ length }, (_, t) => (n % 3 === 0 && t === 1 ? 1 : 0));
  const source = { file: 'source.bin', rows: [100, 100 + length + 1] as const };
  return { ...sampleEpisode(n, length, images), success: n % 2 === 0, interventions, source };
}

async function written(
  folder: string,
  episodes: readonly Episode[],
  changes: Partial<DatasetHeader> = {},
): Promise<string> {
  const writer = await DatasetWriter.create(folder, sampleHeader({ images, ...changes }));
  for (const episode of episodes) await writer.append(episode);
  await writer.close();
  return folder;
}

async function six(
  t: TestContext,
  changes: Partial<DatasetHeader> = {},
): Promise<{ place: string; source: string }> {
  const place = temporaryFolder(t);
  const source = await written(
    join(place, 'source'),
    Array.from({ length: 6 }, (_, n) => numbered(n)),
    changes,
  );
  return { place, source };
}

/** Runs it and reads everything back; what it wrote must be sound. */
async function edit(...args: string[]): Promise<Episode[]> {
  const out = args[args.indexOf('--out') + 1] as string;
  const { status, stderr } = await rlpd('dataset', 'edit', ...args);
  assert.equal(status, 0, stderr);
  return contents(out);
}

async function contents(folder: string): Promise<Episode[]> {
  const { problems } = await verifyDataset(folder);
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'fault'),
    [],
  );
  const episodes: Episode[] = [];
  for await (const episode of (await openDataset(folder)).episodes()) episodes.push(withPlainBytes(episode));
  return episodes;
}

async function refused(...args: string[]): Promise<string> {
  const { status, stderr } = await rlpd('dataset', 'edit', ...args);
  assert.equal(status, 2, stderr);
  return stderr;
}

/** Names and hashes of all files in a folder. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map(
      (path) =>
        `${path.slice(folder.length)} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`,
    )
    .sort();
}

test('episodes are selected by number, return, length, success and intervention', async (t) => {
  const { place, source } = await six(t);
  const before = filesOf(source);
  const returns = Array.from({ length: 6 }, (_, n) => episodeReturn(numbered(n).rewards));
  const middle = [...returns].sort((a, b) => a - b)[3] as number;
  const cases: [flags: string[], expected: number[]][] = [
    [
      ['--episodes', '4,0:2'],
      [0, 1, 4],
    ],
    [
      ['--episodes', '3:'],
      [3, 4, 5],
    ],
    [['--return-min', String(middle)], [0, 1, 2, 3, 4, 5].filter((n) => (returns[n] as number) >= middle)],
    [['--return-max', String(middle)], [0, 1, 2, 3, 4, 5].filter((n) => (returns[n] as number) <= middle)],
    [
      ['--length-min', '7', '--length-max', '9'],
      [2, 3, 4],
    ],
    [
      ['--success', 'no'],
      [1, 3, 5],
    ],
    [
      ['--interventions', 'yes'],
      [0, 3],
    ],
    [
      ['--interventions', 'no', '--success', 'yes'],
      [2, 4],
    ],
  ];
  for (const [number, [flags, expected]] of cases.entries()) {
    const episodes = await edit(source, ...flags, '--out', join(place, `out-${number}`));
    assert.deepEqual(episodes, expected.map(numbered), flags.join(' '));
  }
  assert.deepEqual(filesOf(source), before, 'the source is not changed');
});

test('what is not cut keeps its packed images byte for byte', async (t) => {
  const place = temporaryFolder(t);
  const source = join(place, 'source');
  const writer = await DatasetWriter.create(source, sampleHeader({ images }));
  // Packed as the writer itself would not.
  const quickly = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
  const packed = Object.entries(numbered(2).images).map(
    ([name, pixels]) => [name, brotliCompressSync(pixels, quickly)] as const,
  );
  await writer.append(numbered(2), { codec: 'brotli', images: Object.fromEntries(packed) });
  await writer.close();
  const out = join(place, 'out');
  const [episode] = await edit(source, '--set-success', 'no', '--out', out);
  assert.deepEqual(episode, { ...numbered(2), success: false });
  const copied = (await (await openDataset(out)).packedEpisode(0)).packed.images;
  for (const [name, bytes] of packed) assert.ok(bytes.equals(copied[name] as Uint8Array), name);
});

test('cut ends leave the steps between them, and what they said of the end', async (t) => {
  const { place, source } = await six(t);
  const [whole] = await edit(source, '--episodes', '2', '--cut-start', '2', '--out', join(place, 'start'));
  const { images: pixels, state, actions, rewards, interventions, extra } = numbered(2);
  const bytes = (name: string, first: number, last: number) => {
    const { height, width, channels } = images.find((image) => image.name === name) ?? sideImage;
    return pixels[name]?.slice(first * height * width * channels, (last + 1) * height * width * channels);
  };
  const { success: _, ...cutBoth } = { ...numbered(2) };
  const expected = (first: number, last: number): Episode => ({
    ...cutBoth,
    length: last - first,
    images: Object.fromEntries(images.map(({ name }) => [name, bytes(name, first, last) as Uint8Array])),
    state: state?.slice(first * 4, (last + 1) * 4) as Float32Array,
    actions: actions.slice(first * 2, last * 2),
    rewards: rewards.slice(first, last),
    interventions: interventions?.slice(first, last) as Uint8Array,
    extra: {
      height: extra?.height?.slice(first, last + 1) as Float32Array,
      torque: extra?.torque?.slice(first * 2, last * 2) as Float32Array,
    },
    source: { file: 'source.bin', rows: [100 + first, 100 + last + 1] },
  });
  assert.deepEqual(whole, { ...expected(2, 7), success: true, terminated: true });
  // What was the task's end is gone, and so may be what made it a success.
  const [part] = await edit(source, '--episodes', '2', '--cut-end', '3', '--out', join(place, 'end'));
  assert.deepEqual(part, { ...expected(0, 4), terminated: false, truncated: true });
  const words = await refused(source, '--cut-start', '4', '--cut-end', '2', '--out', join(place, 'none'));
  assert.match(words, /episode 0 \("episode-0"\) has 5 steps, and 6 are to be cut off.*--length-min 7/);
  assert.ok(!existsSync(join(place, 'none')));
});

test('labels cut, say success, choose, and those that still hold go along', async (t) => {
  const { place, source } = await six(t);
  const labels: Record<string, EpisodeLabel> = {
    'episode-1': { quality: 'good', cut: [1, 5], successFrom: 4 },
    'episode-2': { quality: 'bad' },
    'episode-3': { quality: 'good', success: true },
    'episode-4': { success: false },
    'episode-gone': { quality: 'good' },
  };
  await writeLabels(source, labels);
  const good = await edit(
    source,
    '--labels',
    '--marked',
    'good',
    '--reward',
    'sparse',
    '--out',
    join(place, 'good'),
  );
  assert.deepEqual(
    good.map(({ id, length, success, rewards, terminated }) => [
      id,
      length,
      success,
      [...rewards],
      terminated,
    ]),
    [
      ['episode-1', 4, true, [0, 0, 0, 1], true],
      ['episode-3', 8, true, [0, 0, 0, 0, 0, 0, 0, 1], true],
    ],
  );
  const kept = JSON.parse(readFileSync(join(place, 'good', LABELS_FILE), 'utf8'));
  assert.deepEqual(kept.episodes, {
    'episode-1': { quality: 'good', successFrom: 3 },
    'episode-3': { quality: 'good' },
  });
  const failures = await edit(source, '--labels', '--success', 'no', '--out', join(place, 'failures'));
  assert.deepEqual(
    failures.map(({ id }) => id),
    ['episode-4', 'episode-5'],
  );
  assert.match(await refused(source, '--marked', 'good', '--out', join(place, 'x')), /give --labels, too/);
  writeFileSync(
    join(source, LABELS_FILE),
    '{"format":"rlpd-pixels-labels","version":1,"episodes":{"episode-1":{"cut":[0,9]}}}',
  );
  assert.match(
    await refused(source, '--labels', '--out', join(place, 'x')),
    /labels\.json: the label of "episode-1" does not fit it: it is cut at step 9, and has 6/,
  );
  writeFileSync(join(source, LABELS_FILE), '{"episodes":[]}');
  assert.match(
    await refused(source, '--labels', '--out', join(place, 'x')),
    /labels\.json is no file of labels: format/,
  );
});

test('rewards are scaled and shifted step by step, and a dataset of changed rewards says so', async (t) => {
  const { place, source } = await six(t);
  const out = join(place, 'out');
  const flags = ['--reward-scale', '0.5', '--reward-shift', '-1'];
  const episodes = await edit(source, '--episodes', '1', ...flags, '--out', out);
  assert.deepEqual(
    episodes[0]?.rewards,
    numbered(1).rewards.map((reward) => 0.5 * reward - 1),
  );
  assert.equal((await readManifest(out)).provenance.lossy, true);
  const bare = await written(join(place, 'bare'), [sampleEpisode(0, 5, images)]);
  assert.match(
    await refused(bare, '--reward', 'sparse', '--out', join(place, 'x')),
    /bare: episode 0 \("episode-0"\) does not say whether it succeeded/,
  );
});

test('datasets are joined where they mean the same, and refused by name where they do not', async (t) => {
  const { place, source } = await six(t);
  const other = await written(join(place, 'other'), [numbered(0), numbered(9)], { codec: 'raw' });
  const joined = await edit(source, other, '--length-max', '5', '--out', join(place, 'joined'));
  // Both have an episode-0.
  const { id: _, ...first } = numbered(0);
  assert.deepEqual(joined, [
    { ...first, id: 'source/episode-0' },
    { ...first, id: 'other/episode-0' },
  ]);
  const slower = await written(join(place, 'slower'), [numbered(7)], { actionRepeat: 4 });
  assert.match(
    await refused(source, slower, '--out', join(place, 'x')),
    /slower and .*source cannot be one dataset: their action repeat differs \(4, 2\)/,
  );
  assert.match(
    await refused(source, other, '--episodes', '1', '--out', join(place, 'x')),
    /those of one dataset/,
  );
  assert.match(await refused(source, source, '--out', join(place, 'x')), /was given twice/);
});

test('a share is split off by the seed: no episode is lost, or in both parts', async (t) => {
  const { place, source } = await six(t);
  const split = async (name: string, seed: string) => {
    const [out, holdout] = [join(place, name), join(place, `${name}-holdout`)];
    const flags = ['--holdout', holdout, '--holdout-share', '0.34', '--seed', seed];
    const kept = await edit(source, ...flags, '--out', out);
    return [kept, await contents(holdout)].map((part) => part.map(({ id }) => id));
  };
  const [kept = [], heldOut = []] = await split('a', '1');
  assert.equal(heldOut.length, 2);
  assert.deepEqual(
    [...kept, ...heldOut].sort(),
    [0, 1, 2, 3, 4, 5].map((n) => `episode-${n}`),
  );
  const others: unknown[] = [];
  for (const seed of ['2', '3', '4']) others.push((await split(`b${seed}`, seed))[1]);
  assert.ok(others.some((part) => String(part) !== String(heldOut)));
  const flags = ['--holdout', join(place, 'h'), '--holdout-share', '0.01', '--out', join(place, 'x')];
  assert.match(
    await refused(source, ...flags),
    /A share of 0.01 of 6 episodes leaves one of the two parts without any/,
  );
});

test('the same command makes the same bytes; one that fails leaves nothing, and what is there is not written over', async (t) => {
  const { place, source } = await six(t);
  await writeLabels(source, { 'episode-1': { quality: 'good' } });
  const flags = [source, '--labels', '--cut-end', '1', '--reward-shift', '1'];
  await edit(...flags, '--out', join(place, 'one'));
  await edit(...flags, '--out', join(place, 'two'));
  assert.deepEqual(filesOf(join(place, 'two')), filesOf(join(place, 'one')));
  const before = readdirSync(place);
  assert.match(
    await refused(...flags, '--out', join(place, 'one')),
    /one is not empty: a dataset is never changed in place/,
  );
  assert.match(
    await refused(source, '--return-min', '1000', '--out', join(place, 'x')),
    /None of the 6 episodes/,
  );
  assert.match(await refused(source, '--episodes', '6', '--out', join(place, 'x')), /there is no episode 6/);
  const shard = join(source, 'shards', '00000.msgpack');
  const bytes = readFileSync(shard);
  bytes[bytes.length - 60] = (bytes[bytes.length - 60] as number) ^ 1;
  writeFileSync(shard, bytes);
  assert.match(
    await refused(source, '--holdout', join(place, 'y'), '--holdout-share', '0.5', '--out', join(place, 'x')),
    /episode 5 \("episode-5"\) in shard 00000\.msgpack cannot be used/,
  );
  assert.deepEqual(readdirSync(place), before);
});
