import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join as joinPath } from 'node:path';
import { after, before, test } from 'node:test';
import { DiscardPolicy, jetstream, StorageType } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { sha256Of } from '../../src/files/sha256.js';
import { type ActOptions, act } from '../../src/fleet/actor.js';
import { ActorSide } from '../../src/fleet/actorSide.js';
import { connectTo, withoutSecrets } from '../../src/fleet/connect.js';
import { findNatsServer } from '../../src/fleet/embeddedServer.js';
import { type LearnerOptions, LearnerSide } from '../../src/fleet/learnerSide.js';
import { type Commit, PART_BYTES, type Plan } from '../../src/fleet/messages.js';
import { EPISODE_SUBJECTS, EPISODES, subjects } from '../../src/fleet/names.js';
import { cut, join, requirePlausible } from '../../src/fleet/parts.js';
import { PACKAGE_VERSION } from '../../src/training/version.js';
import { needing } from '../programs.js';
import { temporaryFolder } from '../training/smallRun.js';
import { fleetConfig, startServer } from './smallFleet.js';

const server = needing(findNatsServer(), 'nats-server');
const clean: (() => Promise<void>)[] = [];
after(async () => {
  for (const fn of clean.reverse()) await fn();
});

let url = '';
before(async () => {
  if (findNatsServer() === undefined) return;
  ({ url } = await startServer({ after: (fn) => void clean.push(fn) }));
});

const played = { policy: 0, envFrames: 10 };
const plan = (n: number): Plan => ({ n, policy: 0, isWarmUp: true, seed: n, noiseSeed: n });

function options(run: string, changes: Partial<LearnerOptions> = {}): LearnerOptions {
  return {
    address: { url },
    run,
    spec: {
      protocol: 1,
      version: PACKAGE_VERSION,
      owner: randomUUID(),
      place: 'a folder of this test',
      config: {},
      layout: { images: [], stateSize: 1, actionSize: 1 },
      mode: 'free',
      lanes: ['any'],
      planSeconds: 1,
      isFinished: false,
    },
    isResumed: false,
    replaces: false,
    maxRecordBytes: 4 * PART_BYTES,
    keepPolicies: 2,
    ...changes,
  };
}

async function open(run: string, context: { after(fn: () => Promise<void>): void }) {
  const learner = await LearnerSide.open(options(run), () => {});
  await learner.publishPolicy(0, new Uint8Array(10));
  context.after(() => learner.close());
  const actor = async (): Promise<ActorSide> => {
    const side = await ActorSide.open({ address: { url }, run, lane: 'any', name: 'test' }, () => {});
    context.after(() => side.close());
    await side.spec();
    return side;
  };
  return { learner, actor };
}

test(
  'of two commits of one episode the first counts, and the second learns that it came late',
  server,
  async (context) => {
    const { learner, actor } = await open('twice', context);
    await learner.issue(plan(0), 'any');
    const one = await actor();
    assert.deepEqual(await one.nextPlan(), plan(0));
    const record = new Uint8Array(PART_BYTES + 7).fill(3);
    const other = await actor();
    assert.equal(await one.commit(0, played, record), true);
    assert.equal(await other.commit(0, played, new Uint8Array(5)), false);
    const arrival = await learner.nextArrival({ n: 0 });
    assert.deepEqual(arrival?.record && sha256Of(arrival.record), sha256Of(record));
    // A learner that goes on asks for no episode that is there.
    await learner.issue(plan(0), 'any');
    await learner.issue(plan(1), 'any');
    assert.deepEqual(await other.nextPlan(), plan(1));
  },
);

test(
  'the plan of an actor that died between parts and commit goes to another, and its parts count for nothing',
  server,
  async (context) => {
    const { learner, actor } = await open('died', context);
    await learner.issue(plan(0), 'any');
    const first = await actor();
    assert.deepEqual(await first.nextPlan(), plan(0));
    const connection = await connect({ servers: new URL(url).host });
    connection.publish(subjects('died').part(0, randomUUID(), 0), new Uint8Array(100));
    await connection.close();
    await first.close();
    const second = await actor();
    assert.deepEqual(await second.nextPlan(), plan(0));
    assert.equal(await second.commit(0, played, Uint8Array.of(1, 2, 3)), true);
    const arrival = await learner.nextArrival({ after: 0 });
    assert.deepEqual([arrival?.n, arrival?.record?.length], [0, 3]);
  },
);

