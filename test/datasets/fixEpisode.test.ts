import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixEpisode } from '../../datasets/converters/fixEpisode.js';
import { createManifest } from '../../datasets/manifest.js';
import { findFaults } from '../../datasets/problems.js';
import { sampleEpisode, sampleHeader, sideImage, wristImage } from './samples.js';

test('an episode is cut before what cannot be used, in every image and array alike', () => {
  const images = [sideImage, wristImage];
  const layout = createManifest(sampleHeader({ images }));
  const interventions = Uint8Array.of(0, 1, 0, 1, 1, 0);
  const episode = { ...sampleEpisode(0, 6, images), interventions, instruction: 'walk' };
  episode.rewards[4] = Number.NaN;
  const fixed = fixEpisode(episode, layout);
  assert.ok(fixed);
  assert.deepEqual(findFaults(fixed, layout), []);
  assert.deepEqual([fixed.length, fixed.terminated, fixed.truncated], [4, false, true]);
  for (const { name, height, width, channels } of images)
    assert.deepEqual(fixed.images[name], episode.images[name]?.slice(0, 5 * height * width * channels));
  assert.deepEqual(fixed.interventions, Uint8Array.of(0, 1, 0, 1));
  assert.deepEqual(fixed.actions, episode.actions.slice(0, 4 * 2));
  assert.deepEqual(fixed.state, episode.state?.slice(0, 5 * 4));
  assert.equal(fixed.instruction, 'walk');
});
