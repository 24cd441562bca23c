import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { taskTemplate } from '../../scripts/taskTemplate.js';
import { InputError } from '../../src/errors.js';
import { collect } from '../../src/training/collect.js';
import { evaluateKept } from '../../src/training/evaluate.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { successRate, successWords } from '../../src/training/successRate.js';
import { train } from '../../src/training/train.js';
import { smallConfig, temporaryFolder } from './smallRun.js';

type Context = Parameters<typeof temporaryFolder>[0];

/** The lift of `rlpd task new`, changed; its path. */
async function liftWith(
  context: Context,
  ...changes: readonly (readonly [from: string, to: string])[]
): Promise<string> {
  const folder = await temporaryFolder(context);
  const { module, model } = taskTemplate('lift', 'lift.mjs');
  let text = module;
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), from);
    text = text.replace(from, to);
  }
  await writeFile(join(folder, 'lift.xml'), model);
  await writeFile(join(folder, 'lift.mjs'), text);
  return join(folder, 'lift.mjs');
}

const endless = ['terminated: isThere', 'terminated: () => false'] as const;
/** Of the height that an episode draws. */
const byChance = ['success: isThere', 'success: () => simulation.geomPosition(mark, 2) > 0.65'] as const;
const short = ['maxEnvFrames: 200', 'maxEnvFrames: 4'] as const;
const silent = ['      success: isThere,\n', ''] as const;

describe('successRate', () => {
  it("is the share with Wilson's interval, whose ends solve the score equation (p − q)² = z²·q(1 − q)/n", () => {
    for (const [successes, n] of [
      [8, 10],
      [0, 10],
      [10, 10],
      [1, 1],
      [37, 50],
    ] as const) {
      const found = successRate(Array.from({ length: n }, (_, i) => i < successes));
      const p = successes / n;
      assert.equal(found?.successRate, p);
      for (const q of found?.successCi95 ?? [Number.NaN])
        assert.ok(
          Math.abs((p - q) ** 2 - (1.959963984540054 ** 2 * q * (1 - q)) / n) < 1e-12,
          `${successes}/${n}: ${q}`,
        );
      assert.ok((found?.successCi95[0] ?? 1) <= p && p <= (found?.successCi95[1] ?? 0));
    }
  });

  it('agrees with the published example of 8 of 10: 49% to 94%', () => {
    const eight = successRate([...new Array<boolean>(8).fill(true), false, undefined]);
    assert.equal(successWords(eight ?? {}), 'success 80% (95% 49% to 94%)');
  });

  it('is nothing where no episode says', () => {
    assert.equal(successRate([undefined, undefined]), undefined);
    assert.equal(successWords({}), '');
  });
});

describe("a task's own end", () => {
  it('ends the return within an action, and the success of a repeated frame is the step’s, in a thread of its own too', async (context) => {
    // Done in the first of an action's three env frames, and no longer in the others.
    const task = await liftWith(
      context,
      ['terminated: isThere', 'terminated: () => simulation.time > 0.069'],
      ['success: isThere', 'success: () => Math.abs(simulation.time - 0.02) < 0.001'],
      ['reward: () => -distance()', 'reward: () => 1'],
    );
    const options = { observations: 'state', actionRepeat: 3 } as const;
    const here = await makeEnv(task, options);
    const there = await EnvironmentWorker.create(task, options);
    for (const environment of [here, there]) {
      await environment.reset({ seed: 1 });
      const first = await environment.step(Float32Array.of(0));
      assert.deepEqual(
        [first.reward, first.terminated, first.truncated, first.info.success, first.info.envFrames],
        [3, false, false, true, 3],
      );
      const last = await environment.step(Float32Array.of(0));
      assert.deepEqual(
        [last.reward, last.terminated, last.truncated, last.info.success, last.info.envFrames],
        [1, true, false, false, 4],
      );
    }
    assert.throws(() => here.step(Float32Array.of(0)), /call reset first/);
    here.close();
    await there.close();
  });
});

describe('a run on a task that says success', () => {
  it('reports it in evaluations, episodes, the result and a curve, and keeps it with its own episodes', async (context) => {
    const run = join(await temporaryFolder(context), 'run');
    const task = await liftWith(context, endless, byChance);
    const config = smallConfig({ task, envFrames: 1000, evaluationEpisodes: 6, evaluationInterval: 500 });
    const rates: (number | undefined)[] = [];
    const result = await train({
      run,
      config,
      onProgress: ({ evaluationSuccess }) => rates.push(evaluationSuccess),
    });
    const lines = await readMetrics(run);
    const evaluation = lines.findLast((line) => line.kind === 'evaluation');
    assert.ok(evaluation?.kind === 'evaluation' && evaluation.successRate !== undefined);
    // Episodes of an evaluation start from seeds that are always the same.
    assert.ok(evaluation.successRate > 0 && evaluation.successRate < 1, String(evaluation.successRate));
    assert.equal(result.evaluations.at(-1)?.successRate, evaluation.successRate);
    assert.deepEqual(result.evaluations.at(-1)?.successCi95, evaluation.successCi95);
    assert.equal(rates.at(-1), evaluation.successRate);
    assert.ok((await stat(join(run, 'success-rate.png'))).size > 1000);
    const said = lines.flatMap((line) => (line.kind === 'episode' ? [line.success] : []));
    const replay = await openDataset(join(run, 'replay'));
    assert.deepEqual(
      Array.from({ length: replay.length }, (_, i) => replay.entry(i).success),
      said,
    );
    assert.deepEqual(new Set(said), new Set([true, false]));
    assert.equal((await replay.episode(0)).success, said[0]);
  });

  it('that is stopped in an episode remembers that it has succeeded', async (context) => {
    const folder = await temporaryFolder(context);
    // Only in an episode's first env frames.
    const task = await liftWith(context, endless, [
      'success: isThere',
      'success: () => simulation.time < 0.2',
    ]);
    const settings = { task, evaluationInterval: 10_000, checkpointInterval: 80 };
    await train({ run: join(folder, 'whole'), config: smallConfig({ ...settings, envFrames: 400 }) });
    await train({ run: join(folder, 'halves'), config: smallConfig({ ...settings, envFrames: 304 }) });
    await train({ run: join(folder, 'halves'), resume: true, changes: { envFrames: 400 } });
    const episodes = async (run: string) =>
      (await readMetrics(join(folder, run))).flatMap((line) =>
        line.kind === 'episode' ? [line.success] : [],
      );
    assert.deepEqual(await episodes('whole'), [true, true]);
    assert.deepEqual(await episodes('halves'), [true, true]);
  });

  it('on one that does not, reports none', async (context) => {
    const run = join(await temporaryFolder(context), 'run');
    const task = await liftWith(context, silent);
    const { evaluations } = await train({ run, config: smallConfig({ task, envFrames: 80 }) });
    assert.equal(evaluations.length > 0 && 'successRate' in (evaluations[0] ?? {}), false);
    assert.doesNotMatch(await readFile(join(run, 'metrics.jsonl'), 'utf8'), /success/);
    await assert.rejects(stat(join(run, 'success-rate.png')));
  });
});

