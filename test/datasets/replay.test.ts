import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openReplay } from '../../datasets/converters/replay.js';
import type { Episode } from '../../datasets/episode.js';
import { readManifest } from '../../datasets/manifest.js';
import { DatasetWriter } from '../../datasets/writer.js';
import {
  convertAll,
  onlyImage,
  rejection,
  sampleEpisode,
  sampleHeader,
  sideImage,
  temporaryFolder,
  withPlainBytes,
  wristImage,
} from './samples.js';

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
  assert.deepEqual(found.map(withPlainBytes), episodes);
});

test('a replay can be cut, filtered and resized on the way', async (t) => {
  const { run } = await sampleRun(t);
  const { episodes, report } = await convertAll(t, await openReplay(run, { pictures: { imageSize: 6 } }), {
    episodes: [1, 3],
  });
  assert.deepEqual([report.episodes, episodes[0]?.id], [2, 'episode-1']);
  assert.equal(episodes[0]?.images.side?.length, 6 * 6 * 6 * 3);
});

test('of a replay with several images each is resized, and what names them and its actions is kept', async (t) => {
  const run = temporaryFolder(t);
  const images = [sideImage, wristImage];
  const said = {
    actionBox: { low: [-2, 0], high: [2, 1] },
    actionNames: ['lift', 'grip'],
    actionUnits: ['m', 'rad'],
    stateNames: ['x', 'y', 'z', 'gripper'],
    stateUnits: ['m', 'm', 'm', 'rad'],
  };
  const writer = await DatasetWriter.create(join(run, 'replay'), sampleHeader({ images, ...said }));
  const episode: Episode = {
    ...sampleEpisode(0, 4, images),
    success: true,
    interventions: Uint8Array.of(1, 0, 0, 1),
    instruction: 'walk',
  };
  await writer.append(episode);
  await writer.close();
  const same = await convertAll(t, await openReplay(run, {}));
  assert.deepEqual(same.episodes.map(withPlainBytes), [episode]);
  const manifest = await readManifest(same.out);
  const { actionBox, actionNames, actionUnits, stateNames, stateUnits } = manifest;
  assert.deepEqual({ actionBox, actionNames, actionUnits, stateNames, stateUnits }, said);
  assert.deepEqual([manifest.images, manifest.provenance.lossy], [images, false]);

  const { out, episodes } = await convertAll(t, await openReplay(run, { pictures: { imageSize: 6 } }));
  const small = await readManifest(out);
  assert.deepEqual(
    small.images,
    images.map((image) => ({ ...image, height: 6, width: 6 })),
  );
  assert.equal(small.provenance.lossy, true);
  for (const image of images) {
    const alone = temporaryFolder(t);
    const copy = await DatasetWriter.create(alone, sampleHeader({ images: [image] }));
    await copy.append({ ...episode, images: { [image.name]: episode.images[image.name] as Uint8Array } });
    await copy.close();
    const expected = await convertAll(t, await openReplay(alone, { pictures: { imageSize: 6 } }));
    const resized = episodes[0]?.images[image.name];
    assert.equal(resized?.length, 5 * 6 * 6 * 3);
    assert.ok(onlyImage(expected.episodes[0] as Episode).every((byte, i) => byte === resized?.[i]));
  }
});

test('what a replay says itself cannot be said otherwise', async (t) => {
  const { run } = await sampleRun(t);
  const error = await rejection(openReplay(run, { actionRepeat: 4 }));
  assert.match(error.message, /--action-repeat does not go with a replay/);
  const scaled = await rejection(convertAll(t, await openReplay(run, {}), { actionRange: [[-2, 2]] }));
  assert.match(scaled.message, /^--action-range does not go with .*lie in \[−1, 1\]/);
  assert.match((await rejection(openReplay(join(run, 'missing'), {}))).message, /is not a dataset/);
});
