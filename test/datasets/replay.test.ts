import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openReplay } from '../../datasets/converters/replay.js';
import type { Episode } from '../../datasets/episode.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { convertAll, rejection, sampleEpisode, sampleHeader, temporaryFolder } from './samples.js';

/** A run's folder whose replay was flushed but never closed, as a run leaves it. */
async function sampleRun(t: TestContext): Promise<{ run: string; episodes: Episode[] }> {
  const run = temporaryFolder(t);
  const writer = await DatasetWriter.create(join(run, 'replay'), sampleHeader());
  const episodes = Array.from({ length: 4 }, (_, i) => sampleEpisode(i, 4 + i));
  for (const episode of episodes) {
    await writer.append(episode);
    await writer.flush();
  }
  return { run, episodes };
}

test("a run's replay becomes a whole dataset without a changed byte", async (t) => {
  const { run, episodes } = await sampleRun(t);
  const { episodes: found, report } = await convertAll(t, await openReplay(run, {}));
  assert.equal(report.episodes, 4);
  assert.deepEqual(
    found.map((episode) => ({ ...episode, pixels: Buffer.from(episode.pixels ?? []).toString('hex') })),
    episodes.map((episode) => ({ ...episode, pixels: Buffer.from(episode.pixels ?? []).toString('hex') })),
  );
});

test('a replay can be cut, filtered and resized on the way', async (t) => {
  const { run } = await sampleRun(t);
  const { episodes, report } = await convertAll(t, await openReplay(run, { imageSize: 6 }), {
    episodes: [1, 3],
  });
  assert.deepEqual([report.episodes, episodes[0]?.id], [2, 'episode-1']);
  assert.equal(episodes[0]?.pixels?.length, 6 * 6 * 6 * 3);
});

test('what a replay says itself cannot be said otherwise', async (t) => {
  const { run } = await sampleRun(t);
  const error = await rejection(openReplay(run, { actionRepeat: 4 }));
  assert.match(error.message, /--action-repeat does not go with a replay/);
  assert.match((await rejection(openReplay(join(run, 'missing'), {}))).message, /is not a dataset/);
});
