/**
 * `npm run parity:sheet [-- FOLDER]`: for each domain a PNG of its golden poses, a row each: our picture, MuJoCo's, and
 * their difference eight times as strong.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Simulation } from '../../envs/mujoco.js';
import { Renderer } from '../../envs/renderer/renderer.js';
import { findTask } from '../../envs/suite/registry.js';
import { type ContactSheetCell, contactSheet } from '../../src/media/contactSheet.js';
import { assume, goldenTasks, readGolden, readPictures } from './golden.js';

const side = 64;
const strength = 8;

const folder = process.argv[2] ?? 'parity-sheets';
mkdirSync(folder, { recursive: true });
for (const name of goldenTasks()) {
  const poses = readGolden(name).pictures;
  if (poses === undefined) continue;
  const task = findTask(name);
  const simulation = await Simulation.load(task.model);
  task.bind(simulation);
  const renderer = new Renderer(simulation);
  const pictures = await readPictures(name);
  const cells = poses.flatMap((pose, i): ContactSheetCell[] => {
    assume(simulation, pose);
    const ours = renderer.render(pose.camera, side, side);
    const theirs = pictures[i] as Buffer;
    const difference = ours.map((value, at) =>
      Math.min(255, strength * Math.abs(value - (theirs[at] as number))),
    );
    return [
      { image: toImage(ours), label: 'ours' },
      { image: toImage(theirs), label: 'MuJoCo' },
      { image: toImage(difference), label: `difference × ${strength}` },
    ];
  });
  simulation.dispose();
  const path = join(folder, `${name}.png`);
  writeFileSync(path, await contactSheet(cells, { columns: 3, enlarge: 2, title: name }));
  process.stdout.write(`${path}\n`);
}

function toImage(data: Uint8Array) {
  return { width: side, height: side, channels: 3, data } as const;
}
