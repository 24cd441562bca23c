/** A study's runs at workers: killed, stopped, several, of other versions, with several who ask. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect } from '@nats-io/transport-node';
import { connectTo } from '../../src/fleet/connect.js';
import { findNatsServer } from '../../src/fleet/embeddedServer.js';
import { versionName } from '../../src/fleet/jobs.js';
import { decode, encode, jobStateSchema } from '../../src/fleet/messages.js';
import { JOBS, jobConsumer, jobSubjects } from '../../src/fleet/names.js';
import { openJobs } from '../../src/fleet/server.js';
import { StudyWorkers } from '../../src/fleet/studyWorkers.js';
import { type WorkOptions, work } from '../../src/fleet/worker.js';
import { fingerprint } from '../../src/study/fingerprint.js';
import { type PlayRun, playRun } from '../../src/study/playRun.js';
import { readResults } from '../../src/study/results.js';
import { runStudy, type StudyOutcome } from '../../src/study/runStudy.js';
import { type Study, studyRuns } from '../../src/study/study.js';
import { needing } from '../programs.js';
import { playAtOnce, tinyDefinition, tinyStudy, traceOf } from '../study/tinyStudy.js';
import { temporaryFolder } from '../training/smallRun.js';
import { startServer } from './smallFleet.js';

const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));
const server = needing(findNatsServer(), 'nats-server');

const clean: (() => unknown)[] = [];
const atEnd = { after: (fn: () => Promise<void>): void => void clean.push(fn) };
after(async () => {
  for (const fn of clean.reverse()) await fn();
});

let [url, root] = ['', ''];
before(async () => {
  root = await temporaryFolder(atEnd);
  if (findNatsServer() !== undefined) ({ url } = await startServer(atEnd));
});

const settings = {
  ...tinyDefinition.base.settings,
  ...{ obs: 'state', actionRepeat: 50, envFrames: 2400, randomSteps: 20, updateInterval: 4 },
  ...{ evaluationInterval: 2000, checkpointInterval: 600 },
};
/** Of a variant that learns without data. */
const alone = { preset: 'online-only', usesData: false } as const;
const definition = {
  base: { preset: 'rlpd', settings },
  scales: {
    small: {
      tasks: ['cartpole-swingup'],
      data: { random: { level: 'random', episodes: 2, actionRepeat: 50, imageSize: 8 } },
      seeds: [0],
    },
  },
};

/** Of a name in the folder `place`: several places are several machines. */
function smallStudy(place: string, changes: Readonly<Record<string, unknown>> = {}): Promise<Study> {
  return tinyStudy(join(root, place, 'results/tiny'), { ...definition, ...changes });
}

interface Asked {
  readonly outcome: StudyOutcome;
  readonly notes: string[];
}

interface Ears {
  readonly signal?: AbortSignal;
  readonly onNote?: (line: string) => void;
}

/** As `rlpd study run --nats` does. */
async function ask(study: Study, place: string, { signal, onNote = () => {} }: Ears = {}): Promise<Asked> {
  const notes: string[] = [];
  const hear = (line: string): void => {
    notes.push(line);
    onNote(line);
  };
  const workers = await StudyWorkers.open({ address: { url }, jobSeconds: 1, onNote: hear });
  try {
    const outcome = await runStudy({
      study,
      scale: 'small',
      jobs: Number.POSITIVE_INFINITY,
      play: workers.play,
      onAnyMachine: true,
      runs: join(root, place, 'runs'),
      data: join(root, 'data'),
      signal,
      onEvent: (event) => event.kind === 'note' && hear(event.text),
    });
    return { outcome, notes };
  } finally {
    await workers.close();
  }
}

function workHere(name: string, options: Partial<WorkOptions> = {}) {
  return work({
    address: { url },
    folder: join(root, name),
    play: playRun,
    exitWhenEmpty: true,
    ...options,
  });
}

async function jobServer() {
  const connection = await connectTo({ url }, 'test', () => {});
  clean.push(() => connection.close());
  return openJobs(connection);
}

