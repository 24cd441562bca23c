import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { studyPage, studyReport } from '../../src/study/report.js';
import type { RunResult } from '../../src/study/results.js';
import { estimate, interquartileMeanOf, probabilityOfImprovement } from '../../src/study/statistics.js';
import { studyRuns } from '../../src/study/study.js';
import { average } from '../../src/training/returnStatistics.js';
import { temporaryFolder } from '../training/smallRun.js';
import {
  fingerprint,
  scoresOf,
  syntheticResult,
  syntheticResults,
  syntheticStudy,
} from './syntheticStudy.js';

async function pageOf(context: TestContext, change: (results: RunResult[]) => RunResult[] = (all) => all) {
  const study = syntheticStudy(await temporaryFolder(context));
  const results = change(syntheticResults(study));
  return { study, results, page: (await studyPage(study, results)).text };
}

/** The same as it is written, with its figures. */
async function reportOf(context: TestContext, change: (results: RunResult[]) => RunResult[] = (all) => all) {
  const study = syntheticStudy(await temporaryFolder(context));
  return { study, page: await readFile(await studyReport(study, change(syntheticResults(study))), 'utf8') };
}

/** The part of the page under a heading. */
function section(page: string, heading: string): string {
  const start = page.indexOf(heading);
  assert.ok(start >= 0, `no "${heading}" in:\n${page}`);
  const rest = page.slice(start + heading.length);
  const end = rest.search(/\n#{2,3} /);
  return end < 0 ? rest : rest.slice(0, end);
}

/** The cells of a row, by the text of its first. */
function row(text: string, first: string): string[] {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`| ${first} |`));
  assert.ok(line !== undefined, `no row "${first}" in:\n${text}`);
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

test('the page has the question, what ran, and every mean at the budget', async (context) => {
  const { study, results, page } = await pageOf(context);
  assert.ok(page.includes(study.question) && page.includes(study.finding));
  assert.match(page, /30 of 30 runs \(seeds 0, 1, 2\); none is missing/);
  assert.match(page, /torch on cpu, bfloat16 \(30 runs\)/);
  const table = section(page, '### Return at the budget of 100,000 env frames');
  for (const task of ['walker-walk', 'cheetah-run'])
    for (const data of ['expert', 'medium'])
      ['RLPD', 'online only', 'behaviour cloning'].forEach((variant, column) => {
        const scores = scoresOf(results, variant, task, data);
        assert.equal(scores.length, 3);
        const [mean] = row(table, `${task}, ${data}`)[column + 1]?.split(' ') ?? [];
        assert.equal(mean, average(scores).toFixed(0));
      });
});

test('what is summed up over tasks is the interquartile mean of normalised scores, and P(first > other)', async (context) => {
  const { results, page } = await pageOf(context);
  const places = ['walker-walk', 'cheetah-run'].flatMap((task) =>
    ['expert', 'medium'].map((data) => ({ task, data })),
  );
  const strata = (variant: string, data: readonly { task: string; data: string }[]) =>
    data.map(({ task, data: name }) => scoresOf(results, variant, task, name).map((score) => score / 1000));
  const text = section(page, '### Over all tasks');
  const rlpd = estimate(strata('RLPD', places), interquartileMeanOf);
  assert.equal(
    row(text, 'RLPD')[2],
    `${rlpd.value.toFixed(2)} (${rlpd.interval?.map((end) => end.toFixed(2)).join(' to ')})`,
  );
  // Made once a task, though it stands beside two data.
  const online = strata(
    'online only',
    places.filter(({ data }) => data === 'expert'),
  );
  assert.equal(row(text, 'online only')[1], '6');
  assert.equal(row(text, 'online only')[2]?.split(' ')[0], interquartileMeanOf(online).toFixed(2));
  const better = probabilityOfImprovement({
    x: strata('RLPD', places),
    y: online,
    pairs: [
      [0, 0],
      [1, 0],
      [2, 1],
      [3, 1],
    ],
  });
  assert.equal(
    row(text, 'online only')[5],
    `${better.value.toFixed(2)} (${better.interval?.map((end) => end.toFixed(2)).join(' to ')})`,
  );
  assert.equal(row(text, 'RLPD')[5], '');
});

test('the figures that the page shows are there, and nothing else is', async (context) => {
  const study = syntheticStudy(await temporaryFolder(context));
  const stale = join(study.folder, 'figures', 'small', 'stale.svg');
  await mkdir(join(stale, '..'), { recursive: true });
  await writeFile(stale, '');
  const page = await readFile(await studyReport(study, syntheticResults(study)), 'utf8');
  const shown = [...page.matchAll(/\((figures\/[^)]+)\)/g)].map(([, path = '']) => path);
  assert.equal(shown.length, 14);
  const found = (await readdir(join(study.folder, 'figures'), { recursive: true })).filter((name) =>
    name.includes('.'),
  );
  assert.deepEqual(found.map((name) => `figures/${name}`).sort(), shown.sort());
});

test('equal results give equal bytes, in whatever order they come', async (context) => {
  const once = await reportOf(context);
  const again = await reportOf(context, (results) => results.reverse());
  assert.equal(again.page, once.page);
  for (const ending of ['png', 'svg']) {
    const picture = join('figures', 'small', `walker-walk_expert.${ending}`);
    assert.deepEqual(
      await readFile(join(again.study.folder, picture)),
      await readFile(join(once.study.folder, picture)),
    );
  }
});

