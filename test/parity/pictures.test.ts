/** Rendered pictures against MuJoCo's own. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Simulation } from '../../envs/mujoco.js';
import { Renderer } from '../../envs/renderer/renderer.js';
import { findTask } from '../../envs/suite/registry.js';
import { assume, goldenTasks, readGolden, readPictures } from './golden.js';

/** dB. */
const leastMean = 35;
const leastSingle = 30;

for (const name of goldenTasks()) {
  const poses = readGolden(name).pictures;
  if (poses === undefined) continue;
  it(`${name} looks as in MuJoCo: PSNR at least ${leastMean} dB in the mean, ${leastSingle} dB for each picture`, async () => {
    const task = findTask(name);
    const simulation = await Simulation.load(task.model);
    task.bind(simulation);
    const renderer = new Renderer(simulation);
    const pictures = await readPictures(name);
    const ratios = poses.map((pose, i) => {
      assume(simulation, pose);
      return psnr(renderer.render(pose.camera, 64, 64), pictures[i] as Buffer);
    });
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
    assert.ok(
      mean >= leastMean && Math.min(...ratios) >= leastSingle,
      `mean ${mean}, all ${ratios.join(' ')}`,
    );
    simulation.dispose();
  });
}

function psnr(a: Uint8Array, b: Uint8Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += ((a[i] as number) - (b[i] as number)) ** 2;
  return 10 * Math.log10((255 * 255 * a.length) / squares);
}
