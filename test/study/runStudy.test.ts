/** A study's runs: played once, resumed after a kill to the same numbers, shared out, failing by themselves. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../src/errors.js';
import { fingerprint } from '../../src/study/fingerprint.js';
import { type PlayRun, playRun } from '../../src/study/playRun.js';
import { keepResult, readProvenance, readResults } from '../../src/study/results.js';
import { runStudy, type StudyEvent } from '../../src/study/runStudy.js';
import { studyStanding, summarise } from '../../src/study/standing.js';
import { configOf, readStudy, type Study, studyRuns } from '../../src/study/study.js';
import { temporaryFolder } from '../training/smallRun.js';
import { playAtOnce, tinyDefinition, tinyStudy, traceOf } from './tinyStudy.js';

const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));

let clean = async (): Promise<void> => {};
after(() => clean());
let root: string;
let whole: Study;

const places = (name: string) => ({ runs: join(root, name, 'runs'), data: join(root, 'data') });

before(async () => {
  root = await temporaryFolder({
    after: (fn) => {
      clean = fn;
    },
  });
  whole = await tinyStudy(join(root, 'whole/results/tiny'));
  // The runs of seed 0 learn: others are compared with them.
  const play: PlayRun = (plan, ...rest) => (plan.config.seed === 0 ? playRun : playAtOnce)(plan, ...rest);
  const outcome = await runStudy({ study: whole, scale: 'small', play, ...places('whole') });
  assert.deepEqual(outcome, {
    ...{ finished: 4, stopped: 0, failed: [], taken: 0, missing: 0 },
    ofOtherVersions: 0,
  });
});

async function assertSameAsWhole(study: Study): Promise<void> {
  for (const { id } of studyRuns(study, 'small'))
    assert.deepEqual(await traceOf(study, id), await traceOf(whole, id), id);
}

/** One seed of the whole study. */
const oneSeed = { scales: { small: { ...tinyDefinition.scales.small, seeds: [0] } } };