test('missing runs are named, and tasks that a variant lacks are not summed up over', async (context) => {
  const isMissing = ({ id }: RunResult): boolean => /cheetah-run\/medium\/rlpd/.test(id);
  const { page } = await pageOf(context, (results) => results.filter((run) => !isMissing(run)));
  assert.match(page, /27 of 30 runs.*\*\*3 runs are missing\.\*\*/);
  assert.match(page, /Missing: `small\/cheetah-run\/medium\/rlpd\/seed-0`/);
  assert.equal(row(section(page, '### Return at the budget'), 'cheetah-run, medium')[1], '–');
  assert.match(
    section(page, '### Over all tasks'),
    /Of 4 only these count.*: walker-walk, expert; walker-walk, medium; cheetah-run, expert\./,
  );
});

test('where cells have different numbers of seeds each says its own, and one seed has no interval', async (context) => {
  const { page, results } = await pageOf(context, (all) =>
    all.filter(
      ({ task, variant, seed }) => task !== 'walker-walk' || variant !== 'online only' || seed === 0,
    ),
  );
  const table = section(page, '### Return at the budget');
  const [score = 0] = scoresOf(results, 'online only', 'walker-walk', 'expert');
  assert.equal(row(table, 'walker-walk, expert')[2], `${score.toFixed(0)}, 1 seed`);
  assert.match(row(table, 'walker-walk, expert')[1] ?? '', / to .*, 3 seeds$/);
  // A task with one run says nothing of other seeds, so the sum over tasks has no interval either.
  assert.match(row(section(page, '### Over all tasks'), 'online only')[2] ?? '', /^[\d.]+$/);
});

test('runs of an older fingerprint are shown apart and count nowhere', async (context) => {
  const older = { ...fingerprint, learner: 'old1' };
  const isOld = ({ variant, seed }: RunResult): boolean => variant === 'RLPD' && seed === 0;
  const { page, results } = await pageOf(context, (all) =>
    all.map((run) => (isOld(run) ? { ...run, fingerprint: older } : run)),
  );
  assert.match(page, /26 of 30 runs/);
  const kept = results.filter((run) => !isOld(run));
  const [mean] = row(section(page, '### Return at the budget'), 'walker-walk, expert')[1]?.split(' ') ?? [];
  assert.equal(mean, average(scoresOf(kept, 'RLPD', 'walker-walk', 'expert')).toFixed(0));
  const apart = section(page, '### Apart from all of the above');
  assert.match(apart, /4 runs of an earlier learner \(learner old1, engine b2b2/);
  const [score = 0] = scoresOf(results.filter(isOld), 'RLPD', 'walker-walk', 'expert');
  assert.equal(row(apart, 'walker-walk, expert')[1], score.toFixed(0));
});

test('runs with other settings than the study’s count nowhere, but for where they computed', async (context) => {
  const { page } = await pageOf(context, (all) =>
    all.map((run, i) => {
      if (i === 0) return { ...run, config: { ...run.config, utdRatio: 7 } };
      if (i === 1)
        return {
          ...run,
          config: { ...run.config, threads: 7, dataset: run.config.dataset.map(() => 'elsewhere') },
        };
      return run;
    }),
  );
  assert.match(page, /29 of 30 runs/);
  assert.match(
    section(page, '### Apart'),
    /1 run whose settings are not those of `study.json` now: `small\/walker-walk\/expert\/rlpd\/seed-0`/,
  );
});

test('how long it takes is the median over seeds, of which one that never got there is endless', async (context) => {
  const study = syntheticStudy(await temporaryFolder(context));
  const runs = studyRuns(study, 'small').filter(({ id }) => id.includes('walker-walk/none/online-only'));
  const line = syntheticResults(study)[0]?.metrics[0];
  assert.ok(line?.kind === 'evaluation');
  // The means of the three seeds at 10,000, 20,000 and 30,000 env frames.
  const means = [
    [300, 299, 900],
    [0, 500, 800],
    [0, 0, 299],
  ];
  const results = runs.map((run, seed) =>
    syntheticResult(run, {
      metrics: (means[seed] ?? []).map((mean, i) => ({
        ...line,
        envFrames: 10_000 * (i + 1),
        seconds: 600 * (i + 1),
        mean,
      })),
    }),
  );
  const text = section((await studyPage(study, results)).text, '### How long it takes');
  const [at300 = '', at800 = ''] = text.split('A mean return of 800:');
  assert.equal(row(at300, 'walker-walk, expert')[1], '20,000 frames, 20 min (2 of 3)');
  assert.equal(row(at800, 'walker-walk, expert')[1], '30,000 frames, 30 min (2 of 3)');
  assert.equal(row(at800, 'cheetah-run, expert')[1], '–');
});

test('what the results show is read from findings.md, and without it nobody has said', async (context) => {
  const { study, page } = await pageOf(context, () => []);
  assert.match(section(page, '## What it shows'), /Nobody has written that down yet/);
  assert.match(page, /0 of 30 runs/);
  await mkdir(study.folder, { recursive: true });
  await writeFile(join(study.folder, 'findings.md'), 'Prior data *helps*.\n');
  const { text } = await studyPage(study, []);
  assert.equal(section(text, '## What it shows').trim(), 'Prior data *helps*.');
});
