/** Rendered pictures against MuJoCo's own. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
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
