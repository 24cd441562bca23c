import assert from 'node:assert/strict';
import { symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConversionSource } from '../../datasets/converters/conversionSource.js';
import { openFrames } from '../../datasets/converters/frames.js';
import { openLerobot } from '../../datasets/converters/lerobot.js';
import { openMinari } from '../../datasets/converters/minari.js';
import { Remarks } from '../../datasets/converters/remarks.js';
import { openRlds } from '../../datasets/converters/rlds.js';
import { openRobomimic } from '../../datasets/converters/robomimic.js';
import { statedAlignment } from '../../datasets/converters/statedConventions.js';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';
import { openZarr } from '../../datasets/converters/zarr.js';
import type { Episode } from '../../datasets/episode.js';
import { InputError } from '../../src/errors.js';
import { type Format, formats, opened, type Recorded, rewardNames } from './recorded.js';
import { convertAll, encodedRows, rejection, temporaryFolder } from './samples.js';
import {
  actions,
  column,
  csv,
  numbered,
  pictures,
  pngs,
  transposed,
  writeFrames,
  writeHdf5,
  writeLerobot,
  writeNpz,
  writeTfRecords,
  writeZarr,
} from './writtenSources.js';

/** As many rows of everything, with reward t + 1 in row t unless others are given. */
function recorded(
  format: Format,
  rows: number,
  columns: Recorded['columns'] = {},
  rewards: readonly number[] = Array.from({ length: rows }, (_, t) => t + 1),
): Recorded {
  return {
    images: pictures(rows),
    actions: actions(rows),
    columns: { [rewardNames[format]]: column(rewards), ...columns },
  };
}

/** 1 in that row. */
const mark = (rows: number, row: number): number[] =>
  Array.from({ length: rows }, (_, t) => Number(t === row));
const only = (episodes: readonly Episode[]): Episode => {
  assert.equal(episodes.length, 1);
  return episodes[0] as Episode;
};
const ends: Record<Format, string> = {
  robomimic: 'dones',
  minari: 'terminations',
  zarr: 'done',
  rlds: 'is_terminal',
  frames: 'terminated',
  lerobot: 'next.done',
};

for (const format of formats) {
  test(`${format}: the reward of the last row is not lost, its image is repeated`, async (t) => {
    const episode = recorded(format, 4, { [ends[format]]: column(mark(4, 3)) }, mark(4, 3));
    const { episodes } = await convertAll(t, await opened(t, format, [episode]));
    const found = only(episodes);
    assert.deepEqual([...found.rewards], [0, 0, 0, 1]);
    assert.deepEqual(encodedRows(found), [0, 1, 2, 3, 3]);
    assert.deepEqual([...found.actions], [...actions(4).data]);
    assert.deepEqual([found.terminated, found.truncated], [true, false]);
  });

  test(`${format}: an end is one as a float, as an integer and as bytes; rows after it are counted`, async (t) => {
    // In RLDS the step that is terminal is the last observation itself.
    const length = format === 'rlds' ? 2 : 3;
    for (const Kind of [Float32Array, Int32Array, Uint8Array, Float64Array]) {
      const episode = recorded(format, 6, { [ends[format]]: column(mark(6, 2), Kind) });
      const { episodes, report } = await convertAll(t, await opened(t, format, [episode]));
      const found = only(episodes);
      assert.deepEqual([found.length, found.terminated], [length, true], Kind.name);
      assert.match(report.problems[0]?.message ?? '', /ends at row 2 of 6, and the [23] rows after/);
    }
  });

  test(`${format}: a column that looks like an end and is not read is named, and so is a discount of 0`, async (t) => {
    for (const name of ['isDone', 'finished', 'episode_end', 'is_over', 'task_completed']) {
      const source = await opened(t, format, [
        recorded(format, 5, { [name]: column(mark(5, 2), Int32Array) }),
      ]);
      const { report } = await convertAll(t, source);
      assert.ok(
        report.notes.some((note) => note.includes(`"${name}" looks like the end`)),
        `${name}: ${report.notes}`,
      );
      const told = await opened(
        t,
        format,
        [recorded(format, 5, { [name]: column(mark(5, 2), Int32Array) })],
        { terminated: name },
      );
      const { episodes, report: read } = await convertAll(t, told);
      assert.equal(only(episodes).terminated, true);
      assert.ok(!read.notes.some((note) => note.includes(name)), `${read.notes}`);
    }
    for (const name of ['discount', 'not_done', 'masks']) {
      const values = mark(5, 2).map((value) => 1 - value);
      const source = await opened(t, format, [recorded(format, 5, { [name]: column(values) })]);
      const { report } = await convertAll(t, source);
      assert.ok(
        report.notes.some((note) => note.includes(`"${name}" is 0 in row 2`)),
        `${name}: ${report.notes}`,
      );
    }
  });

  test(`${format}: a flag that is neither 0 nor 1, or is none, is refused`, async (t) => {
    for (const value of [Number.NaN, 2, 0.5, -1]) {
      const flags = mark(5, 4).map((flag) => flag * value);
      const error = await rejection(
        opened(t, format, [recorded(format, 5, { [ends[format]]: column(flags) })]),
      );
      assert.ok(error instanceof InputError, error.stack);
      assert.match(error.message, new RegExp(`${ends[format].replace('.', '\\.')}.* (holds|is|does not)`));
    }
  });

  test(`${format}: the first episode may be broken, and the others are converted all the same`, async (t) => {
    const whole = recorded(format, 5, { [ends[format]]: column(mark(5, 4)) });
    const broken = recorded(format, 5, { [ends[format]]: column(mark(5, 4).map((flag) => flag * 7)) });
    const { episodes, report } = await convertAll(t, await opened(t, format, [broken, whole]));
    assert.equal(only(episodes).terminated, true);
    assert.match(report.problems[0]?.message ?? '', /holds 7 in row 4; 0 or 1 is expected/);
  });

  test(`${format}: what is asked for and is not there is a sentence that lists what is`, async (t) => {
    for (const options of [
      { success: 'won' },
      { terminated: 'won' },
      { truncated: 'won' },
      { reward: 'won' },
      { actionKeys: ['won'] },
      { cameras: ['won'] },
      { stateKeys: ['won'] },
    ]) {
      const error = await rejection(opened(t, format, [recorded(format, 4)], options));
      assert.ok(error instanceof InputError, error.stack);
      assert.match(error.message, /has no .*"won".*; it has \S/, JSON.stringify(options));
    }
  });
}

