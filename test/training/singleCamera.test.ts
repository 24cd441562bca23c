import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { collect } from '../../src/training/collect.js';
import { behaviours } from '../../src/training/experts.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { temporaryFolder } from './smallRun.js';

/**
 * What `rlpd collect --task cartpole-swingup --level medium --episodes 1 --seed 4 --image-size 36 --workers 1
 * --backend cpu` and `rlpd train --config CONFIG --dataset DATA` gave while an observation was one array of pixels, but that
 * boxes have since been lit at their corners (ray-caster 5): with the light as it was, the numbers were still those. The
 * engine is WebAssembly, whose arithmetic is the same on every machine.
 */
const golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/training/single-camera.json', import.meta.url), 'utf8'),
);

test('one camera without state is learnt from as before there could be several, bit for bit', async (context) => {
  const folder = await temporaryFolder(context);
  const data = join(folder, 'data');
  await collect({
    task: 'cartpole-swingup',
    folder: data,
    behaviours: await behaviours('cartpole-swingup', 'medium', 1),
    mode: 'sample',
    environment: { imageSize: 36 },
    seed: 4,
    engine: { backend: 'cpu', precision: 'float32', device: 'cpu' },
    workers: 1,
    details: { level: 'medium' },
  });
  const run = join(folder, 'run');
  await train({ run, config: resolveConfig({ flags: { ...golden.config, dataset: [data] } }) });
  const found = await readMetrics(run);
  assert.equal(found.length, golden.metrics.length);
  for (const [i, line] of golden.metrics.entries())
    for (const [name, value] of Object.entries(line))
      assert.deepEqual((found[i] as unknown as Record<string, unknown>)[name], value, `${name} of line ${i}`);
});
