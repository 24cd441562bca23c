/**
 * A folder for each episode: its frames as PNG, in a folder for each camera where there are several, and its actions,
 * rewards, success, interventions and state in `steps.csv`, as `convert frames` reads.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { writeFileAtomic } from '../../src/files/atomicFile.js';
import { type Episode, frameAt } from '../episode.js';
import type { Manifest } from '../manifest.js';
import { requireColourImages } from './colourImages.js';
import type { Exporter } from './exportDataset.js';

export const exportFrames: Exporter = async (out, manifest) => {
  requireColourImages(manifest, 'as frames');
  return { write: (episode, number) => writeFrames(episode, number, manifest, out) };
};

async function writeFrames(episode: Episode, number: number, manifest: Manifest, out: string): Promise<void> {
  const folder = join(out, `episode_${String(number).padStart(6, '0')}`);
  await mkdir(folder);
  for (const image of manifest.images) {
    const { name, height, width } = image;
    const camera = manifest.images.length === 1 ? folder : join(folder, name);
    await mkdir(camera, { recursive: true });
    for (let t = 0; t <= episode.length; t++) {
      const raw = { height, width, channels: 3 } as const;
      const file = await sharp(frameAt(episode, image, t), { raw })
        .png()
        .toBuffer();
      await writeFile(join(camera, `${String(t).padStart(6, '0')}.png`), file);
    }
  }
  // Last, and in one step: a folder without it is no episode.
  await writeFileAtomic(join(folder, 'steps.csv'), table(episode, manifest));
}

/** A row for each frame; the last has no action, and holds zeros in its place. */
function table(episode: Episode, { actionSize, stateSize }: Manifest): string {
  const names = (name: string, size: number): string[] =>
    Array.from({ length: size }, (_, i) => `${name}_${i}`);
  const { success, interventions } = episode;
  const lines = [
    [
      ...names('action', actionSize),
      ...['reward', 'terminated', 'truncated'],
      ...(success === undefined ? [] : ['success']),
      ...(interventions === undefined ? [] : ['intervention']),
      ...names('state', stateSize),
    ],
  ];
  for (let t = 0; t <= episode.length; t++) {
    const isLast = t === episode.length - 1;
    lines.push(
      [
        ...Array.from({ length: actionSize }, (_, i) => episode.actions[t * actionSize + i] ?? 0),
        episode.rewards[t] ?? 0,
        Number(isLast && episode.terminated),
        Number(isLast && episode.truncated),
        ...(success === undefined ? [] : [Number(isLast && success)]),
        ...(interventions === undefined ? [] : [interventions[t] ?? 0]),
        ...(episode.state?.subarray(t * stateSize, (t + 1) * stateSize) ?? []),
      ].map(String),
    );
  }
  return `${lines.map((line) => line.join(',')).join('\n')}\n`;
}