// A row of a parquet table has both or neither, and the arrays of a zarr store are held against each other before.
for (const format of ['robomimic', 'minari', 'rlds', 'frames'] as const)
  test(`${format}: fewer images than rows is a sentence with both numbers`, async (t) => {
    const episode = { ...recorded(format, 7), images: pictures(3) };
    const error = await rejection(opened(t, format, [episode]));
    assert.ok(error instanceof InputError, error.stack);
    assert.match(error.message, /\b3\b.*\b7\b/);
  });

test('the other usual names of ends are read in every format whose rows are steps', async (t) => {
  for (const format of formats.filter((format) => format !== 'rlds'))
    for (const [name, isTerminated] of [
      ['terminals', true],
      ['done', true],
      ['dones', true],
      ['terminated', true],
      ['truncated', false],
      ['timeouts', false],
    ] as const) {
      const source = await opened(t, format, [
        recorded(format, 6, { [name]: column(mark(6, 2), Int32Array) }),
      ]);
      const found = only((await convertAll(t, source)).episodes);
      assert.deepEqual(
        [found.length, found.terminated, found.truncated],
        [3, isTerminated, !isTerminated],
        name,
      );
    }
});

test('a lerobot end is one as a bare boolean and as a list of one', async (t) => {
  for (const wrap of [(flag: boolean) => flag, (flag: boolean) => [flag]]) {
    const folder = temporaryFolder(t);
    writeLerobot(folder, [
      {
        'observation.image': { type: 'image', values: await pngs(4) },
        action: { type: 'FLOAT', values: [0.1, 0.2, 0.3, 0.4].map((value) => [value, -value]) },
        'next.reward': { type: 'FLOAT', values: [0, 0, 0, 1] },
        'next.done': { type: 'BOOLEAN', values: mark(4, 3).map((flag) => wrap(flag === 1)) },
        episode_index: { type: 'INT64', values: [0, 0, 0, 0] },
      },
    ]);
    const found = only((await convertAll(t, await openLerobot(folder, {}))).episodes);
    assert.deepEqual([found.length, found.terminated, found.rewards[3]], [4, true, 1]);
  }
});

test('a reward or a flag of two numbers in a row is refused, not read as twice as many rows', async (t) => {
  for (const format of ['robomimic', 'minari', 'zarr'] as const)
    for (const name of [rewardNames[format], ends[format]]) {
      const two = { shape: [5, 2], data: new Float32Array(10) };
      const error = await rejection(opened(t, format, [recorded(format, 5, { [name]: two })]));
      assert.match(error.message, /has 2 numbers in a row; one is expected/, `${format} ${name}`);
    }
});