/** `rlpd study run` on a study of its own folder. */
function runElsewhere(name: string): ChildProcess {
  const { runs, data } = places(name);
  const folders = ['--results', join(root, name, 'results'), '--runs', runs, '--data', data];
  return spawn(process.execPath, [program, 'study', 'run', 'tiny', ...folders, '--jobs', '2'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

test('runs come seed by seed, and a variant without data is not multiplied by it', () => {
  assert.deepEqual(
    studyRuns(whole, 'small').map(({ id }) => id),
    [0, 1].flatMap((seed) => [
      `small/cartpole-swingup/random/rlpd/seed-${seed}`,
      `small/cartpole-swingup/none/online-only/seed-${seed}`,
    ]),
  );
  assert.deepEqual(studyRuns(whole, 'paper'), []);
});

test('settings go from the most general to the most particular', async (context) => {
  const study = await tinyStudy(await temporaryFolder(context), {
    variants: { a: { settings: { discount: 0.5, batchSize: 4 } }, b: { preset: 'no-layer-norm' } },
    scales: {
      small: {
        ...tinyDefinition.scales.small,
        settings: { discount: 0.4, hiddenWidth: 7 },
        variants: { a: { batchSize: 3 } },
      },
    },
  });
  const [a, b] = studyRuns(study, 'small').map((run) => configOf(run, 'somewhere'));
  assert.deepEqual(
    [a?.discount, a?.hiddenWidth, a?.batchSize, a?.criticLayerNorm, a?.ensembleSize, a?.seed],
    [0.5, 7, 3, true, 2, 0],
  );
  assert.deepEqual([b?.discount, b?.batchSize, b?.criticLayerNorm], [0.4, 8, false]);
});

test('a finished run keeps its settings, its numbers and where they come from, and nothing of this machine’s paths', async () => {
  const results = await readResults(whole);
  assert.equal(results.length, 4);
  const [first, second] = results;
  assert.deepEqual(first?.fingerprint, await fingerprint());
  assert.equal(first?.dataset?.episodes, 2);
  assert.equal(second?.dataset, null);
  assert.match(first?.engine ?? '', /cpu/);
  assert.deepEqual(first?.config.dataset, ['random']);
  assert.ok((first?.wallSeconds ?? 0) > 0);
  const kinds = new Set(first?.metrics.map(({ kind }) => kind));
  assert.ok(kinds.has('evaluation') && kinds.has('episode') && kinds.has('train'));
  const folder = join(whole.folder, first?.id ?? '');
  for (const name of await readdir(folder))
    assert.ok(!(await readFile(join(folder, name), 'utf8')).includes(root), name);
});

test('killed at three moments, children and all, a study ends with the same numbers', async () => {
  const study = await tinyStudy(join(root, 'killed/results/tiny'), oneSeed);
  const folders = places('killed');
  const [first, second] = studyRuns(study, 'small').map(({ id }) => join(folders.runs, 'tiny', id)) as [
    string,
    string,
  ];
  const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  const checkpoints = [first, second].map((run) => join(run, 'checkpoints/latest'));
  // When it has begun, and twice when there is a checkpoint that was not there before.
  for (const watched of [[join(first, 'config.json')], checkpoints, checkpoints]) {
    // The children of the one that was killed notice that nobody is there any more, and end with a checkpoint.
    while ((await textOf(join(first, 'lock.json'))) + (await textOf(join(second, 'lock.json'))) !== '')
      await new Promise((resolve) => setTimeout(resolve, 10));
    const seen = async () => (await Promise.all(watched.map(textOf))).join();
    const before = await seen();
    const child = runElsewhere('killed');
    const exit = once(child, 'exit');
    while ((await seen()) === before) {
      assert.equal(child.exitCode, null, 'it ended before the moment came');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    child.kill('SIGKILL');
    await exit;
  }
  // Until they have ended, its children have their runs.
  for (;;) {
    const outcome = await runStudy({ study, scale: 'small', ...folders });
    assert.deepEqual(outcome.failed, []);
    if (outcome.missing === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await assertSameAsWhole(study);
});

test('two at once share the work: every run is played once', async () => {
  const study = await tinyStudy(join(root, 'shared/results/tiny'), oneSeed);
  const started: string[] = [];
  const children = [runElsewhere('shared'), runElsewhere('shared')];
  await Promise.all(
    children.map(async (child) => {
      let text = '';
      child.stderr?.on('data', (bytes: Buffer) => {
        text += bytes.toString();
      });
      const [code] = await once(child, 'close');
      assert.equal(code, 0, text);
      started.push(...[...text.matchAll(/^(\S+): (?:starts|goes on)$/gm)].map(([, id = '']) => id));
    }),
  );
  assert.deepEqual(
    started.sort(),
    studyRuns(study, 'small')
      .map(({ id }) => id)
      .sort(),
  );
  await assertSameAsWhole(study);
});

test('a run that fails says why and holds up nobody; what was stopped goes on', async () => {
  const study = await tinyStudy(join(root, 'failing/results/tiny'), {
    variants: {
      broken: { settings: { imageSize: 3, obs: 'pixels' } },
      'online only': tinyDefinition.variants['online only'],
    },
    ...oneSeed,
  });
  const options = { study, scale: 'small', ...places('failing') } as const;
  const stop = new AbortController();
  const events: StudyEvent['kind'][] = [];
  const stopped = await runStudy({
    ...options,
    signal: stop.signal,
    onEvent: ({ kind }) => {
      events.push(kind);
      if (kind === 'progress') stop.abort();
    },
  });
  assert.deepEqual([stopped.failed.length, stopped.stopped, stopped.missing], [1, 1, 2]);
  const standing = await studyStanding(study, 'small', options);
  assert.deepEqual(
    standing.map(({ state }) => state),
    ['failed', 'stopped'],
  );
  assert.match(standing[0]?.reason ?? '', /does not fit the run/);
  const ended = await runStudy({
    ...options,
    onEvent: (event) =>
      event.kind === 'started' && assert.equal(event.resumed, event.run.variant === 'online only'),
  });
  assert.deepEqual([ended.finished, ended.failed.length, ended.missing], [1, 1, 1]);
});

test('what a study misses is counted, and its hours by what was there before', async () => {
  const standings = await studyStanding(whole, 'small', places('whole'));
  const done = await summarise(whole, 'small', standings);
  assert.deepEqual([done.total, done.finished, done.hoursLeft, done.fingerprints.length], [4, 4, 0, 1]);
  const study = await tinyStudy(join(root, 'whole/results/longer'), {
    variants: { longer: { settings: { envFrames: 1920 } } },
    ...oneSeed,
  });
  const { missing, hoursLeft } = await summarise(study, 'small', await studyStanding(study, 'small'));
  const seconds = standings.reduce((sum, run) => sum + (run.seconds ?? 0), 0);
  assert.equal(missing, 1);
  // 40 updates in each of the four runs, 80 in this one.
  assert.ok(Math.abs((hoursLeft ?? 0) * 3600 - (seconds * 80) / (4 * 40)) < 1e-6);
});

test('a run that another one is already, in this study or one beside it, is not played again', async () => {
  const study = await tinyStudy(join(root, 'whole/results/twin'), {
    // What a run keeps on its way decides none of its numbers.
    variants: { RLPD: { settings: { snapshots: true } }, again: {}, other: { settings: { discount: 0.9 } } },
    ...oneSeed,
  });
  // A study that is not valid stands in nobody's way.
  await tinyStudy(join(root, 'whole/results/broken'), { base: { preset: 'none' } });
  const started: string[] = [];
  const onEvent = ({ kind, run }: StudyEvent) => kind === 'started' && started.push(run.variant);
  const standing = await studyStanding(study, 'small', places('whole'));
  assert.deepEqual(
    standing.map(({ state }) => state),
    ['elsewhere', 'elsewhere', 'missing'],
  );
  const before = await summarise(study, 'small', standing);
  assert.deepEqual([before.elsewhere, before.missing], [2, 1]);
  const outcome = await runStudy({ study, scale: 'small', ...places('whole'), play: playAtOnce, onEvent });
  assert.equal(outcome.finished, 3);
  assert.deepEqual(started, ['other']);
  const [own, again] = await readResults(study);
  const [first] = await readResults(whole);
  assert.deepEqual([own?.metrics, again?.metrics], [first?.metrics, first?.metrics]);
  assert.equal(own?.command, first?.command);
  const playedBy = { study: 'tiny', run: first?.id };
  assert.deepEqual([own?.playedBy, again?.playedBy, first?.playedBy], [playedBy, playedBy, undefined]);
});

test('a run that another study is playing comes last: taken over if that ends, else left to it', async () => {
  const variants = { RLPD: { settings: { discount: 0.8 } }, other: { settings: { discount: 0.7 } } };
  const there = await tinyStudy(join(root, 'whole/results/there'), {
    variants: { 'the same': variants.RLPD },
    ...oneSeed,
  });
  const here = await tinyStudy(join(root, 'whole/results/here'), { variants, ...oneSeed });
  const options = { scale: 'small', ...places('whole') } as const;
  const untilDone = async (endsFirst: boolean) => {
    const [begun, mayPlay] = [new EventEmitter(), new EventEmitter()];
    const hasBegun = once(begun, 'begun');
    const elsewhere = runStudy({
      ...options,
      study: there,
      play: async (...args) => {
        const allowed = once(mayPlay, 'allowed');
        begun.emit('begun');
        await allowed;
        return playAtOnce(...args);
      },
    });
    await hasBegun;
    const started: string[] = [];
    const outcome = await runStudy({
      ...options,
      study: here,
      onEvent: ({ kind, run }) => kind === 'started' && started.push(run.variant),
      play: async (...args) => {
        if (endsFirst) {
          mayPlay.emit('allowed');
          await elsewhere;
        }
        return playAtOnce(...args);
      },
    });
    mayPlay.emit('allowed');
    await elsewhere;
    return { outcome, started };
  };
  const left = await untilDone(false);
  assert.deepEqual([left.started, left.outcome.taken, left.outcome.missing], [['other'], 1, 1]);
  for (const { folder } of [here, there]) await rm(join(folder, 'small'), { recursive: true });
  const { started, outcome } = await untilDone(true);
  assert.deepEqual([started, outcome.finished, outcome.taken, outcome.missing], [['other'], 2, 0, 0]);
  const [same] = await readResults(here);
  assert.equal(same?.playedBy?.study, 'there');
});

test('a result that another version of the program made is kept and said to be one, until it is asked for anew', async () => {
  const study = await tinyStudy(join(root, 'other/results/tiny'), {
    variants: { 'online only': tinyDefinition.variants['online only'] },
    ...oneSeed,
  });
  const [run] = studyRuns(study, 'small');
  assert.ok(run !== undefined);
  const made = await readProvenance(join(whole.folder, run.id));
  assert.ok(made !== undefined);
  const older = { ...made, fingerprint: { ...made.fingerprint, engine: 'older' } };
  await keepResult(study, run, join(whole.folder, run.id), older);
  const options = { study, scale: 'small', ...places('other') } as const;
  const kept = await runStudy({ ...options, play: () => assert.fail('it was played') });
  assert.deepEqual([kept.finished, kept.missing, kept.ofOtherVersions], [0, 0, 1]);
  const summary = await summarise(study, 'small', await studyStanding(study, 'small', options));
  assert.deepEqual([summary.finished, summary.ofOtherVersions], [1, 1]);
  const anew = await runStudy({ ...options, refresh: true, play: playAtOnce });
  assert.deepEqual([anew.finished, anew.ofOtherVersions], [1, 0]);
  assert.deepEqual((await readResults(study))[0]?.fingerprint, await fingerprint());
});

test('what is wrong in a study is said before anything is played', async (context) => {
  const folder = await temporaryFolder(context);
  const refusals: [Readonly<Record<string, unknown>>, RegExp][] = [
    [{ question: '' }, /"question" in .*study\.json/],
    [{ scales: {} }, /needs the scale/],
    [
      { scales: { small: { ...tinyDefinition.scales.small, variants: { none: {} } } } },
      /scales\.small\.variants\.none.*no variant/,
    ],
  ];
  for (const [changes, message] of refusals) await assert.rejects(tinyStudy(folder, changes), message);
  await writeFile(join(folder, 'study.json'), '{');
  await assert.rejects(readStudy(folder), /not valid JSON/);
  const study = await tinyStudy(folder, { variants: { a: { settings: { dicount: 1 } } } });
  await assert.rejects(
    runStudy({ study, scale: 'small', runs: join(folder, 'runs'), data: join(folder, 'data') }),
    (error: Error) => error instanceof InputError && /dicount.*did you mean "discount"/.test(error.message),
  );
  assert.deepEqual(await readdir(folder), ['study.json']);
});
