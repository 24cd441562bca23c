import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DatasetWriter } from '../../datasets/writer.js';
import {
  type Curves,
  curvesSchema,
  datasetDetailsSchema,
  episodeSchema,
  interventionsSchema,
  type Overview,
  overviewSchema,
  runDetailsSchema,
} from '../../src/serve/protocol.js';
import { type ServeOptions, servePage } from '../../src/serve/server.js';
import {
  rejection,
  sampleEpisode,
  sampleHeader,
  sideImage,
  temporaryFolder,
  wristImage,
} from '../datasets/samples.js';
import { lockedBy, report, sampleRun } from './sampleRuns.js';

const images = [sideImage, wristImage];

async function serve(t: TestContext, options: Omit<ServeOptions, 'port'>): Promise<string> {
  const server = await servePage({ ...options, port: 0 });
  t.after(() => server.close());
  return server.url;
}

/** The data of the first event of that name, and of the next ones as they are asked for. */
async function* events(url: URL, name: string): AsyncGenerator<string, void> {
  const response = await fetch(url);
  let text = '';
  for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part;
    const whole = text.split('\n\n');
    text = whole.pop() ?? '';
    for (const event of whole) {
      const lines = event.split('\n');
      const fieldOf = (key: string): string | undefined =>
        lines.find((line) => line.startsWith(`${key}: `))?.slice(key.length + 2);
      if (fieldOf('event') === name) yield fieldOf('data') ?? '';
    }
  }
}

async function overviewOf(url: string): Promise<Overview> {
  for await (const data of events(new URL('api/overview', url), 'overview'))
    return overviewSchema.parse(JSON.parse(data));
  throw new Error('There was no overview.');
}

function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

test('episodes are handed out as they are, and nothing else that lies in the folder', async (t) => {
  const folder = temporaryFolder(t);
  const marked = { ...sampleEpisode(2, 4, images), interventions: Uint8Array.of(0, 1, 1, 0), success: true };
  const episodes = [sampleEpisode(0, 5, images), sampleEpisode(1, 12, images), marked];
  const writer = await DatasetWriter.create(folder, sampleHeader({ images }));
  for (const episode of episodes) await writer.append(episode);
  await writer.close();
  const url = await serve(t, { folders: [folder] });
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  const get = (path: string, query = ''): Promise<Response> =>
    fetch(new URL(`api/${path}?dataset=${encodeURIComponent(folder)}${query}`, url));

  const { datasets } = await overviewOf(url);
  assert.deepEqual(
    datasets.map(({ id, episodes: count, problem }) => [id, count, problem]),
    [[folder, 3, null]],
  );
  const details = datasetDetailsSchema.parse(await (await get('dataset')).json());
  assert.deepEqual(details.images, images);
  assert.equal(details.secondsPerStep, 0.05);
  assert.deepEqual(
    details.episodes.map(({ id, steps, success }) => [id, steps, success]),
    [
      ['episode-0', 5, null],
      ['episode-1', 12, null],
      ['episode-2', 4, true],
    ],
  );
  const values = episodeSchema.parse(await (await get('episode', '&episode=1')).json());
  assert.deepEqual(Float32Array.from(values.actions), episodes[1]?.actions);
  assert.deepEqual(Float32Array.from(values.rewards), episodes[1]?.rewards);
  assert.deepEqual(Float32Array.from(values.state ?? []), episodes[1]?.state);
  for (const { name } of images) {
    const pixels = await (await get('frames', `&episode=1&image=${name}`)).arrayBuffer();
    assert.deepEqual(new Uint8Array(pixels), episodes[1]?.images[name], name);
  }
  assert.deepEqual(interventionsSchema.parse(await (await get('interventions')).json()), [null, null, 2]);

  for (const [path, query] of [
    ['episode', '&episode=3'],
    ['episode', '&episode=-1'],
    ['frames', '&episode=1&image=top'],
    ['frames', '&episode=x&image=side'],
    ['run', '&run=..'],
  ] as const)
    assert.equal((await get(path, query)).status, 404, `${path} ${query}`);
  for (const path of [
    'manifest.json',
    '..%2fmanifest.json',
    '../package.json',
    'api/dataset?dataset=/etc',
    'studies/..%2f/',
  ])
    assert.equal((await fetch(new URL(path, url))).status, 404, path);
});

