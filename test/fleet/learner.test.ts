import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openDataset } from '../../datasets/reader.js';
import { act } from '../../src/fleet/actor.js';
import { ActorProcesses } from '../../src/fleet/actorProcesses.js';
import { EmbeddedServer, findNatsServer } from '../../src/fleet/embeddedServer.js';
import { learn } from '../../src/fleet/learner.js';
import { kebabCase } from '../../src/training/config.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { needing } from '../programs.js';
import { temporaryFolder } from '../training/smallRun.js';
import { fleetConfig, fleetSettings, learnWith, startServer, weightsHash } from './smallFleet.js';

const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));
const server = needing(findNatsServer(), 'nats-server');

let clean: (() => Promise<void>)[] = [];
const atEnd = { after: (fn: () => Promise<void>): void => void clean.unshift(fn) };
after(async () => {
  for (const fn of clean) await fn();
  clean = [];
});

let url = '';
/** The weights that one actor led to. */
let one = '';
before(async () => {
  if (findNatsServer() === undefined) return;
  ({ url } = await startServer(atEnd));
  const run = join(await temporaryFolder(atEnd), 'one');
  await learnWith(1, { run, config: fleetConfig(), address: { url }, name: 'one' });
  one = await weightsHash(run);
});

async function requireEpisodes(run: string): Promise<void> {
  assert.equal((await openDataset(join(run, 'replay'))).length, 8);
  const episodes = (await readMetrics(run)).flatMap((line) => (line.kind === 'episode' ? [line] : []));
  assert.deepEqual(
    episodes.map(({ plan }) => plan),
    Array.from({ length: 8 }, (_, n) => n),
  );
  assert.deepEqual(
    episodes.map(({ policyLag }) => policyLag),
    [0, 1, 2, 2, 2, 2, 2, 2],
  );
}

test('actors that are killed lead to the same weights, with every episode once', server, async (context) => {
  const run = join(await temporaryFolder(context), 'killed');
  const order = { address: { url }, run: 'killed', lane: 'any' };
  const stop = new AbortController();
  let failure: Error | undefined;
  const actors = new ActorProcesses(
    [order, order, order],
    (error) => {
      failure = error;
    },
    () => {},
  );
  context.after(() => actors.close());
  const learning = learn({
    run,
    config: fleetConfig(),
    address: { url },
    name: 'killed',
    inFlight: 3,
    planSeconds: 1,
    signal: stop.signal,
    onProgress: ({ episodes }) => {
      // With whatever they have in hand.
      if (actors.pids.length > 3 - Math.min(2, episodes))
        process.kill(actors.pids.at(-1) as number, 'SIGKILL');
    },
  });
  await learning;
  assert.equal(failure, undefined);
  assert.equal(await weightsHash(run), one);
  await requireEpisodes(run);
});

/** Starts `rlpd learner` in a process of its own and kills it once `isDue`. */
async function killLearner(flags: readonly string[], isDue: () => Promise<boolean>): Promise<void> {
  const child = spawn(process.execPath, [program, 'learner', ...flags], { stdio: 'ignore' });
  const exit = once(child, 'exit');
  while (child.exitCode === null && !(await isDue())) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill('SIGKILL');
  await exit;
}

test(
  'three actors lead to the weights of one, though the learner is killed before its first checkpoint and after one, and the server restarted',
  server,
  async (context) => {
    const folder = await temporaryFolder(context);
    const [store, run] = [join(folder, 'store'), join(folder, 'resumed')];
    const first = await EmbeddedServer.start(store);
    context.after(() => first.close());
    const address = { url: first.url };
    const stop = new AbortController();
    const acting = [1, 2, 3].map(() => act({ address, run: 'resumed', signal: stop.signal }));
    context.after(async () => {
      stop.abort();
      await Promise.allSettled(acting);
    });
    const read = (path: string): Promise<string> => readFile(join(run, path), 'utf8').catch(() => '');
    const isSaved = async () => (await read('checkpoints/latest')) !== '';
    const settings = Object.entries(fleetSettings).flatMap(([key, value]) => [
      `--${kebabCase(key)}`,
      String(value),
    ]);
    const flags = ['--out', run, '--nats', first.url, '--plan-timeout', '1'];
    await killLearner([...flags, '--in-flight', '3', ...settings], async () =>
      (await read('metrics.jsonl')).includes('"episode"'),
    );
    assert.equal(await isSaved(), false);
    await killLearner([...flags, '--resume'], isSaved);
    await first.close();
    const second = await EmbeddedServer.start(store, Number(new URL(first.url).port));
    context.after(() => second.close());
    const result = await learn({ run, resume: true, address, planSeconds: 1 });
    assert.equal(result.finished, true);
    for (const { finished } of await Promise.all(acting)) assert.equal(finished, true);
    assert.equal(await weightsHash(run), one);
    await requireEpisodes(run);
    await assert.rejects(train({ run, resume: true, changes: { envFrames: 9000 } }), {
      name: 'InputError',
      message: /learns of episodes that actors play elsewhere: go on with it by rlpd learner/,
    });
  },
);

test(
  'free episodes are learnt from as they arrive, each once, and the run says in which order and how far their policies lagged',
  server,
  async (context) => {
    const run = join(await temporaryFolder(context), 'free');
    const config = fleetConfig({ envFrames: 5000 });
    const learner = { run, config, address: { url }, name: 'free', mode: 'free' } as const;
    const { acted } = await learnWith(2, learner, { swap: 'step', controlHz: 2000 });
    const lines = (await readMetrics(run)).flatMap((line) => (line.kind === 'episode' ? [line] : []));
    const plans = lines.map(({ plan }) => plan ?? -1);
    assert.equal(new Set(plans).size, 5);
    // Three are open at a time.
    assert.ok(plans.every((plan, i) => plan >= 0 && plan < i + 3));
    assert.ok(lines.every(({ policyLag, policyVersion }, i) => policyLag === i - (policyVersion ?? -1)));
    assert.ok(lines.every(({ missedDeadlines, length }) => (missedDeadlines ?? -1) >= 0 && length === 20));
    const replay = await openDataset(join(run, 'replay'));
    assert.deepEqual(
      lines.map((line) => line.return),
      lines.map((_, i) => replay.entry(i).return),
    );
    assert.ok(acted.reduce((sum, { episodes }) => sum + episodes, 0) >= 5);
  },
);
