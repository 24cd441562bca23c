/**
 * `npm run parity:sheet [-- FOLDER [POSES]]`: for each domain a PNG with a row a state: our picture, MuJoCo's, and
 * their difference eight times as strong; and a table of how like they are. The states are the golden ones, or with
 * POSES those of a folder that poses.ts and draw_poses.py wrote, of which the sheets show the worst and a selection.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ContactSheetCell, contactSheet } from '../../src/media/contactSheet.js';
import { goldenPictures, goldenTasks, type PicturePose, readGolden } from './golden.js';
import { drawPairs, type Pair, summary } from './likeness.js';

const strength = 8;
const rowsOfSheet = 8;

interface Comparison {
  readonly task: string;
  readonly poses: readonly PicturePose[];
  readonly strips: readonly (URL | string)[];
}

const [folder = 'parity-sheets', poses] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
process.stdout.write('task                     side  states  mean dB  least dB\n');
for (const { task, poses: states, strips } of poses === undefined ? golden() : recorded(poses)) {
  for (const strip of strips) {
    const pairs = await drawPairs(task, states, strip);
    const { mean, least } = summary(pairs);
    const side = Math.sqrt((pairs[0] as Pair).ours.length / 3);
    process.stdout.write(
      `${task.padEnd(24)} ${side}    ${String(pairs.length).padStart(4)}     ${mean.toFixed(1)}      ${least.toFixed(1)}\n`,
    );
    const title = `${task}, ${side} px: mean ${mean.toFixed(1)} dB, least ${least.toFixed(1)} dB`;
    const name = side === 64 ? task : `${task}-${side}`;
    const cells = selection(pairs).flatMap((pair) => cellsOf(pair, side));
    writeFileSync(join(folder, `${name}.png`), await contactSheet(cells, { columns: 3, enlarge: 2, title }));
  }
}

function golden(): Comparison[] {
  return goldenTasks().flatMap((task) => {
    const { pictures } = readGolden(task);
    return pictures === undefined ? [] : [{ task, poses: pictures, strips: [goldenPictures(task)] }];
  });
}

function recorded(from: string): Comparison[] {
  return readdirSync(from)
    .filter((name) => name.endsWith('.json'))
    .map((name) => {
      const task = name.slice(0, -'.json'.length);
      const { poses } = JSON.parse(readFileSync(join(from, name), 'utf8')) as { poses: PicturePose[] };
      return { task, poses, strips: [64, 84].map((side) => join(from, `${task}-${side}.png`)) };
    });
}

/** All, or the one least alike and others evenly from all. */
function selection(pairs: readonly Pair[]): readonly Pair[] {
  if (pairs.length <= rowsOfSheet) return pairs;
  const [worst, ...others] = [...pairs].sort((a, b) => a.psnr - b.psnr);
  const step = others.length / (rowsOfSheet - 1);
  return [
    worst as Pair,
    ...Array.from({ length: rowsOfSheet - 1 }, (_, i) => others[Math.floor(i * step)] as Pair),
  ];
}

function cellsOf({ ours, theirs, psnr }: Pair, side: number): ContactSheetCell[] {
  const difference = ours.map((value, at) =>
    Math.min(255, strength * Math.abs(value - (theirs[at] as number))),
  );
  const image = (data: Uint8Array) => ({ width: side, height: side, channels: 3, data }) as const;
  return [
    { image: image(ours), label: `ours, ${psnr.toFixed(1)} dB` },
    { image: image(theirs), label: 'MuJoCo' },
    { image: image(difference), label: `difference × ${strength}` },
  ];
}
