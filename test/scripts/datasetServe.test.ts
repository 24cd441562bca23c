import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Episode } from '../../datasets/episode.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { serveDataset } from '../../scripts/datasetServer.js';
import {
  rejection,
  sampleEpisode,
  sampleHeader,
  sideImage,
  temporaryFolder,
  wristImage,
} from '../datasets/samples.js';
import { findProgram, needing } from '../programs.js';

const overviewSchema = z.object({
  images: z.array(
    z.object({ name: z.string(), height: z.number(), width: z.number(), channels: z.number() }),
  ),
  episodes: z.array(z.object({ id: z.string(), steps: z.number() })),
});
const valuesSchema = z.object({ actions: z.array(z.number()), rewards: z.array(z.number()) });

const images = [sideImage, wristImage];

async function sampleDataset(folder: string): Promise<Episode[]> {
  const writer = await DatasetWriter.create(folder, sampleHeader({ images }));
  const episodes = [sampleEpisode(0, 5, images), sampleEpisode(1, 12, images)];
  for (const episode of episodes) await writer.append(episode);
  await writer.close();
  return episodes;
}

/** Status of a request that calls the server by another name. */
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

test('the server hands out episodes as they are, on the loopback address and to no other name', async (t) => {
  const folder = temporaryFolder(t);
  const episodes = await sampleDataset(folder);
  const server = await serveDataset(folder, 0);
  t.after(() => server.close());
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  const get = (path: string): Promise<Response> => fetch(new URL(path, server.url));
  const overview = overviewSchema.parse(await (await get('dataset.json')).json());
  assert.deepEqual(
    overview.episodes.map(({ id, steps }) => [id, steps]),
    [
      ['episode-0', 5],
      ['episode-1', 12],
    ],
  );
  const values = valuesSchema.parse(await (await get('episodes/1/values.json')).json());
  assert.deepEqual(Float32Array.from(values.actions), episodes[1]?.actions);
  assert.deepEqual(Float32Array.from(values.rewards), episodes[1]?.rewards);
  assert.deepEqual(overview.images, images);
  for (const [number, { name }] of images.entries()) {
    const pixels = new Uint8Array(await (await get(`episodes/1/images/${number}`)).arrayBuffer());
    assert.deepEqual(pixels, episodes[1]?.images[name], name);
  }
  for (const path of [
    'episodes/2/images/0',
    'episodes/-1/images/0',
    'episodes/1/images/2',
    'episodes/1/images/-1',
    'episodes/1/images',
    'episodes/1/pixels',
    '..%2fmanifest.json',
    'shards/00000.msgpack',
  ])
    assert.equal((await get(path)).status, 404, path);
  assert.equal((await fetch(server.url, { method: 'POST' })).status, 405);
  assert.equal(await statusFor(server.url, 'elsewhere.example'), 403);
  const port = Number(new URL(server.url).port);
  assert.match((await rejection(serveDataset(folder, port))).message, /is taken: give another with --port/);
});

const browser = findProgram('chromium', 'chromium-browser', 'google-chrome');

test(
  'a real browser shows the step that the address names, with its action, reward and image',
  needing(browser, 'chromium'),
  async (t) => {
    const folder = temporaryFolder(t);
    const episodes = await sampleDataset(folder);
    const server = await serveDataset(folder, 0);
    t.after(() => server.close());
    const { stdout } = await promisify(execFile)(
      browser ?? 'chromium',
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        `--user-data-dir=${join(temporaryFolder(t), 'profile')}`,
        '--virtual-time-budget=20000',
        '--dump-dom',
        `${server.url}#1/3`,
      ],
      { maxBuffer: 2 ** 24 },
    );
    assert.match(stdout, /data-ready="true"/);
    assert.match(stdout, /<title>walker-walk · 2 episodes<\/title>/);
    const { actions, rewards } = episodes[1] as Episode;
    const action = [...actions.subarray(6, 8)].map((value) => value.toFixed(2)).join(', ');
    assert.ok(
      stdout.includes(`Step 3 of 12 · action ${action} · reward that follows ${rewards[3]?.toFixed(3)}`),
    );
    assert.match(stdout, /<canvas width="7" height="9"><\/canvas><figcaption>side<\/figcaption>/);
    assert.match(stdout, /<canvas width="8" height="5"><\/canvas><figcaption>wrist<\/figcaption>/);
    assert.match(stdout, /aria-current="true"[^>]*><span title="episode-1">/);
  },
);