/** The snapshots of all jobs that are open. */
async function snapshots(jobs: Awaited<ReturnType<typeof jobServer>>): Promise<string[]> {
  const found: string[] = [];
  for await (const key of await jobs.states.keys()) {
    const entry = await jobs.states.get(key);
    const state = entry?.operation === 'PUT' && decode(jobStateSchema, entry.value, key);
    if (state && state.status === 'open' && state.snapshot !== null) found.push(state.snapshot);
  }
  return found;
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test(
  'a run whose workers are stopped and killed goes on at another from its checkpoint, to the numbers of one machine',
  server,
  async () => {
    const variants = { RLPD: {} };
    const here = await smallStudy('local', { variants });
    const local = { runs: join(root, 'local/runs'), data: join(root, 'data') };
    await runStudy({ study: here, scale: 'small', play: playRun, ...local });
    const study = await smallStudy('killed', { variants });
    const asked = ask(study, 'killed');
    const jobs = await jobServer();
    // Stopped once a checkpoint is on the server.
    const stop = new AbortController();
    const stopped = await workHere('one', {
      signal: stop.signal,
      play: (plan, signal, onEvent) =>
        playRun(plan, signal, (event) => {
          onEvent(event);
          if (event.kind === 'progress')
            void snapshots(jobs).then((found) => found.length > 0 && stop.abort());
        }),
    });
    assert.deepEqual(stopped, { played: 0, failed: 0, finished: false });
    const before = await snapshots(jobs);
    assert.equal(before.length, 1);
    // Killed in the middle, with its process for the run.
    const flags = ['worker', '--nats', url, '--work', join(root, 'two')];
    const child = spawn(process.execPath, [program, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    const exit = once(child, 'exit');
    for await (const bytes of child.stderr) if (/goes on from its checkpoint/.test(String(bytes))) break;
    child.kill('SIGKILL');
    await exit;
    const events: string[] = [];
    const last = await workHere('three', {
      play: (plan, ...rest) => {
        events.push(plan.resumed ? 'goes on' : 'starts');
        return playRun(plan, ...rest);
      },
    });
    assert.deepEqual([last, events], [{ played: 1, failed: 0, finished: true }, ['goes on']]);
    const { outcome, notes } = await asked;
    assert.deepEqual([outcome.finished, outcome.missing, outcome.failed], [1, 0, []]);
    assert.ok(
      notes.some((note) => /tiny\/small\/cartpole-swingup\/random\/rlpd\/seed-0 is played by/.test(note)),
    );
    const [run] = studyRuns(study, 'small');
    assert.ok(run !== undefined);
    assert.deepEqual(await traceOf(study, run.id), await traceOf(here, run.id));
    // What is left of it is what was gathered.
    assert.deepEqual(await snapshots(jobs), []);
  },
);

test(
  'workers share, and whoever asks for a study gets each of its runs, which is played once',
  server,
  async () => {
    const data = {
      variants: {
        a: { ...alone, settings: { discount: 0.9 } },
        b: { ...alone, settings: { discount: 0.8 } },
      },
    };
    const studies = await Promise.all(['here', 'there'].map((place) => smallStudy(place, data)));
    const both = new EventEmitter();
    const played: string[] = [];
    const play: PlayRun = async (plan, ...rest) => {
      played.push(plan.name);
      if (played.length === 2) both.emit('begun');
      else await once(both, 'begun');
      return playAtOnce(plan, ...rest);
    };
    const asked = Promise.all(['here', 'there'].map((place, i) => ask(studies[i] as Study, place)));
    // The queue is not empty before somebody has asked.
    const jobs = await jobServer();
    while ((await jobs.jsm.streams.info(JOBS)).state.messages < 2) await wait(5);
    const worked = await Promise.all(['four', 'five'].map((name) => workHere(name, { play })));
    assert.deepEqual(
      worked.map(({ played }) => played),
      [1, 1],
    );
    for (const { outcome } of await asked) assert.deepEqual([outcome.finished, outcome.missing], [2, 0]);
    assert.equal(new Set(played).size, 2);
    const [here, there] = await Promise.all(studies.map((study) => readResults(study)));
    assert.deepEqual(
      here?.map(({ metrics }) => metrics),
      there?.map(({ metrics }) => metrics),
    );
    // One that asks where another process of this machine does is told so, and asks for nothing.
    const third = await smallStudy('third', {
      ...data,
      variants: { c: { ...alone, settings: { discount: 0.7 } } },
    });
    const stop = new AbortController();
    const first = ask(third, 'third', { signal: stop.signal });
    while ((await jobs.jsm.streams.info(JOBS)).state.messages === 0) await wait(5);
    assert.deepEqual((await ask(third, 'third')).outcome.taken, 1);
    // Who stops asking is given what came of it meanwhile when asking again.
    stop.abort();
    assert.deepEqual((await first).outcome.stopped, 1);
    await workHere('six', { play: playAtOnce });
    assert.equal((await ask(third, 'third')).outcome.finished, 1);
  },
);

test(
  'a run that fails is told with its reason and holds up nobody, and so is one that its workers die of',
  server,
  async () => {
    const study = await smallStudy('failing', {
      variants: {
        broken: { ...alone, settings: { obs: 'pixels', imageSize: 3 } },
        deadly: { ...alone, settings: { discount: 0.6 } },
        good: { ...alone, settings: { discount: 0.5 } },
      },
    });
    const asked = ask(study, 'failing');
    const jobs = await jobServer();
    while ((await jobs.jsm.streams.info(JOBS)).state.messages < 3) await wait(5);
    // Workers that take it and are never heard of again.
    const consumer = await jobs.js.consumers.get(JOBS, jobConsumer(versionName(await fingerprint())));
    for (let deaths = 0; deaths < 5; ) {
      const message = await consumer.next({ expires: 1000 });
      const isDeadly = message !== null && new TextDecoder().decode(message.data).includes('deadly');
      if (isDeadly) deaths++;
      message?.nak(isDeadly ? undefined : 100);
    }
    const result = await workHere('seven', {
      play: (plan, ...rest) => (plan.name.includes('broken') ? playRun : playAtOnce)(plan, ...rest),
    });
    assert.equal(result.finished, true);
    const { outcome } = await asked;
    assert.deepEqual([outcome.finished, outcome.failed.length, outcome.missing], [1, 2, 2]);
    const reasonOf = (variant: string) => outcome.failed.find(({ id }) => id.includes(variant))?.reason ?? '';
    assert.match(reasonOf('broken'), /too small for this encoder.*process \d+\)/);
    assert.match(reasonOf('deadly'), /5 workers were lost over it since its last checkpoint/);
  },
);

test('workers and studies of other versions are told apart by sentences', server, async () => {
  const connection = await connect({ servers: new URL(url).host });
  clean.push(() => connection.close());
  const jobs = await jobServer();
  await connection.request(jobSubjects.job('000000000000', '0'.repeat(32)), encode([]));
  await assert.rejects(workHere('eight'), {
    name: 'InputError',
    message:
      /One run at nats:\S+ waits for another version of the program than this one \(learner \w+, .*\): install here/,
  });
  await jobs.jsm.streams.purge(JOBS);
  const study = await smallStudy('foreign', {
    variants: { d: { ...alone, settings: { discount: 0.4 } } },
  });
  const own = await fingerprint();
  await jobs.workers.put(
    'other',
    encode({ place: 'that machine', fingerprint: { ...own, learner: 'older' } }),
  );
  const stop = new AbortController();
  const isSaid =
    /1 run waits for a worker of this version .*1 worker of other versions is there \(that machine\): install the same/;
  // It does not end before that was said.
  const { notes } = await ask(study, 'foreign', {
    signal: stop.signal,
    onNote: (line) => isSaid.test(line) && stop.abort(),
  });
  assert.match(notes.join('\n'), isSaid);
});