test('robomimic: next_obs of other rows is a problem, one more row of obs is the last observation', async (t) => {
  const path = join(temporaryFolder(t), 'demo.hdf5');
  const demo = (i: number, after: number, rows: number) => ({
    [`data/demo_${i}/actions`]: actions(4),
    [`data/demo_${i}/rewards`]: column([0, 0, 0, 1]),
    [`data/demo_${i}/obs/front`]: pictures(rows),
    [`data/demo_${i}/next_obs/front`]: {
      ...pictures(after),
      data: pictures(after + 1).data.slice(-pictures(after).data.length),
    },
  });
  await writeHdf5(path, { arrays: { ...demo(0, 2, 4), ...demo(1, 4, 4), ...demo(2, 4, 5) } });
  const { episodes, report } = await convertAll(t, await openRobomimic(path, {}));
  assert.deepEqual(
    episodes.map((episode) => [episode.id, encodedRows(episode)]),
    [
      ['demo_1', [0, 1, 2, 3, 4]],
      ['demo_2', [0, 1, 2, 3, 4]],
    ],
  );
  assert.match(report.problems[0]?.message ?? '', /front has 4 rows, .*in next_obs 2/);
});

test('robomimic says what masks and totals announce, and what is not called a demonstration', async (t) => {
  const path = join(temporaryFolder(t), 'demo.hdf5');
  const demo = (name: string) => ({
    [`data/${name}/actions`]: actions(4),
    [`data/${name}/rewards`]: column([0, 0, 0, 1]),
    [`data/${name}/obs/front`]: pictures(5),
  });
  await writeHdf5(path, {
    arrays: { ...demo('demo_0'), ...demo('demo_1'), ...demo('extra') },
    names: { 'mask/train': ['demo_0', 'demo_9'], 'mask/val': ['demo_1'] },
    attributes: { data: { total: 99 }, 'data/demo_0': { num_samples: 7 } },
  });
  const { episodes, report } = await convertAll(t, await openRobomimic(path, {}));
  assert.equal(only(episodes).id, 'demo_0');
  const said = [...report.notes, ...report.problems.map(({ message }) => message)].join('\n');
  for (const pattern of [
    /Of the splits train \(2\), val \(1\), train alone is converted/,
    /names demo_9, which the file does not have/,
    /announces 99 rows .*12 actions are there/,
    /data\/ holds extra, .* left out/,
    /num_samples is 7, and it has 4 actions/,
  ])
    assert.match(said, pattern);
});

test('robomimic done-modes: success, the end of each demonstration, and both', async (t) => {
  const path = join(temporaryFolder(t), 'demo.hdf5');
  const demo = (i: number, rewards: number[], dones: number[]) => ({
    [`data/demo_${i}/actions`]: actions(4),
    [`data/demo_${i}/rewards`]: column(rewards),
    [`data/demo_${i}/dones`]: column(dones, Int32Array),
    [`data/demo_${i}/obs/front`]: pictures(5),
  });
  await writeHdf5(path, {
    arrays: {
      ...demo(0, [0, 1, 1, 1], [0, 1, 1, 1]),
      ...demo(1, [0, 0, 0, 1], [0, 0, 0, 1]),
      ...demo(2, [0, 0, 0, 0], [0, 0, 0, 1]),
    },
  });
  const { episodes, report } = await convertAll(t, await openRobomimic(path, {}));
  assert.deepEqual(
    episodes.map((e) => [e.length, e.terminated, e.success]),
    [
      [2, true, true],
      [4, true, true],
      [4, false, false],
    ],
  );
  assert.match(report.problems.map(({ message }) => message).join(), /the 2 rows after.*without success/s);
});

test('minari says which episodes and steps its metadata announces and are not there', async (t) => {
  const folder = temporaryFolder(t);
  const episode = (i: number) => ({
    [`episode_${i}/observations`]: pictures(5),
    [`episode_${i}/actions`]: actions(4),
    [`episode_${i}/rewards`]: column([0, 0, 0, 1]),
    [`episode_${i}/terminations`]: column(mark(4, 3)),
  });
  await writeHdf5(join(folder, 'main_data.hdf5'), {
    arrays: { ...episode(0), ...episode(2) },
    attributes: { episode_0: { total_steps: 9 } },
  });
  for (const [total, pattern] of [
    [3, /announces 3 episodes .*2 of 3 are there: episode_1 is missing/],
    [2, /numbered with gaps: episode_1 is missing/],
  ] as const) {
    const metadata = { total_episodes: total, total_steps: 12 };
    writeFileSync(join(folder, 'metadata.json'), JSON.stringify(metadata));
    const { report } = await convertAll(t, await openMinari(folder, {}));
    assert.match(report.notes.join('\n'), pattern);
    assert.match(report.notes.join('\n'), /announces 12 steps .*8 actions are there/);
    assert.match(report.problems[0]?.message ?? '', /total_steps is 9, and it has 4 actions/);
  }
});