test('only who names the loopback address is answered there, and only when reading', async (t) => {
  const url = await serve(t, { folders: [temporaryFolder(t)] });
  assert.equal(await statusFor(url, 'elsewhere.example'), 403);
  assert.equal((await fetch(url, { method: 'POST' })).status, 405);
  // What a form of a page elsewhere can send is not taken.
  const form = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' };
  assert.equal((await fetch(new URL('api/edit', url), form)).status, 415);
  const { status, headers } = await fetch(url);
  assert.equal(status, 200);
  const policy = headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
});

test('on another address nothing is answered without the token, which a cookie then holds', async (t) => {
  const url = await serve(t, { folders: [temporaryFolder(t)], host: '0.0.0.0' });
  const bare = new URL(url);
  const token = bare.searchParams.get('token') ?? '';
  assert.ok(token.length >= 32);
  bare.search = '';
  for (const [path, headers] of [
    ['', {}],
    ['api/overview', {}],
    ['?token=wrong', {}],
    ['', { cookie: 'rlpd-token=wrong' }],
  ] as const)
    assert.equal((await fetch(new URL(path, bare), { headers })).status, 401, path);
  const welcome = await fetch(url, { redirect: 'manual' });
  assert.equal(welcome.status, 302);
  const cookie = welcome.headers.get('set-cookie') ?? '';
  assert.match(cookie, /HttpOnly/);
  assert.match(cookie, /SameSite=Strict/);
  assert.equal((await fetch(bare, { headers: { cookie: cookie.split(';')[0] ?? '' } })).status, 200);
});

test('a folder that is not there, and a port that is taken, are refused in a sentence', async (t) => {
  const folder = temporaryFolder(t);
  const missing = join(folder, 'nothing');
  assert.match(
    (await rejection(servePage({ folders: [missing], port: 0 }))).message,
    /nothing is no folder: name one/,
  );
  const url = await serve(t, { folders: [folder] });
  const port = Number(new URL(url).port);
  assert.match(
    (await rejection(servePage({ folders: [folder], port }))).message,
    /is taken: give another with --port/,
  );
});

test('runs are running by their lock, finished by their frames, failed with the reason, else stopped', async (t) => {
  const folder = temporaryFolder(t);
  const run = (name: string): string => sampleRun(join(folder, name));
  lockedBy(run('running'), process.pid);
  report(join(folder, 'running'), 2000, 10);
  report(join(folder, 'running'), 4000, 20);
  report(run('finished'), 10_000, 99);
  report(run('stopped'), 5000, 50);
  lockedBy(run('killed'), 2 ** 22 + 1);
  writeFileSync(join(run('failed'), 'failure.txt'), 'The disk is full.\n');
  writeFileSync(join(run('damaged'), 'config.json'), '{');
  const url = await serve(t, { folders: [folder] });
  const { runs } = await overviewOf(url);
  const states = Object.fromEntries(
    runs.map(({ id, state, reason }) => [id.slice(folder.length + 1), [state, reason]]),
  );
  assert.match(String(states.damaged?.[1]), /config\.json is not valid JSON/);
  assert.match(String(states.killed?.[1]), /process is gone/);
  assert.deepEqual(states.failed, ['failed', 'The disk is full.']);
  assert.deepEqual(
    ['running', 'finished', 'stopped', 'killed', 'damaged'].map((name) => states[name]?.[0]),
    ['running', 'finished', 'stopped', 'failed', 'failed'],
  );
  const running = runs.find(({ state }) => state === 'running');
  assert.deepEqual(
    [running?.done, running?.total, running?.perSecond, running?.secondsLeft, running?.lastReturn],
    [4000, 10_000, 50, 120, 20],
  );
});

