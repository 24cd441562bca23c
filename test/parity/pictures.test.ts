/** Rendered pictures against MuJoCo's own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { registerTask } from '../../envs/suite/registry.js';
import { type Golden, goldenPictures, goldenTasks, readGolden } from './golden.js';
import { drawPairs, type Pair, summary } from './likeness.js';

/** dB. */
const leastMean = 37;
const leastSingle = 36;
/** Pictures of triangles have more edges, and shadows of theirs more still. */
const leastOfMeshes = 33;

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
  const { mean, least } = summary(await drawModel('transparent', 2));
  assert.ok(mean >= leastMean && least >= leastSingle, `mean ${mean}, least ${least}`);
});

it('meshes, height fields and pictures on solids look as in MuJoCo: smooth and sharp, half-transparent, in every light', async () => {
  const { mean, least } = summary(await drawModel('meshes', 3));
  assert.ok(mean >= leastOfMeshes && least >= leastOfMeshes - 1, `mean ${mean}, least ${least}`);
});

it('what lies before the near plane is seen through as in MuJoCo: every kind of shape, the floor, half-transparent ones', async () => {
  const { mean, least } = summary(await drawModel('near', 3));
  assert.ok(mean >= leastMean && least >= leastSingle, `mean ${mean}, least ${least}`);
});

it('the swimmer’s eyes look past its nose, which lies before their near plane', async () => {
  const { pictures: poses } = JSON.parse(
    readFileSync(golden('swimmer-swimmer6-eyes.json'), 'utf8'),
  ) as Required<Golden>;
  const { mean, least } = summary(
    await drawPairs('swimmer-swimmer6', poses, golden('swimmer-swimmer6-eyes.png')),
  );
  assert.ok(mean >= leastMean && least >= leastSingle, `mean ${mean}, least ${least}`);
});

function golden(file: string): URL {
  return new URL(`../../../test/golden/renderer/${file}`, import.meta.url);
}

/** A model that is no task's, as it stands, from each of its cameras. */
function drawModel(name: string, cameras: number): Promise<Pair[]> {
  registerTask({
    name,
    model: golden(`${name}.xml`),
    controlTimestep: 0.02,
    maxEnvFrames: 1,
    camera: 0,
    bind: () => ({ initialise: () => undefined, observe: () => ({}), reward: () => 0 }),
  });
  const poses = Array.from({ length: cameras }, (_, camera) => ({ qpos: [], edited: {}, camera }));
  return drawPairs(name, poses, golden(`${name}.png`));
}