/** A lerobot folder of three episodes, 4 rows each. */
async function lerobotFolder(
  folder: string,
  info: Record<string, unknown>,
  columns: (i: number) => Record<string, { type: 'FLOAT' | 'INT64'; values: unknown[] }> = () => ({}),
): Promise<string> {
  const files = await pngs(4);
  const episode = (i: number) => ({
    'observation.image': { type: 'image' as const, values: files },
    action: { type: 'FLOAT' as const, values: [0.1, 0.2, 0.3, 0.4].map((value) => [value, -value]) },
    'next.reward': { type: 'FLOAT' as const, values: [0, 0, 0, 1] },
    'next.done': { type: 'FLOAT' as const, values: [0, 0, 0, 1] },
    episode_index: { type: 'INT64' as const, values: [i, i, i, i] },
    frame_index: { type: 'INT64' as const, values: [0, 1, 2, 3] },
    ...columns(i),
  });
  writeLerobot(folder, [0, 1, 2].map(episode), info);
  return folder;
}

test('lerobot: splits as ranges and as lists are kept apart, others are named', async (t) => {
  for (const [splits, ids, pattern] of [
    [{ train: '0:2', val: '2:3' }, [0, 1], /Of the splits train \(2\), val \(1\)/],
    [{ train: [0, 2], val: [1] }, [0, 2], /Of the splits train \(2\), val \(1\)/],
    [{ train: '0:2' }, [0, 1, 2], /2: episodes that are in none of the splits train .* converted/],
    [{ train: '0%:80%' }, [0, 1, 2], /the split train as "0%:80%", which is not understood/],
  ] as const) {
    const source = await openLerobot(await lerobotFolder(temporaryFolder(t), { splits }), {});
    const { episodes, report } = await convertAll(t, source);
    assert.deepEqual(
      episodes.map(({ id }) => id),
      ids.map((i) => `episode_${i}`),
    );
    assert.match(report.notes.join('\n'), pattern);
  }
});

test('lerobot: what info.json, meta/episodes, frame_index and timestamp say is held against the rows', async (t) => {
  const folder = await lerobotFolder(temporaryFolder(t), { total_episodes: 5, total_frames: 20 }, (i) => ({
    ...(i === 1 && { frame_index: { type: 'INT64', values: [0, 2, 1, 3] } }),
    timestamp: { type: 'FLOAT', values: i === 2 ? [0, 0.1, 0.9, 1] : [0, 0.1, 0.2, 0.3] },
  }));
  const lines = [0, 1, 2, 3].map((i) => JSON.stringify({ episode_index: i, length: i === 0 ? 9 : 4 }));
  writeFileSync(join(folder, 'meta', 'episodes.jsonl'), lines.join('\n'));
  const { episodes, report } = await convertAll(t, await openLerobot(folder, {}));
  assert.deepEqual(
    episodes.map(({ id }) => id),
    ['episode_0', 'episode_2'],
  );
  const said = [...report.notes, ...report.problems.map(({ message }) => message)].join('\n');
  for (const pattern of [
    /announces 5 episodes .*3 of 5 .*3, 4 are missing/,
    /announces 20 frames .*12 rows are there/,
    /announces 4 episodes; of 3 there are no rows/,
    /gives episode 0 9 rows; 4 are there/,
    /frame_index is 2 where 1 is expected, in row 1 of 4/,
    /timestamp goes from 0\.1 to 0\.9 in row 2 of 4, at 10 frames a second/,
  ])
    assert.match(said, pattern);
});

test('lerobot: an episode that is taken up again is refused with both places', async (t) => {
  const folder = await lerobotFolder(temporaryFolder(t), {}, (i) => ({
    episode_index: { type: 'INT64', values: Array(4).fill(i % 2) },
  }));
  const error = await rejection(openLerobot(folder, {}));
  assert.match(
    error.message,
    /episode_index 0 stands twice: .*episode_000000.*again in rows 0 to 3 of .*000002/,
  );
});