test('curves group seeds with an interval, follow the metrics, and begin anew where a resume cut them back', async (t) => {
  const folder = temporaryFolder(t);
  const [a, b] = [0, 1].map((seed) => sampleRun(join(folder, `seed-${seed}`), { seed })) as [string, string];
  for (const [run, mean] of [
    [a, 10],
    [b, 30],
  ] as const)
    for (const frames of [0, 1000]) report(run, frames, mean);
  const url = await serve(t, { folders: [folder] });
  const address = new URL('api/curves', url);
  for (const run of [a, b]) address.searchParams.append('run', run);
  const stream = events(address, 'curves');
  const next = async (): Promise<Curves> => curvesSchema.parse(JSON.parse((await stream.next()).value ?? ''));
  const returns = ({ tasks }: Curves) => tasks[0]?.charts.find(({ measure }) => measure === 'return')?.curves;

  const first = await next();
  assert.deepEqual(
    returns(first)?.map(({ x, value, low, high, runs }) => ({ x, value, low, high, runs })),
    [{ x: [0, 1000], value: [20, 20], low: [10, 10], high: [30, 30], runs: [a, b] }],
  );
  assert.ok(
    first.tasks[0]?.charts.some(({ measure, label }) => measure === 'criticLoss' && label === 'critic loss'),
  );
  const speeds = first.tasks[0]?.charts.find(({ measure }) => measure === 'envFramesPerSecond');
  assert.deepEqual(speeds?.curves[0]?.value, [50]);

  report(a, 2000, 40);
  report(b, 2000, 40);
  let grown = await next();
  // The two files may be read between the two writings.
  if (returns(grown)?.[0]?.x.length === 2) grown = await next();
  assert.deepEqual(returns(grown)?.[0]?.value, [20, 20, 40]);

  rmSync(join(b, 'metrics.jsonl'));
  writeFileSync(join(b, 'metrics.jsonl'), '');
  report(b, 0, 50);
  for (let cut = await next(); ; cut = await next())
    if (returns(cut)?.[0]?.value.length === 1) {
      assert.deepEqual(returns(cut)?.[0]?.value, [30]);
      break;
    }
  await stream.return();
});

test("a run's episodes, films and study are named", async (t) => {
  const folder = temporaryFolder(t);
  const run = sampleRun(join(folder, 'runs', 'share', 'walker', 's0'));
  writeFileSync(join(run, 'best.webp'), 'film');
  const study = join(folder, 'results', 'share');
  mkdirSync(study, { recursive: true });
  writeFileSync(join(study, 'study.json'), '{}');
  writeFileSync(join(study, 'README.md'), '# A question\n\n![curves](curves.svg)\n');
  writeFileSync(join(study, 'curves.svg'), '<svg/>');
  const writer = await DatasetWriter.create(join(run, 'replay'), sampleHeader({ images }));
  await writer.append(sampleEpisode(0, 5, images));
  await writer.close();
  const url = await serve(t, { folders: [folder] });
  const get = (path: string): Promise<Response> => fetch(new URL(path, url));
  const query = `run=${encodeURIComponent(run)}`;
  const details = runDetailsSchema.parse(await (await get(`api/run?${query}`)).json());
  assert.deepEqual(
    [details.replay, details.films, details.study, details.config.task],
    [`${run}/replay`, ['best.webp'], 'share', 'walker-walk'],
  );
  const film = await get(`api/film?${query}&file=best.webp`);
  assert.deepEqual([film.headers.get('content-type'), await film.text()], ['image/webp', 'film']);
  assert.equal((await get(`api/film?${query}&file=config.json`)).status, 404);
  assert.equal((await get(`api/dataset?dataset=${encodeURIComponent(`${run}/replay`)}`)).status, 200);
  assert.match(await (await get('studies/share/')).text(), /<h1>A question<\/h1>/);
  assert.equal((await get('studies/share/curves.svg')).headers.get('content-type'), 'image/svg+xml');
  assert.equal((await get('studies/share/study.json')).status, 404);
  assert.deepEqual((await overviewOf(url)).datasets, []);
});