test(
  'what is not as its commit says is not believed, and its number does not stall',
  server,
  async (context) => {
    const { learner } = await open('broken', context);
    const connection = await connect({ servers: new URL(url).host });
    context.after(() => connection.close());
    const attempt = randomUUID();
    const commit = (changes: Partial<Commit>): string =>
      JSON.stringify({
        ...played,
        actor: 'x',
        attempt,
        parts: 1,
        bytes: 3,
        sha256: sha256Of(Uint8Array.of(1, 2, 3)),
        ...changes,
      });
    const arrive = async (n: number, end: string, part?: Uint8Array) => {
      if (part) await connection.request(subjects('broken').part(n, attempt, 0), part);
      await connection.request(subjects('broken').end(n), end);
      return learner.nextArrival({ n });
    };
    assert.match((await arrive(0, '{"attempt":'))?.problem ?? '', /commit of episode 0 is not JSON/);
    assert.match(
      (await arrive(1, commit({}), Uint8Array.of(1, 2, 4)))?.problem ?? '',
      /not those that were committed/,
    );
    assert.match(
      (await arrive(2, commit({ bytes: 2 ** 40, parts: 2 ** 21 })))?.problem ?? '',
      /claims 1099511627776 bytes/,
    );
    const lost = await arrive(3, commit({}));
    assert.deepEqual([lost?.problem, lost?.isLost], ['its part 0 is not there', true]);
    await learner.reissue(plan(3), 'any', lost?.sequence ?? 0);
    assert.equal((await arrive(3, commit({}), Uint8Array.of(1, 2, 3)))?.record?.length, 3);
  },
);

test(
  'a second learner of a run is refused, and so is another run of its name until it is finished or replaced',
  server,
  async (context) => {
    const { learner } = await open('taken', context);
    await assert.rejects(
      LearnerSide.open(options('taken'), () => {}),
      {
        name: 'InputError',
        message: /taken on this server has a learner already, a folder of this test: stop that one/,
      },
    );
    await learner.close();
    await assert.rejects(
      LearnerSide.open(options('taken'), () => {}),
      { name: 'InputError', message: /has a run taken already, of a folder of this test: .*--replace/ },
    );
    const next = await LearnerSide.open(options('taken', { replaces: true }), () => {});
    assert.equal(await next.issue(plan(0), 'any'), false, 'the policy is forgotten');
    await next.finish();
    await next.close();
    await (await LearnerSide.open(options('taken'), () => {})).close();
  },
);

test('an actor that is not one of the run is refused by a sentence', server, async () => {
  const { spec, ...rest } = options('strange');
  const layout = { images: [], stateSize: 5, actionSize: 1 };
  const own = { ...spec, config: { ...fleetConfig() }, layout, mode: 'ordered' as const };
  const refusal = async (version: string, changes: Partial<ActOptions>): Promise<string> => {
    const learner = await LearnerSide.open({ ...rest, spec: { ...own, version } }, () => {});
    try {
      return await act({ address: { url }, run: 'strange', ...changes }).then(
        () => 'it played',
        (error: Error) => `${error.name}: ${error.message}`,
      );
    } finally {
      await learner.close();
    }
  };
  const here = PACKAGE_VERSION;
  assert.match(
    await refusal(here, { task: 'walker-walk' }),
    /^InputError: .*walker-walk shows 24 numbers of state, 6 of action, and the run strange learns from 5/,
  );
  assert.match(
    await refusal(here, { lane: 'robot' }),
    /^InputError: .*no plans for "robot": its lanes are any/,
  );
  assert.match(await refusal(here, { swap: 'step' }), /^InputError: .*--swap step goes with --mode free/);
  assert.match(
    await refusal('0.0.0', {}),
    /^InputError: .*version 0.0.0 of this program .* install the same/,
  );
});

test('beyond this machine a connection must be encrypted and say who is there', async () => {
  const refusal = { name: 'InputError', message: /is another machine: give its address as tls:/ };
  const refused = ['nats://10.0.0.7:4222', 'tls://10.0.0.7:4222', 'nats://me:secret@10.0.0.7:4222'];
  for (const url of refused)
    await assert.rejects(
      connectTo({ url }, 'test', () => {}),
      refusal,
    );
  assert.equal(withoutSecrets('tls://me:secret@lab:1,tls://token@other'), 'tls://lab:1,tls://other');
  await assert.rejects(
    connectTo({ url: 'http://127.0.0.1' }, 'test', () => {}),
    {
      name: 'InputError',
      message: /is no address of a NATS server/,
    },
  );
});

