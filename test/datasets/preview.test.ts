import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { DatasetWriter } from '../../datasets/writer.js';
import { previewDataset } from '../../scripts/datasetPreview.js';
import { rejection, sampleEpisode, sampleHeader, temporaryFolder } from './samples.js';

test('a preview shows episodes from the worst to the best, as a sheet, a video and two histograms', async (t) => {
  const folder = temporaryFolder(t);
  const writer = await DatasetWriter.create(folder, sampleHeader());
  for (let i = 0; i < 7; i++) {
    const episode = sampleEpisode(i, 11);
    await writer.append({ ...episode, rewards: episode.rewards.map(() => (i * 3) % 7) });
  }
  await writer.close();
  const { files, episodes } = await previewDataset(folder, join(folder, 'preview'), 3);
  assert.deepEqual(episodes, ['episode-0', 'episode-1', 'episode-2']);
  const [returns, actions, sheet, video] = await Promise.all(files.map((file) => sharp(file).metadata()));
  assert.deepEqual(
    [returns?.format, actions?.format, sheet?.format, video?.format],
    ['png', 'png', 'png', 'webp'],
  );
  // 12 observations of 3 episodes side by side.
  assert.deepEqual([video?.pages, video?.width], [12, 21]);
  // 8 of them for each episode, enlarged to at least 96 pixels.
  assert.ok((sheet?.width ?? 0) > 8 * 96 && (sheet?.height ?? 0) > 3 * 96);
});

test('a dataset without images gets the histograms; one without episodes a sentence', async (t) => {
  const folder = temporaryFolder(t);
  const header = sampleHeader({ imageHeight: 0, imageWidth: 0, imageChannels: 0, extra: {} });
  const writer = await DatasetWriter.create(folder, header);
  assert.match((await rejection(previewDataset(folder, folder, 3))).message, /has no episodes to preview/);
  const { pixels: _, extra: _e, ...plain } = sampleEpisode(0);
  await writer.append(plain);
  await writer.close();
  assert.deepEqual((await previewDataset(folder, folder, 3)).files.length, 2);
});
