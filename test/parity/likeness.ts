/** How like MuJoCo's pictures ours are. */
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { Simulation } from '../../envs/mujoco.js';
import { Renderer } from '../../envs/renderer/renderer.js';
import { findTask } from '../../envs/suite/registry.js';
import { assume, type PicturePose } from './golden.js';

/** One state, drawn by both. RGB bytes. */
export interface Pair {
  readonly ours: Uint8Array;
  readonly theirs: Uint8Array;
  /** Peak signal-to-noise ratio in dB: 10 log₁₀(255² / mean squared difference). */
  readonly psnr: number;
}

/**
 * Draws a task's states and pairs each with MuJoCo's picture of it.
 * @param strip PNG of square pictures, one per pose, from the top down
 */
export async function drawPairs(
  name: string,
  poses: readonly PicturePose[],
  strip: URL | string,
): Promise<Pair[]> {
  const task = findTask(name);
  const { data, info } = await sharp(readFileSync(strip))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const side = info.width;
  const bytes = side * side * 3;
  if (info.height !== side * poses.length)
    throw new Error(`${name}: ${poses.length} states, and a strip of ${info.height / side} pictures.`);
  const simulation = await Simulation.load(task.model);
  // A task may change its model once for all.
  task.bind(simulation);
  const renderer = new Renderer(simulation);
  const pairs = poses.map((pose, i) => {
    assume(simulation, pose);
    const ours = renderer.render(pose.camera, side, side);
    const theirs = data.subarray(i * bytes, (i + 1) * bytes);
    return { ours, theirs, psnr: psnr(ours, theirs) };
  });
  simulation.dispose();
  return pairs;
}

export function summary(pairs: readonly Pair[]): { mean: number; least: number } {
  const ratios = pairs.map((pair) => pair.psnr);
  return {
    mean: ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length,
    least: Math.min(...ratios),
  };
}

function psnr(a: Uint8Array, b: Uint8Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += ((a[i] as number) - (b[i] as number)) ** 2;
  return 10 * Math.log10((255 * 255 * a.length) / squares);
}
