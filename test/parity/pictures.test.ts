/** Rendered pictures against MuJoCo's own. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { registerTask } from '../../envs/suite/registry.js';
import { goldenPictures, goldenTasks, readGolden } from './golden.js';
import { drawPairs, summary } from './likeness.js';

/** dB. */
const leastMean = 37;
const leastSingle = 36;

for (const name of goldenTasks()) {
  const poses = readGolden(name).pictures;
  if (poses === undefined) continue;
  it(`${name} looks as in MuJoCo: PSNR at least ${leastMean} dB in the mean, ${leastSingle} dB for each picture`, async () => {
    const pairs = await drawPairs(name, poses, goldenPictures(name));
    const { mean, least } = summary(pairs);
    assert.ok(
      mean >= leastMean && least >= leastSingle,
      `mean ${mean}, all ${pairs.map((pair) => pair.psnr).join(' ')}`,
    );
  });
}

it('half-transparent shapes look as in MuJoCo: before, behind and inside others, in the mirror, in light and shadow', async () => {
  const file = (ending: string) =>
    new URL(`../../../test/golden/renderer/transparent.${ending}`, import.meta.url);
  registerTask({
    name: 'transparent',
    model: file('xml'),
    controlTimestep: 0.02,
    maxEnvFrames: 1,
    camera: 0,
    bind: () => ({ initialise: () => undefined, observe: () => ({}), reward: () => 0 }),
  });
  const poses = [0, 1].map((camera) => ({ qpos: [], edited: {}, camera }));
  const { mean, least } = summary(await drawPairs('transparent', poses, file('png')));
  assert.ok(mean >= leastMean && least >= leastSingle, `mean ${mean}, least ${least}`);
});
