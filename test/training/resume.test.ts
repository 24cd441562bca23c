import assert from 'node:assert/strict';
import { exec, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openDataset } from '../../datasets/reader.js';
import { kebabCase } from '../../src/training/config.js';
import { readRunPolicy } from '../../src/training/policyFile.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { smallConfig, smallSettings, stopAt, temporaryFolder, traces } from './smallRun.js';

const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));

/** The traces of a run that was never stopped. */
let whole: Record<string, string>;
/** Holds `stopped`, that run as it was when stopped after 140 steps, and `short`, one of 1000 env frames. */
let begun: string;

let clean = async (): Promise<void> => {};
const atEnd = {
  after: (fn: () => Promise<void>): void => {
    clean = fn;
  },
};
after(() => clean());

before(async () => {
  const folder = await temporaryFolder(atEnd);
  await train({ run: join(folder, 'whole'), config: smallConfig() });
  whole = await traces(join(folder, 'whole'));
  begun = folder;
  await stopAt(140, { run: join(folder, 'stopped'), config: smallConfig() });
  await train({ run: join(folder, 'short'), config: smallConfig({ envFrames: 1000 }) });
});

/** A copy of one of the runs that were begun. */
async function copyOf(
  name: 'stopped' | 'short',
  context: Parameters<typeof temporaryFolder>[0],
): Promise<string> {
  const run = join(await temporaryFolder(context), name);
  await cp(join(begun, name), run, { recursive: true });
  return run;
}

test('a run that was stopped and resumed equals one that never was, bit for bit', async (context) => {
  const run = join(await temporaryFolder(context), 'stopped');
  const first = await stopAt(30, { run, config: smallConfig() });
  assert.equal(first.finished, false);
  assert.equal(first.agentSteps, 30);
  // In the middle of an episode, of a log interval, and after the replay has wrapped around.
  await stopAt(133, { run, resume: true });
  await stopAt(271, { run, resume: true });
  const last = await train({ run, resume: true });
  assert.equal(last.finished, true);
  assert.deepEqual(await traces(run), whole);
});

test('a run that was killed goes on from its last checkpoint to the same end, whatever lay around', async (context) => {
  const run = join(await temporaryFolder(context), 'killed');
  const flags = Object.entries(smallSettings).flatMap(([name, value]) => [
    `--${kebabCase(name)}`,
    String(value),
  ]);
  const child = spawn(process.execPath, [program, 'train', '--out', run, ...flags], { stdio: 'ignore' });
  for (;;) {
    const there = await readFile(join(run, 'checkpoints/latest'), 'utf8').catch(() => '');
    if (there !== '') break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
  // What a crash can leave behind: half a checkpoint, lines after the checkpoint, half a line.
  await mkdir(join(run, 'checkpoints/step-00009999.partial'));
  await writeFile(join(run, 'checkpoints/step-00009999.partial/state.json'), '{"half":');
  await appendFile(join(run, 'metrics.jsonl'), '{"kind":"train","envFr');
  await train({ run, resume: true });
  assert.deepEqual(await traces(run), whole);
  const names = await readdir(join(run, 'checkpoints'));
  assert.deepEqual(names.sort(), ['latest', 'step-00001920', 'step-00002400']);
});

test('a run killed before its first checkpoint starts over', async (context) => {
  const run = join(await temporaryFolder(context), 'early');
  await mkdir(run);
  await writeFile(join(run, 'config.json'), JSON.stringify(smallConfig()));
  await appendFile(join(run, 'metrics.jsonl'), '{"kind":"episode"}\n');
  await train({ run, resume: true });
  assert.deepEqual(await traces(run), whole);
});

test('an interrupted evaluation is made up for, and leaves no trace', async (context) => {
  const run = join(await temporaryFolder(context), 'evaluating');
  // That of the untrained policy, and the one after it.
  for (const [agentSteps, evaluations] of [
    [0, 0],
    [150, 1],
  ] as const) {
    const controller = new AbortController();
    const stopped = await train({
      run,
      ...(agentSteps === 0 ? { config: smallConfig() } : { resume: true }),
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.phase === 'evaluating' && progress.agentSteps === agentSteps) controller.abort();
      },
    });
    assert.equal(stopped.evaluations.length, evaluations);
    assert.equal(stopped.agentSteps, agentSteps);
  }
  await train({ run, resume: true });
  assert.deepEqual(await traces(run), whole);
});

test('a run that is stopped again while its replay is read back is left as it was; its replay holds every finished episode once, and only grows', async (context) => {
  const run = await copyOf('stopped', context);
  const before = await traces(run);
  const firstShard = join(run, 'replay/shards/00000.msgpack');
  const firstBytes = await readFile(firstShard);
  const again = await train({ run, resume: true, signal: AbortSignal.abort() });
  assert.deepEqual([again.agentSteps, again.finished], [140, false]);
  assert.deepEqual(await traces(run), before);
  await train({ run, resume: true });
  assert.deepEqual(await traces(run), whole);
  assert.deepEqual(await readFile(firstShard), firstBytes);
  const dataset = await openDataset(join(run, 'replay'));
  assert.equal(dataset.manifest.episodes, 2);
  assert.equal(dataset.manifest.steps, 250);
});

