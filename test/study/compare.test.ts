import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ComparedRun, compareRuns, readComparedRun } from '../../src/study/compare.js';
import type { RunConfig } from '../../src/training/config.js';
import type { MetricsLine } from '../../src/training/metrics.js';
import { rlpd } from '../scripts/commandLine.js';
import { smallConfig, temporaryFolder } from '../training/smallRun.js';

function evaluation(envFrames: number, mean: number, seconds?: number): MetricsLine {
  const counters = { envFrames, agentSteps: envFrames / 8, updates: envFrames / 8, episodes: 0 };
  const scores = {
    returns: [mean],
    mean,
    std: 0,
    iqm: mean,
    ci95: [mean, mean],
    length: 125,
    invalid: 0,
  } as const;
  return { kind: 'evaluation', ...counters, ...(seconds !== undefined && { seconds }), ...scores };
}

/** A run whose evaluations, 800 env frames apart, had these means. */
function run(
  folder: string,
  settings: Readonly<Record<string, unknown>>,
  means: readonly number[],
): ComparedRun {
  const config: RunConfig = smallConfig(settings);
  return { folder, config, metrics: means.map((mean, i) => evaluation(800 * i, mean)) };
}

const withData = { offlineMode: 'symmetric', dataset: ['data/expert'] };

test('runs are grouped by the settings that differ, and a group’s numbers are means over its seeds', () => {
  const { charts, notes } = compareRuns(
    [
      run('a', { ...withData, offlineShare: 0.25, seed: 0 }, [0, 90, 10]),
      run('b', { ...withData, offlineShare: 0.5, seed: 0 }, [0, 20, 40]),
      run('c', { ...withData, offlineShare: 0.25, seed: 1 }, [0, 10, 30]),
    ],
    'envFrames',
  );
  assert.deepEqual(notes, []);
  assert.equal(charts.length, 1);
  const groups = charts[0]?.groups.map(({ name, runs, last, best }) => ({
    name,
    folders: runs.map(({ folder }) => folder),
    at: last.envFrames,
    last: last.value,
    interval: last.interval,
    best: best.value,
  }));
  assert.deepEqual(groups, [
    // Of two seeds, resampling gives 10, 20 or 30.
    { name: 'offlineShare 0.25', folders: ['a', 'c'], at: 1600, last: 20, interval: [10, 30], best: 60 },
    { name: 'offlineShare 0.5', folders: ['b'], at: 1600, last: 40, interval: undefined, best: 40 },
  ]);
  assert.match(charts[0]?.svg ?? '', /offlineShare 0\.25 \(2 seeds\)/);
});

test('settings that only say how long, how often or where a run computes make no group; precision does', () => {
  const grouped = compareRuns(
    [
      run('a', { seed: 0 }, [0, 1]),
      run('b', { seed: 1, envFrames: 4800, threads: 1, backend: 'wasm', evaluationEpisodes: 5 }, [0, 3]),
    ],
    'envFrames',
  );
  assert.deepEqual(
    grouped.charts[0]?.groups.map(({ name, last }) => [name, last.value]),
    [['rlpd', 2]],
  );
  const apart = compareRuns([run('a', {}, [0, 1]), run('b', { precision: 'float32' }, [0, 3])], 'envFrames');
  assert.deepEqual(
    apart.charts[0]?.groups.map(({ name }) => name),
    ['precision auto', 'precision float32'],
  );
});

test('each task and each data has a chart; runs without data are in all of their task’s, in one colour', () => {
  const { charts } = compareRuns(
    [
      run('expert', { ...withData, dataset: ['data/expert'] }, [0, 2]),
      run('online', {}, [0, 1]),
      run('medium', { ...withData, dataset: ['data/medium'] }, [0, 3]),
      run('other', { task: 'pendulum-swingup' }, [0, 4]),
    ],
    'envFrames',
  );
  assert.deepEqual(
    charts.map(({ title, slug, groups }) => [
      title,
      slug,
      groups.flatMap(({ runs }) => runs.map((r) => r.folder)),
    ]),
    [
      ['cartpole-swingup, expert', 'cartpole-swingup-expert', ['expert', 'online']],
      ['cartpole-swingup, medium', 'cartpole-swingup-medium', ['online', 'medium']],
      ['pendulum-swingup', 'pendulum-swingup', ['other']],
    ],
  );
  const colours = charts.map(({ groups }) => groups.map(({ color }) => color));
  assert.deepEqual(colours[0], [...(colours[1] ?? [])].reverse());
  assert.notEqual(colours[0]?.[0], colours[0]?.[1]);
});

