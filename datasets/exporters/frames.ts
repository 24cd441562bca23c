/** A folder for each episode: its frames as PNG, its actions, rewards and state in `steps.csv`, as `convert frames` reads. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { InputError } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/files/atomicFile.js';
import type { Episode } from '../episode.js';
import type { Manifest } from '../manifest.js';
import type { Exporter } from './exportDataset.js';

export const exportFrames: Exporter = async (out, manifest) => {
  if (manifest.imageChannels !== 3)
    throw new InputError(
      `Only RGB images can be exported as frames; this dataset has ${manifest.imageChannels} channels.`,
    );
  return { write: (episode, number) => writeFrames(episode, number, manifest, out) };
};

async function writeFrames(episode: Episode, number: number, manifest: Manifest, out: string): Promise<void> {
  const { imageHeight: height, imageWidth: width } = manifest;
  const channels = 3;
  const folder = join(out, `episode_${String(number).padStart(6, '0')}`);
  await mkdir(folder);
  const bytes = height * width * channels;
  for (let t = 0; t <= episode.length; t++) {
    const frame = episode.pixels?.subarray(t * bytes, (t + 1) * bytes) ?? new Uint8Array();
    const file = await sharp(frame, { raw: { height, width, channels } }).png().toBuffer();
    await writeFile(join(folder, `${String(t).padStart(6, '0')}.png`), file);
  }
  // Last, and in one step: a folder without it is no episode.
  await writeFileAtomic(join(folder, 'steps.csv'), table(episode, manifest));
}

/** A row for each frame; the last has no action, and holds zeros in its place. */
function table(episode: Episode, { actionSize, stateSize }: Manifest): string {
  const names = (name: string, size: number): string[] =>
    Array.from({ length: size }, (_, i) => `${name}_${i}`);
  const lines = [
    [...names('action', actionSize), 'reward', 'terminated', 'truncated', ...names('state', stateSize)],
  ];
  for (let t = 0; t <= episode.length; t++) {
    const isLast = t === episode.length - 1;
    lines.push(
      [
        ...Array.from({ length: actionSize }, (_, i) => episode.actions[t * actionSize + i] ?? 0),
        episode.rewards[t] ?? 0,
        Number(isLast && episode.terminated),
        Number(isLast && episode.truncated),
        ...(episode.state?.subarray(t * stateSize, (t + 1) * stateSize) ?? []),
      ].map(String),
    );
  }
  return `${lines.map((line) => line.join(',')).join('\n')}\n`;
}
