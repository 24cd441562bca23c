import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openMinari } from '../../datasets/converters/minari.js';
import type { OpenOptions } from '../../datasets/converters/openOptions.js';
import { openRobomimic } from '../../datasets/converters/robomimic.js';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';
import { readManifest } from '../../datasets/manifest.js';
import { InputError } from '../../src/errors.js';
import { formats, opened, rewardNames } from './recorded.js';
import { convertAll, rejection, temporaryFolder } from './samples.js';
import { actions, type Block, column, pictures, writeHdf5, writeNpz } from './writtenSources.js';

const ROWS = 4;
const rewards = column([1, 1, 1, 1]);

for (const format of formats) {
  const episode = (block: Block) => ({
    images: pictures(ROWS + (format === 'lerobot' || format === 'zarr' || format === 'rlds' ? 0 : 1)),
    actions: block,
    columns: { [rewardNames[format]]: rewards },
  });

  test(`${format}: whole numbers are refused as discrete actions, one in a row or several`, async (t) => {
    const error = await rejection(
      opened(t, format, [episode({ shape: [ROWS, 1], data: Int32Array.from([0, 1, 2, 1]) })]),
    );
    assert.ok(error instanceof InputError, error.stack);
    assert.match(error.message, /whole numbers alone, which are discrete actions/);
    const two: Block = { shape: [ROWS, 2], data: Int32Array.from([0, 1, 1, 0, 1, 1, 0, 0]) };
    assert.match(
      (await rejection(opened(t, format, [episode(two)]))).message,
      /discrete actions; .*If they are quantities, say --action actions?\./,
    );
    const { episodes } = await convertAll(
      t,
      await opened(t, format, [episode(two)], { actionKeys: ['action'] }).catch(() =>
        opened(t, format, [episode(two)], { actionKeys: ['actions'] }),
      ),
    );
    assert.equal(episodes.length, 1);
  });

  test(`${format}: a range for each dimension, one for all, and that of the data`, async (t) => {
    const block: Block = { shape: [ROWS, 2], data: Float32Array.from([0, 10, 1, 20, 2, 30, 0.5, 20]) };
    const last = (values: ArrayLike<number>) => Array.from(values).slice(0, 6);
    for (const [actionRange, expected] of [
      [
        [
          [0, 2],
          [10, 30],
        ],
        [-1, -1, 0, 0, 1, 1],
      ],
      [[[-50, 50]], [0, 0.2, 0.02, 0.4, 0.04, 0.6]],
      ['data', [-1, -1, 0, 0, 1, 1]],
    ] as const) {
      const { episodes, out } = await convertAll(t, await opened(t, format, [episode(block)]), {
        actionRange,
      });
      const found = last(episodes[0]?.actions ?? []);
      for (const [i, value] of expected.entries())
        assert.ok(Math.abs(value - (found[i] ?? 9)) < 1e-6, `${found}`);
      assert.equal((await readManifest(out)).provenance.lossy, true);
    }
    const source = await opened(t, format, [episode(block)]);
    const wrong = convertAll(t, source, {
      actionRange: [
        [0, 1],
        [0, 1],
        [0, 1],
      ],
    });
    assert.match((await rejection(wrong)).message, /has 3 ranges for 2 numbers of an action/);
  });

  test(`${format}: numbers beyond the range are clipped with a note, without a range the way out is named`, async (t) => {
    const block: Block = { shape: [ROWS, 2], data: Float32Array.from([0, 3, 0.5, -0.5, -7, 0, 0, 0]) };
    const { episodes, report } = await convertAll(t, await opened(t, format, [episode(block)]), {
      actionRange: [[-1, 1]],
    });
    assert.deepEqual([...(episodes[0]?.actions ?? [])].slice(0, 6), [0, 1, 0.5, -0.5, -1, 0]);
    assert.match(
      report.problems[0]?.message ?? '',
      /2 numbers of its actions lie beyond the box \(up to 7\.00 /,
    );
    const { report: without } = await convertAll(t, await opened(t, format, [episode(block)]));
    assert.match(without.problems[0]?.message ?? '', /holds 3, outside .* Say --action-range LOW:HIGH/);
  });
}

/** A folder of one episode with these actions, and what metadata.json says. */
async function minari(
  folder: string,
  blocks: Readonly<Record<string, Block>>,
  space: string,
): Promise<string> {
  const named = Object.entries(blocks).map(([key, block]) => [`episode_0/${key}`, block]);
  await writeHdf5(join(folder, 'main_data.hdf5'), {
    arrays: {
      'episode_0/observations': pictures(ROWS + 1),
      'episode_0/rewards': rewards,
      ...Object.fromEntries(named),
    },
  });
  writeFileSync(join(folder, 'metadata.json'), JSON.stringify({ action_space: space }));
  return folder;
}

const two: Block = { shape: [ROWS, 2], data: Float32Array.from([1, -1, 2, -2, 0, 0, 1, 1]) };
const one: Block = { shape: [ROWS, 1], data: Float32Array.from([0, 0.5, 1, 0]) };
const whole: Block = { shape: [ROWS, 1], data: Int32Array.from([0, 10, 5, 2]) };
const box = (low: unknown, high: unknown, size: number) => ({ type: 'Box', shape: [size], low, high });

test('minari: a box of any writing is the range of the actions', async (t) => {
  const parts = { 'actions/arm': two, 'actions/grip': one };
  const dict = { type: 'Dict', subspaces: { arm: box([-2, -2], [2, 2], 2), grip: box([0], [1], 1) } };
  const tuple = { type: 'Tuple', subspaces: [dict.subspaces.arm, dict.subspaces.grip] };
  const cases: [Record<string, Block>, unknown, OpenOptions, number[]][] = [
    [{ actions: two }, box(-2, 2, 2), {}, [0.5, -0.5, 1, -1]],
    [{ actions: two }, box([-4, -2], [4, 2], 2), {}, [0.25, -0.5, 0.5, -1]],
    [{ actions: whole }, box([0], [10], 1), {}, [-1, 1, 0]],
    [parts, dict, { actionKeys: ['arm', 'grip'] }, [0.5, -0.5, -1, 1, -1, 0]],
    [parts, dict, { actionKeys: ['actions/grip', 'actions/arm'] }, [-1, 0.5, -0.5, 0, 1, -1]],
    [
      { 'actions/_index_0': two, 'actions/_index_1': one },
      tuple,
      { actionKeys: ['_index_0', '_index_1'] },
      [0.5, -0.5, -1],
    ],
  ];
  for (const [blocks, space, options, expected] of cases) {
    const folder = await minari(temporaryFolder(t), blocks, JSON.stringify(space));
    const { episodes } = await convertAll(t, await openMinari(folder, options));
    assert.deepEqual(
      [...(episodes[0]?.actions ?? [])].slice(0, expected.length),
      expected,
      JSON.stringify(space),
    );
  }
});

test('minari: a box without bounds is said, as JSON and as Python writes it', async (t) => {
  for (const space of [
    JSON.stringify(box(['-inf', '-1'], ['inf', '1'], 2)),
    '{"type": "Box", "shape": [2], "low": [-Infinity, -Infinity], "high": [Infinity, Infinity], "note": "to Infinity"}',
    JSON.stringify(box([null, -1], [null, 1], 2)),
  ]) {
    const folder = await minari(temporaryFolder(t), { actions: actions(ROWS) }, space);
    const { report, episodes } = await convertAll(t, await openMinari(folder, {}));
    assert.match(report.notes.join(), /has no bounds: actions are taken for numbers in \[−1, 1\]/);
    assert.deepEqual([...(episodes[0]?.actions ?? [])], [...actions(ROWS).data]);
  }
  const broken = await minari(temporaryFolder(t), { actions: two }, '{"type": ');
  assert.match(
    (await rejection(openMinari(broken, {}))).message,
    /^metadata\.json cannot be read: action_space: it is not JSON\.$/,
  );
});

test('minari: spaces of choices are refused by name, also as a part', async (t) => {
  for (const [space, pattern] of [
    [{ type: 'Discrete', n: 3 }, /discrete actions \(Discrete\(3\)\)/],
    [{ type: 'MultiDiscrete', nvec: [3, 2] }, /discrete actions \(MultiDiscrete\(\[3,2\]\)\)/],
    [{ type: 'MultiBinary', n: 2 }, /discrete actions \(MultiBinary\(2\)\)/],
  ] as const) {
    const folder = await minari(temporaryFolder(t), { actions: whole }, JSON.stringify(space));
    assert.match((await rejection(openMinari(folder, {}))).message, pattern);
  }
  const dict = { type: 'Dict', subspaces: { arm: box(-2, 2, 2), grip: { type: 'Discrete', n: 11 } } };
  const folder = await minari(
    temporaryFolder(t),
    { 'actions/arm': two, 'actions/grip': whole },
    JSON.stringify(dict),
  );
  assert.match((await rejection(openMinari(folder, {}))).message, /in parts, arm, grip: .*--action arm,grip/);
  assert.match(
    (await rejection(openMinari(folder, { actionKeys: ['arm', 'grip'] }))).message,
    /grip holds whole numbers/,
  );
});

test('a part may be asked for by its own name where only one array ends in it', async (t) => {
  const path = join(temporaryFolder(t), 'demo.hdf5');
  await writeHdf5(path, {
    arrays: {
      'data/demo_0/actions': actions(ROWS),
      'data/demo_0/action_dict/pos': one,
      'data/demo_0/other/pos2': one,
      'data/demo_0/rewards': rewards,
      'data/demo_0/obs/front': pictures(ROWS + 1),
    },
  });
  const { episodes } = await convertAll(t, await openRobomimic(path, { actionKeys: ['pos'] }));
  assert.deepEqual([...(episodes[0]?.actions ?? [])], [...one.data]);
});

test('V-D4RL actions of whole numbers are refused as discrete', async (t) => {
  const folder = join(temporaryFolder(t), 'walker_walk');
  writeNpz(join(folder, 'a.npz'), { image: pictures(ROWS), action: whole, reward: rewards });
  assert.match((await rejection(openVd4rl(folder, {}))).message, /whole numbers alone .*discrete actions/);
});