test('rlds: splits, shards and first steps are accounted for', async (t) => {
  const folder = temporaryFolder(t);
  const files = await pngs(5);
  const episode = (changes = {}) => ({
    'steps/observation/image': files,
    'steps/action': Float32Array.from(actions(5).data as Float32Array),
    'steps/reward': Float32Array.from([1, 2, 3, 4, 0]),
    'steps/is_last': Int32Array.from(mark(5, 4)),
    ...changes,
  });
  writeTfRecords(join(folder, 'arm-train.tfrecord-00000-of-00003'), [
    episode({ 'steps/is_first': Int32Array.from([1, 0, 1, 0, 0]) }),
    episode({ 'episode_metadata/success': Int32Array.from([1]) }),
    episode({ 'episode_metadata/success': Int32Array.from([0]) }),
    episode({ 'steps/action': new Float32Array(7) }),
  ]);
  writeTfRecords(join(folder, 'arm-val.tfrecord-00000-of-00001'), [episode()]);
  const splits = ['train', 'val', 'test'].map((name) => ({ name, shardLengths: ['5', '5', '5'] }));
  writeFileSync(join(folder, 'dataset_info.json'), JSON.stringify({ splits }));
  const { episodes, report } = await convertAll(t, await openRlds(folder, { reward: 'sparse' }));
  assert.deepEqual(
    episodes.map(({ id, success, rewards }) => [id, success, rewards.at(-1)]),
    [
      ['episode_1', true, 1],
      ['episode_2', false, 0],
    ],
  );
  const said = [...report.notes, ...report.problems.map(({ message }) => message)].join('\n');
  for (const pattern of [
    /Of the splits train \(1\), val \(1\), train alone/,
    /1 of 3 shards of arm-train are there: arm-train\.tfrecord-00001-of-00003 and 1 more/,
    /announces 5 episodes in .*which has 4/,
    /announces the split test, of which there are no files/,
    /is_first is set again in step 2/,
    /has 5 rows for 7 actions/,
  ])
    assert.match(said, pattern);
  writeTfRecords(join(folder, 'arm-train.tfrecord-00000-of-00001'), [episode()]);
  assert.match((await rejection(openRlds(folder, {}))).message, /belong to \d shards and to \d/);
});

test('zarr: ends and chunks that are not whole are refused or named, links that lead nowhere too', async (t) => {
  const store = (change: Record<string, unknown> = {}) => {
    const folder = join(temporaryFolder(t), 'store.zarr');
    writeZarr(folder, {
      'data/img': pictures(9),
      'data/action': actions(9),
      'data/reward': column([1, 2, 3, 4, 5, 6, 7, 8, 9]),
      'meta/episode_ends': column([5, 9], Int32Array),
      ...(change as object),
    });
    return folder;
  };
  for (const [ends, pattern] of [
    [column([5, 3], Int32Array), /says 3 after 5: where episodes end has to grow/],
    [column([5, 5], Int32Array), /says 5 after 5/],
    [column([4.5, 9]), /is not one row of whole numbers/],
    [{ shape: [2, 2], data: Int32Array.from([0, 5, 5, 9]) }, /is not one row of whole numbers/],
    [column([5, 19], Int32Array), /ends the last episode at row 19; the arrays have 9/],
  ] as const)
    assert.match((await rejection(openZarr(store({ 'meta/episode_ends': ends }), {}))).message, pattern);
  const short = store({ 'data/action': actions(7) });
  assert.match((await rejection(openZarr(short, {}))).message, /7 rows of data\/action and 9 of data\/img/);

  const cut = store();
  writeFileSync(join(cut, 'data/img/1.0.0.0'), Buffer.alloc(100));
  const { episodes, report } = await convertAll(t, await openZarr(cut, {}));
  assert.equal(episodes.length, 0);
  assert.match(report.problems[0]?.message ?? '', /its chunk 1\.0\.0\.0 holds 100 numbers, 576 are expected/);

  const lost = store();
  unlinkSync(join(lost, 'data/action/1.0'));
  const { report: noted } = await convertAll(t, await openZarr(lost, {}));
  assert.match(noted.notes.join(), /data\/action lacks its chunk \/data\/action\/1\.0/);

  const ends = store();
  unlinkSync(join(ends, 'meta/episode_ends/0'));
  assert.match((await rejection(openZarr(ends, {}))).message, /episode_ends lacks its chunk/);

  const dead = store();
  symlinkSync('/nowhere', join(dead, 'data/state'));
  assert.match((await rejection(openZarr(dead, {}))).message, /state is a link that leads nowhere/);
});