test('a flipped bit of a weight is found, and the checkpoint before leads to the same end', async (context) => {
  const run = await copyOf('short', context);
  const weights = join(run, 'checkpoints/step-00001000/agent.safetensors');
  const bytes = await readFile(weights);
  bytes[bytes.length - 5] = (bytes.at(-5) ?? 0) ^ 1;
  await writeFile(weights, bytes);
  const more = { run, resume: true, changes: { envFrames: 2400 } };
  await assert.rejects(train(more), {
    name: 'InputError',
    message:
      /step-00001000.agent\.safetensors is damaged.*\(rlpd train --out .*short --resume --from 960\)\.$/,
  });
  await assert.rejects(train({ ...more, from: 480 }), {
    name: 'InputError',
    message: /step-00000480 does not exist: there are checkpoints of step 960 and 1000\.$/,
  });
  await assert.rejects(readRunPolicy(run), {
    name: 'InputError',
    message: /is damaged.*--policy .*best\.safetensors\.$/,
  });
  await train({ ...more, from: 960 });
  assert.deepEqual(await traces(run), whole);
});

test('where every checkpoint is damaged, none is offered', async (context) => {
  const run = await copyOf('short', context);
  for (const name of ['step-00000960', 'step-00001000'])
    await writeFile(join(run, 'checkpoints', name, 'state.json'), '{"half":');
  await assert.rejects(train({ run, resume: true }), {
    name: 'InputError',
    message: /no whole one before it: start the run again in another --out\.$/,
  });
});

test('a run whose file that names the last checkpoint is lost or blank goes on from it all the same', async (context) => {
  const run = await copyOf('stopped', context);
  const latest = join(run, 'checkpoints/latest');
  await rm(latest);
  await stopAt(155, { run, resume: true });
  assert.equal((await readFile(latest, 'utf8')).trim(), 'step-00001240');
  await writeFile(latest, '\0'.repeat(14));
  await train({ run, resume: true });
  assert.deepEqual(await traces(run), whole);
});

test('a damaged line of metrics is named before anything is computed, and the run goes on once it is blanked', async (context) => {
  const run = await copyOf('short', context);
  const path = join(run, 'metrics.jsonl');
  const bytes = await readFile(path);
  const second = bytes.indexOf('\n') + 1;
  const end = bytes.indexOf('\n', second);
  const more = { run, resume: true, changes: { envFrames: 1200 } };
  for (const damage of [0, 0x80, 0x31]) {
    await writeFile(path, Buffer.from(bytes).fill(damage, second, end - 20));
    await assert.rejects(train(more), {
      name: 'InputError',
      message: /metrics\.jsonl is damaged in line 2: .*sed -i '2s/,
    });
  }
  const command = await readMetrics(run).then(
    () => '',
    (error: Error) => /LC_ALL=C sed .*(?=\)\.$)/.exec(error.message)?.[0] ?? '',
  );
  await promisify(exec)(command);
  const { finished } = await train(more);
  assert.equal(finished, true);
});

test('a longer run goes on where the shorter one ended', async (context) => {
  const run = join(await temporaryFolder(context), 'longer');
  await train({ run, config: smallConfig({ envFrames: 1200 }) });
  const result = await train({ run, resume: true, changes: { envFrames: 2400 } });
  assert.equal(result.envFrames, 2400);
  assert.deepEqual(await traces(run), whole);
});

test('a resumed run refuses settings that would make another run of it', async (context) => {
  const run = await copyOf('short', context);
  await assert.rejects(train({ run, resume: true, changes: { seed: 1 } }), {
    name: 'InputError',
    message: /--seed cannot change/,
  });
  await assert.rejects(train({ run, config: smallConfig() }), { name: 'InputError', message: /--resume/ });
  await assert.rejects(train({ run: join(run, 'none'), resume: true }), { name: 'InputError' });
});

test('a last evaluation that was interrupted is made up for once', async (context) => {
  const run = join(await temporaryFolder(context), 'interrupted');
  const phases = async (stopAtEvaluation: boolean, resume: boolean): Promise<string[]> => {
    const controller = new AbortController();
    const seen: string[] = [];
    await train({
      run,
      ...(resume ? { resume } : { config: smallConfig() }),
      signal: controller.signal,
      onProgress: ({ phase, envFrames }) => {
        if (envFrames < 2400) return;
        seen.push(phase);
        if (stopAtEvaluation && phase === 'evaluating') controller.abort();
      },
    });
    return seen;
  };
  assert.ok((await phases(true, false)).includes('evaluating'));
  assert.ok((await phases(false, true)).includes('evaluating'));
  const traced = await traces(run);
  assert.deepEqual(traced, whole);
  assert.deepEqual(await phases(false, true), []);
  assert.deepEqual(await traces(run), traced);
});