test('datasets of one name in two folders are told apart by their paths', () => {
  const { charts } = compareRuns(
    [
      run('a', { ...withData, dataset: ['old/expert'] }, [0, 2]),
      run('b', { ...withData, dataset: ['new/expert'] }, [0, 3]),
    ],
    'envFrames',
  );
  assert.deepEqual(
    charts.map(({ title }) => title),
    ['cartpole-swingup, old/expert', 'cartpole-swingup, new/expert'],
  );
});

test('a run of equal settings and seed is left out with a note, and so is one without an evaluation', () => {
  const { charts, notes } = compareRuns(
    [run('a', {}, [0, 1]), run('b', { threads: 2 }, [0, 100]), run('c', { seed: 1 }, [])],
    'envFrames',
  );
  assert.deepEqual(
    charts[0]?.groups.map(({ runs, last }) => [runs.length, last.value]),
    [[1, 1]],
  );
  assert.equal(notes.length, 2);
  assert.match(notes.join('\n'), /c has made no evaluation yet/);
  assert.match(notes.join('\n'), /b has the settings and the seed \(0\) of a/);
  assert.throws(() => compareRuns([run('c', {}, [])], 'envFrames'), { name: 'InputError' });
});

test('of seeds in progress, the curve goes as far as all of them are', () => {
  const { charts, notes } = compareRuns(
    [run('a', { seed: 0 }, [0, 10, 900]), run('b', { seed: 1 }, [0, 30])],
    'envFrames',
  );
  const [group] = charts[0]?.groups ?? [];
  assert.deepEqual([group?.last.value, group?.last.envFrames], [20, 800]);
  assert.match(notes.join(), /^a has got further/);
});

test('minutes need runs that say their seconds, and are means over seeds', () => {
  const timed = (folder: string, seed: number, pace: number): ComparedRun => ({
    folder,
    config: smallConfig({ seed }),
    metrics: [0, 1, 2].map((i) => evaluation(800 * i, i, pace * i)),
  });
  assert.throws(
    () => compareRuns([run('old', {}, [0, 1])], 'minutes'),
    /old does not say how long.*--x envFrames/,
  );
  const { charts } = compareRuns([timed('a', 0, 600), timed('b', 1, 1200)], 'minutes');
  assert.match(charts[0]?.svg ?? '', /minutes of computing/);
  // The last point is at (20 + 40)/2 minutes, and the axis ends with the data.
  assert.match(charts[0]?.svg ?? '', />30</);
  assert.doesNotMatch(charts[0]?.svg ?? '', />40</);
});

test('the command reads folders of runs, writes a chart for each, and prints a table of 80 columns', async (context) => {
  const folder = await temporaryFolder(context);
  const write = async (name: string, settings: Record<string, unknown>, means: readonly number[]) => {
    const { config, metrics } = run(name, settings, means);
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'config.json'), JSON.stringify(config));
    const lines = metrics.map((line) => `${JSON.stringify(line)}\n`).join('');
    // A line that a run in progress has not finished.
    await writeFile(join(folder, name, 'metrics.jsonl'), `${lines}{"kind":"evalu`);
    return join(folder, name);
  };
  const folders = [
    await write('a', { utdRatio: 2, seed: 0 }, [0, 500]),
    await write('b', { utdRatio: 2, seed: 1 }, [0, 700]),
    await write('c', { utdRatio: 20, seed: 0 }, [0, 800]),
    await write('d', { task: 'pendulum-swingup', utdRatio: 2 }, [0, 1]),
    await write('e', { task: 'pendulum-swingup', emaRate: 0.0125, targetEntropy: -1 }, [0, 2]),
  ];
  const out = join(folder, 'out');
  const { stdout, status } = await rlpd('compare', ...folders, '--out', out);
  assert.equal(status, 0);
  assert.deepEqual((await readdir(out)).sort(), [
    'cartpole-swingup.png',
    'cartpole-swingup.svg',
    'pendulum-swingup.png',
    'pendulum-swingup.svg',
  ]);
  const [table = '', second = ''] = stdout.split('\n\n');
  assert.match(table, /^utdRatio 2 +2 +800 frames +600\.0 \(500\.0 to 700\.0\) +600\.0$/m);
  assert.match(table, /^utdRatio 20 +1 +800 frames +800\.0 +800\.0$/m);
  // A name that is too long for its column has a line of its own.
  assert.match(second, /^utdRatio 1, emaRate 0\.0125, targetEntropy -1\n {31}1 +800 frames +2\.0 +2\.0$/m);
  for (const line of `${table}\n${second}`.split('\n')) assert.ok(line.length <= 80, line);

  await mkdir(join(folder, 'begun'));
  await writeFile(join(folder, 'begun', 'config.json'), JSON.stringify(smallConfig()));
  assert.deepEqual((await readComparedRun(join(folder, 'begun'))).metrics, []);
  await assert.rejects(readComparedRun(out), { name: 'InputError' });
});