test('V-D4RL: is_last in the middle, arrays of other lengths and folders of several tasks are accounted for', async (t) => {
  const folder = join(temporaryFolder(t), 'walker_walk/expert/64px');
  const arrays = {
    image: pictures(8),
    action: actions(8),
    reward: column([0, 1, 2, 3, 4, 5, 6, 7]),
    is_last: column(mark(8, 3), Uint8Array),
    goal: column([1, 2, 3]),
    dones: column(mark(8, 3)),
  };
  writeNpz(join(folder, 'a.npz'), arrays);
  const { report } = await convertAll(t, await openVd4rl(folder, {}));
  assert.match(report.problems[0]?.message ?? '', /ends at row 3, and 4 rows follow/);
  assert.match(report.notes.join('\n'), /"dones" looks like the end/);
  assert.match(report.notes.join('\n'), /"goal" has 3 rows for 8 images, and is left out/);
  const fixed = await convertAll(t, await openVd4rl(folder, {}), { onProblem: 'fix' });
  assert.deepEqual(encodedRows(only(fixed.episodes)), [0, 1, 2, 3]);

  const above = join(folder, '../../..');
  writeNpz(join(above, 'cheetah_run/expert/64px/b.npz'), arrays);
  assert.match(
    (await rejection(openVd4rl(above, { task: 'walker-walk' }))).message,
    /several tasks \(cheetah-run, walker-walk\)/,
  );
});

test('V-D4RL of 84 px: arrays of other lengths than the images are refused, not cut', async (t) => {
  const path = join(temporaryFolder(t), 'walker_walk', 'shard.hdf5');
  const arrays = {
    observation: transposed(pictures(6), [0, 3, 1, 2]),
    action: actions(6),
    reward: column([0, 1, 2, 3, 4, 5]),
    step_type: column([0, 1, 1, 1, 1, 2]),
  };
  await writeHdf5(path, { arrays });
  assert.deepEqual(
    encodedRows(only((await convertAll(t, await openVd4rl(path, {}))).episodes)),
    [0, 1, 2, 3, 4, 5],
  );
  const short = join(temporaryFolder(t), 'walker_walk', 'shard.hdf5');
  await writeHdf5(short, { arrays: { ...arrays, step_type: column([0, 1, 1, 2]) } });
  assert.match(
    (await rejection(openVd4rl(short, {}))).message,
    /observation has 6 rows, step_type 4; as many are expected/,
  );
});