describe('collect', () => {
  const recording = (task: string, folder: string, episodes: number) => ({
    task,
    folder,
    behaviours: new Array<undefined>(episodes).fill(undefined),
    mode: 'sample' as const,
    environment: { imageSize: 4 },
    seed: 3,
    workers: 1,
    details: {},
  });

  it('keeps the episodes that succeeded, the same with any number of workers', async (context) => {
    const folder = await temporaryFolder(context);
    const task = await liftWith(context, endless, byChance, short);
    const all = await collect({ ...recording(task, join(folder, 'all'), 12), workers: 1 });
    assert.equal(all.episodes, 12);
    assert.ok((all.succeeded ?? 0) > 2 && (all.succeeded ?? 12) < 10, String(all.succeeded));
    const kept: string[][] = [];
    for (const workers of [1, 2]) {
      const options = {
        ...recording(task, join(folder, `kept-${workers}`), 5),
        workers,
        keepSuccesses: true,
      };
      const result = await collect(options);
      assert.deepEqual([result.episodes, result.succeeded], [5, 5]);
      assert.ok(result.played > 5);
      const dataset = await openDataset(options.folder);
      const entries = Array.from({ length: dataset.length }, (_, i) => dataset.entry(i));
      assert.ok(entries.every(({ success }) => success === true));
      kept.push(entries.map(({ id }) => id));
    }
    assert.deepEqual(kept[0], kept[1]);
    const whole = await openDataset(join(folder, 'all'));
    const successes = Array.from({ length: 12 }, (_, i) => whole.entry(i)).filter(({ success }) => success);
    const shared = kept[0]?.filter((id) => id < 'episode-000012');
    assert.deepEqual(
      shared,
      successes.slice(0, shared?.length).map(({ id }) => id),
    );
  });

  it('that was stopped goes on to the same successes', async (context) => {
    const folder = await temporaryFolder(context);
    const task = await liftWith(context, endless, byChance, short);
    const entries = async (name: string) => {
      const dataset = await openDataset(join(folder, name));
      return Array.from({ length: dataset.length }, (_, i) => dataset.entry(i));
    };
    const options = (name: string) => ({
      ...recording(task, join(folder, name), 6),
      workers: 1,
      keepSuccesses: true,
    });
    await collect(options('whole'));
    const stop = new AbortController();
    const onEpisode = (done: number) => done === 3 && stop.abort();
    const first = await collect({ ...options('halves'), signal: stop.signal, onEpisode });
    assert.deepEqual([first.episodes, first.finished], [3, false]);
    const second = await collect(options('halves'));
    assert.deepEqual([second.episodes, second.finished, second.succeeded], [6, true, 6]);
    assert.deepEqual(await entries('halves'), await entries('whole'));
    const again = await collect(options('halves'));
    assert.deepEqual([again.episodes, again.finished], [6, true]);
  });

  it('gives up after a bounded number of tries, with a sentence', async (context) => {
    const folder = await temporaryFolder(context);
    const task = await liftWith(context, endless, ['success: isThere', 'success: () => false'], short);
    const notes: string[] = [];
    const result = await collect({
      ...recording(task, join(folder, 'none'), 2),
      keepSuccesses: true,
      onNote: (line) => notes.push(line),
    });
    assert.deepEqual([result.episodes, result.played, result.succeeded], [0, 40, 0]);
    assert.match(notes.join('\n'), /0 of 2 episodes were recorded: no more succeeded in 40 tries/);
  });

  it('refuses to keep successes where the task says none', async (context) => {
    const folder = await temporaryFolder(context);
    const task = await liftWith(context, silent, short);
    await assert.rejects(
      collect({ ...recording(task, join(folder, 'none'), 2), keepSuccesses: true }),
      (error) =>
        error instanceof InputError && /does not say whether an episode has succeeded/.test(error.message),
    );
  });
});

it('a kept policy is scored by its successes', async (context) => {
  const scored = await evaluateKept({
    task: await liftWith(context, endless, byChance, short),
    environment: { observations: 'state' },
    behaviour: undefined,
    engine: { precision: 'float32', device: 'cpu' },
    episodes: 10,
    workers: 1,
  });
  const rate = scored?.evaluation.successRate ?? Number.NaN;
  assert.ok(rate > 0 && rate < 1);
});