test('why there is no connection is said, whatever it is', server, async (context) => {
  const folder = await temporaryFolder(context);
  const garbage = joinPath(folder, 'garbage.creds');
  await writeFile(garbage, 'not a seed');
  const sockets: Socket[] = [];
  const other = createServer((socket) => {
    sockets.push(socket);
    socket.write('220 mail is here\r\n');
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    other.close();
  });
  const { port } = other.address() as AddressInfo;
  const refusals: [Parameters<typeof connectTo>[0], RegExp][] = [
    [{ url, credentials: garbage }, /garbage\.creds holds nothing to say who this is by .*begins with SU/],
    [{ url, certificateAuthority: joinPath(folder, 'none.pem') }, /--tls-ca .*none\.pem cannot be read/],
    [{ url: `nats://127.0.0.1:${port}` }, /What listens at 127\.0\.0\.1:\d+ is no NATS server/],
    [{ url: url.replace('nats:', 'tls:') }, /does not encrypt: give it a certificate/],
    [{ url: 'nats://127.0.0.1:1' }, /No NATS server can be reached at 127\.0\.0\.1:1: connection refused/],
  ];
  for (const [address, message] of refusals)
    await assert.rejects(
      connectTo(address, 'test', () => {}),
      { name: 'InputError', message },
    );
});

test(
  'a full server is waited for, with a sentence at each end, and what waited comes once there is room',
  server,
  async (context) => {
    // The server goes last.
    const ends: (() => unknown)[] = [];
    context.after(async () => {
      for (const end of ends.reverse()) await end();
    });
    const { url: small } = await startServer({ after: (fn) => void ends.push(fn) });
    const connection = await connect({ servers: new URL(small).host });
    ends.push(() => connection.close());
    const jsm = await jetstream(connection).jetstreamManager();
    await jsm.streams.add({
      name: EPISODES,
      subjects: EPISODE_SUBJECTS,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_bytes: 1.5 * PART_BYTES,
      allow_direct: true,
    });
    const notes: Record<string, string[]> = { learner: [], actor: [] };
    const note = (who: string) => (line: string) => void notes[who]?.push(line);
    const address = { url: small };
    const learner = await LearnerSide.open(options('full', { address }), note('learner'));
    ends.push(() => learner.close());
    await learner.publishPolicy(0, new Uint8Array(10));
    const who = { address, run: 'full', lane: 'any', name: 'test' };
    const actor = await ActorSide.open(who, note('actor'));
    ends.push(() => actor.close());
    await actor.spec();
    for (const n of [0, 1]) await learner.issue(plan(n), 'any');
    const record = new Uint8Array(PART_BYTES).fill(1);
    await actor.nextPlan();
    assert.equal(await actor.commit(0, played, record), true);
    await actor.nextPlan();
    const waits = actor.commit(1, played, record);
    while (notes.actor?.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const next = learner.nextArrival({ n: 1 });
    while (notes.learner?.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await learner.forgetParts([0]);
    assert.equal(await waits, true);
    assert.equal((await next)?.record?.length, PART_BYTES);
    assert.match(
      notes.actor?.[0] ?? '',
      /has no room \(maximum bytes exceeded\): waiting .*checkpoint frees/,
    );
    assert.match(notes.actor?.[1] ?? '', /has room again/);
    assert.match(notes.learner?.[0] ?? '', /RLPD_EPISODES holds \d+ of \d+ bytes.*--resume with a smaller/);
  },
);

test('a record is cut into parts of at most 512 KiB and put together again', () => {
  const record = Uint8Array.from({ length: 2 * PART_BYTES + 1 }, (_, i) => i % 251);
  const parts = cut(record);
  assert.deepEqual(
    parts.map(({ length }) => length),
    [PART_BYTES, PART_BYTES, 1],
  );
  const commit: Commit = {
    ...played,
    attempt: randomUUID(),
    actor: '',
    parts: 3,
    bytes: record.length,
    sha256: sha256Of(record),
  };
  requirePlausible(commit, record.length);
  assert.equal(sha256Of(join(parts, commit)), sha256Of(record));
  assert.throws(() => join(parts.slice(1), commit), /bytes of/);
  assert.throws(() => requirePlausible({ ...commit, parts: 2 }, record.length), /2 parts for/);
});