test('metadata that are not what they should be are one sentence', async (t) => {
  const lerobot = await lerobotFolder(temporaryFolder(t), { fps: 0, codebase_version: 3 });
  const said = (await rejection(openLerobot(lerobot, {}))).message;
  assert.match(said, /info\.json is not LeRobot's: codebase_version: .*; fps: /);
  assert.ok(!said.includes('\n'), said);
  const store = join(temporaryFolder(t), 'store.zarr');
  const arrays = { 'data/img': pictures(5), 'data/wrist': pictures(5), 'data/action': actions(5) };
  writeZarr(store, { ...arrays, 'meta/episode_ends': column([5], Int32Array) });
  writeFileSync(join(store, 'data/wrist/.zarray'), '{');
  assert.match(
    (await rejection(openZarr(store, {}))).message,
    /data\/wrist cannot be read: its \.zarray is not JSON/,
  );
});

test('a camera that is asked for twice comes once', async (t) => {
  const source = await opened(t, 'minari', [recorded('minari', 4)], { cameras: ['front', 'front'] });
  assert.deepEqual(Object.keys(only((await convertAll(t, source)).episodes).images), ['front']);
});

test('files in capitals are read, hidden ones are not; links that lead nowhere are named', async (t) => {
  const walker = join(temporaryFolder(t), 'walker_walk');
  writeNpz(join(walker, 'A.NPZ'), { image: pictures(4), action: actions(4), reward: column([0, 1, 2, 3]) });
  writeFileSync(join(walker, '._A.NPZ'), 'x');
  assert.equal((await convertAll(t, await openVd4rl(walker, {}))).episodes.length, 1);

  const frames = temporaryFolder(t);
  const files = Object.fromEntries(
    Object.entries(numbered(await pngs(5))).map(([k, v]) => [k.toUpperCase(), v]),
  );
  writeFrames(
    join(frames, 'a'),
    { ...files, '._FRAME_0000.PNG': Buffer.from('x') },
    csv(4, { reward: [1, 2, 3, 4] }),
    'STEPS.CSV',
  );
  assert.equal((await convertAll(t, await openFrames(frames, {}))).episodes.length, 1);
  symlinkSync('/nowhere', join(frames, 'b'));
  assert.match((await rejection(openFrames(frames, {}))).message, /b is a link that leads nowhere/);
  unlinkSync(join(frames, 'b'));
  symlinkSync('/nowhere.png', join(frames, 'a', 'FRAME_0005.PNG'));
  assert.match((await rejection(openFrames(frames, {}))).message, /0005\.PNG is a link that leads nowhere/);

  const demo = temporaryFolder(t);
  symlinkSync('/nowhere', join(demo, 'demo.hdf5'));
  assert.match((await rejection(openRobomimic(demo, {}))).message, /demo\.hdf5 is a link that leads nowhere/);
});

test('an episode that has a camera more than the first is converted without it, and that is said', async (t) => {
  const path = join(temporaryFolder(t), 'demo.hdf5');
  const demo = (i: number) => ({
    [`data/demo_${i}/actions`]: actions(4),
    [`data/demo_${i}/rewards`]: column([0, 0, 0, 1]),
    [`data/demo_${i}/obs/front`]: pictures(5),
  });
  await writeHdf5(path, { arrays: { ...demo(0), ...demo(1), 'data/demo_1/obs/wrist': pictures(5) } });
  const { episodes, report } = await convertAll(t, await openRobomimic(path, {}));
  assert.equal(episodes.length, 2);
  assert.match(report.notes.join(), /demo_1 has images that the first episode has not.*: wrist/);
});

test('two episodes of one name are refused rather than the second taken for the first', async (t) => {
  const source = await opened(t, 'robomimic', [recorded('robomimic', 4), recorded('robomimic', 5)]);
  const [first] = source.units;
  const twice = { ...source, units: [first, first], close: () => source.close() } as ConversionSource;
  assert.match((await rejection(convertAll(t, twice))).message, /two episodes are called "demo_0"/);
});

test('a range of episodes beyond the last one is said, not an empty dataset in silence', async (t) => {
  const source = await opened(t, 'robomimic', [recorded('robomimic', 4)]);
  const { report } = await convertAll(t, source, { episodes: [5, 9] });
  assert.equal(report.episodes, 0);
  assert.match(report.notes.join(), /has 1 episodes, numbered from 0 on: none is within --episodes/);
});

test("a source's own attributes say which action led to which image, in every format that has some", async (t) => {
  const led = 'action t is what led to image t';
  const hdf5 = async (
    arrays: Record<string, Parameters<typeof transposed>[0]>,
    path: string,
    owner: string,
  ) => {
    await writeHdf5(path, { arrays, attributes: { [owner]: { convention: led } } });
    return path;
  };
  const robomimic = await hdf5(
    {
      'data/demo_0/actions': actions(4),
      'data/demo_0/rewards': column([0, 1, 2, 3]),
      'data/demo_0/obs/front': pictures(4),
    },
    join(temporaryFolder(t), 'demo.hdf5'),
    'data',
  );
  const minari = await hdf5(
    {
      'episode_0/actions': actions(4),
      'episode_0/rewards': column([0, 1, 2, 3]),
      'episode_0/observations': pictures(4),
    },
    join(temporaryFolder(t), 'main_data.hdf5'),
    'episode_0',
  );
  const zarr = join(temporaryFolder(t), 'store.zarr');
  writeZarr(
    zarr,
    {
      'data/img': pictures(4),
      'data/action': actions(4),
      'data/reward': column([0, 1, 2, 3]),
      'meta/episode_ends': column([4], Int32Array),
    },
    { attributes: { 'data/img': { alignment: led } } },
  );
  const lerobot = await lerobotFolder(temporaryFolder(t), { action_convention: led });
  for (const source of [
    openRobomimic(robomimic, {}),
    openMinari(minari, {}),
    openZarr(zarr, {}),
    openLerobot(lerobot, {}),
  ]) {
    const { episodes, report } = await convertAll(t, await source);
    assert.equal(episodes[0]?.length, 3);
    assert.match(report.notes.join(), /read as --alignment led/);
  }
  assert.deepEqual(
    [...((await convertAll(t, await openZarr(zarr, {}))).episodes[0]?.rewards ?? [])],
    [1, 2, 3],
  );
});

test('NaN is no success', async (t) => {
  const success = column([0, Number.NaN, 0, 0]);
  const recording = recorded('robomimic', 4);
  const source = await opened(t, 'robomimic', [
    recorded('robomimic', 4),
    { ...recording, columns: { ...recording.columns, success } },
  ]);
  const { report } = await convertAll(t, source);
  assert.match(report.problems[0]?.message ?? '', /success holds NaN in row 1/);
});

test('an attribute that may mean either is not taken for one of them, and the next one is looked at', () => {
  const read = (...texts: string[]) => {
    const remarks = new Remarks();
    const attributes = texts.map((alignment) => ({ alignment }));
    return [statedAlignment(attributes, remarks), remarks.sentences.length];
  };
  assert.deepEqual(read('image[t] was seen after action[t-1]'), [null, 1]);
  assert.deepEqual(read('image t is the result of action t-1'), [null, 1]);
  assert.deepEqual(read('row t holds image[t] and action[t-1]'), ['led', 1]);
  assert.deepEqual(read('the action led to the image of its row'), ['led', 1]);
  assert.deepEqual(read('action[t] leads to image[t+1]'), ['chosen', 1]);
  assert.deepEqual(read('absolute', 'the action was chosen on seeing the image'), ['chosen', 2]);
});

test('a folder in which nothing can be read says so of every format', async (t) => {
  const empty = temporaryFolder(t);
  writeFileSync(join(empty, 'readme.txt'), 'x');
  for (const open of [openFrames, openLerobot, openMinari, openRlds, openRobomimic, openZarr])
    assert.ok((await rejection(open(empty, {}))) instanceof InputError);
});

for (const format of formats)
  test(`${format}: rewards that are no numbers tell of no success, unless it is said`, async (t) => {
    const bad = Number.NaN;
    const episodes = [recorded(format, 4, {}, [bad, bad, bad, bad])];
    const { report } = await convertAll(t, await opened(t, format, episodes, { reward: 'sparse' }));
    assert.deepEqual([report.episodes, report.leftOut], [0, 1]);
    const [problem] = report.problems;
    assert.equal(problem?.kind, 'not-finite');
    assert.match(problem?.message ?? '', /holds NaN in row 0 and does not tell .*--success all/);
    const said = await opened(t, format, episodes, { reward: 'sparse', success: 'all' });
    const { episodes: kept } = await convertAll(t, said);
    assert.equal(kept[0]?.rewards.at(-1), 1);
  });

test('lerobot: a cell without a number is not read as 0, and an empty picture is no end of the conversion', async (t) => {
  const folderOf = async (changes: Record<string, unknown>) => {
    const folder = temporaryFolder(t);
    const episode = async (index: number) => ({
      'observation.image': { type: 'image', values: await pngs(4) },
      action: { type: 'FLOAT', values: [0.1, 0.2, 0.3, 0.4].map((value) => [value, -value]) },
      'next.reward': { type: 'FLOAT', values: [0, 0, 0, 1] },
      episode_index: { type: 'INT64', values: new Array<number>(4).fill(index) },
      frame_index: { type: 'INT64', values: [0, 1, 2, 3] },
    });
    const first = await episode(0);
    const damaged = Object.entries(changes).map(([key, value]) => {
      const column = first[key as keyof typeof first];
      const values: unknown[] = [...column.values];
      values[2] = value;
      return [key, { ...column, values }] as const;
    });
    writeLerobot(folder, [{ ...first, ...Object.fromEntries(damaged) }, await episode(1)] as Parameters<
      typeof writeLerobot
    >[1]);
    return folder;
  };
  for (const [changes, message] of [
    [{ action: [0.3, null] }, /action of row 2 holds null; numbers are expected/],
    [{ 'next.reward': null }, /next\.reward of row 2 holds null; numbers are expected/],
    [{ 'next.reward': Number.NaN }, /^rewards holds NaN at step 2/],
    [{ frame_index: null }, /frame_index is null where 2 is expected/],
    [{ 'observation.image': new Uint8Array() }, /of row 2 is empty: a picture was expected/],
  ] as const) {
    const { report } = await convertAll(t, await openLerobot(await folderOf(changes), {}));
    assert.deepEqual([report.episodes, report.leftOut], [1, 1], `${message}`);
    assert.match(report.problems[0]?.message ?? '', message);
  }
  assert.match(
    (await rejection(openLerobot(await folderOf({ episode_index: null }), {}))).message,
    /episode_index of row 2 is not a number/,
  );
});

test('an action that is no number is said once, and no range is asked for', async (t) => {
  const rows = 4;
  const bad = actions(rows);
  bad.data[2] = Number.NaN;
  const episode = { ...recorded('robomimic', rows), actions: bad };
  const { report } = await convertAll(t, await opened(t, 'robomimic', [episode]));
  assert.deepEqual(
    report.problems.map(({ kind }) => kind),
    ['not-finite'],
  );
});
