import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { DatasetWriter } from '../../datasets/writer.js';
import { previewDataset } from '../../scripts/datasetPreview.js';
import { rejection, sampleEpisode, sampleHeader, sideImage, temporaryFolder, wristImage } from './samples.js';

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

test('cameras are shown side by side, whatever their sizes', async (t) => {
  const folder = temporaryFolder(t);
  const images = [sideImage, { ...wristImage, channels: 1 }];
  const writer = await DatasetWriter.create(folder, sampleHeader({ images }));
  for (const [number, levels] of [
    [0, [200, 120]],
    [1, [60, 230]],
  ] as const) {
    const episode = sampleEpisode(number, 3, images);
    const plain = Object.entries(episode.images).map(([name, image], i) => [
      name,
      image.fill(levels[i] ?? 0),
    ]);
    const rewards = episode.rewards.map(() => number);
    await writer.append({ ...episode, images: Object.fromEntries(plain), rewards });
  }
  await writer.close();
  const { files } = await previewDataset(folder, join(folder, 'preview'), 2);
  const [, , sheet, video] = files.map((file) => sharp(file, { page: 0 }));
  assert.ok(sheet && video);
  const { data, info } = await video.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height, info.channels], [2 * (7 + 8), 9, 3]);
  const centres = [
    [3, 200],
    [7 + 4, 120],
    [15 + 3, 60],
    [15 + 7 + 4, 230],
  ] as const;
  // The video is lossy.
  for (const [column, level] of centres)
    assert.ok(Math.abs((data[(2 * 30 + column) * 3] ?? 0) - level) < 12, `column ${column}`);
  assert.ok((data[(7 * 30 + 7 + 4) * 3] ?? 255) < 12, 'black below the smaller image');
  // Four steps of 15 columns, enlarged to at least 96 pixels.
  const { width = 0 } = await sheet.metadata();
  assert.ok(width > 4 * 105 && width < 5 * 105, `${width}`);
});

test('a dataset without images gets the histograms; one without episodes a sentence', async (t) => {
  const folder = temporaryFolder(t);
  const header = sampleHeader({ images: [], extra: {} });
  const writer = await DatasetWriter.create(folder, header);
  assert.match((await rejection(previewDataset(folder, folder, 3))).message, /has no episodes to preview/);
  const { extra: _, ...plain } = sampleEpisode(0, 5, []);
  await writer.append(plain);
  await writer.close();
  assert.deepEqual((await previewDataset(folder, folder, 3)).files.length, 2);
});
