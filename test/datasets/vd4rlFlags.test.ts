import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';
import { convertAll, rejection, temporaryFolder } from './samples.js';
import { actions, column, pictures, transposed, writeHdf5, writeNpz } from './writtenSources.js';

const options = { task: 'walker-walk' };

test('a flag of V-D4RL that is neither 0 nor 1, and a discount that is no number, are named and end nothing', async (t) => {
  const rows = 6;
  const flags = { discount: [1, 1, 1, 1, 1, 1], is_first: [1, 0, 0, 0, 0, 0], is_last: [0, 0, 0, 0, 0, 1] };
  for (const [changes, message] of [
    [{ is_last: [0, 0, 0, Number.NaN, 0, 1] }, /is_last holds NaN in row 3; 0 or 1 is expected/],
    [{ is_first: [1, 0, 0, 2, 0, 0] }, /is_first holds 2 in row 3; 0 or 1 is expected/],
    [{ discount: [1, 1, 1, 1, 1, Number.NaN] }, /discount holds NaN in row 5; a number is expected/],
  ] as const) {
    const folder = temporaryFolder(t);
    for (const [file, own] of Object.entries({ 'a.npz': {}, 'b.npz': changes }))
      writeNpz(join(folder, file), {
        image: pictures(rows),
        action: actions(rows),
        reward: column([0, 1, 2, 3, 4, 5]),
        ...Object.fromEntries(Object.entries({ ...flags, ...own }).map(([key, row]) => [key, column(row)])),
      });
    const { report } = await convertAll(t, await openVd4rl(folder, options));
    assert.deepEqual([report.episodes, report.leftOut], [1, 1], `${message}`);
    assert.match(report.problems.map((problem) => problem.message).join(), message);
  }
});

test('a step_type of V-D4RL that is none, and a last discount that is no number, are named', async (t) => {
  const write = async (changes: Readonly<Record<string, readonly number[]>>) => {
    const path = join(temporaryFolder(t), 'a.hdf5');
    const columns = {
      reward: [0, 1, 2, 3, 4, 5],
      discount: [1, 1, 1, 1, 1, 1],
      step_type: [0, 1, 2, 0, 1, 2],
      ...changes,
    };
    await writeHdf5(path, {
      arrays: {
        observation: transposed(pictures(6), [0, 3, 1, 2]),
        action: actions(6),
        ...Object.fromEntries(Object.entries(columns).map(([key, values]) => [key, column(values)])),
      },
    });
    return path;
  };
  for (const strange of [3, Number.NaN, 0.5])
    assert.match(
      (await rejection(openVd4rl(await write({ step_type: [0, 1, 2, 0, strange, 2] }), options))).message,
      new RegExp(`step_type holds ${strange} in row 4; 0 \\(first\\), 1 \\(mid\\) or 2 \\(last\\)`),
    );
  const discount = [1, 1, Number.NaN, 1, 1, 0];
  const { report, episodes } = await convertAll(t, await openVd4rl(await write({ discount }), options));
  assert.match(
    report.problems[0]?.message ?? '',
    /discount holds NaN in its last row: 0, where the task ended/,
  );
  assert.deepEqual(
    episodes.map(({ terminated }) => terminated),
    [true],
  );
});
