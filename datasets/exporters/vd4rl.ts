/**
 * V-D4RL's `.npz`, one an episode: row t holds image t, with the action that led to it and the reward received on
 * arriving (row 0: zeros). State and further arrays that go with observations keep their names.
 */
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { InputError } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/files/atomicFile.js';
import type { Episode, FrameLayout } from '../episode.js';
import type { Manifest } from '../manifest.js';
import { npyHeader } from '../sources/npy.js';
import type { Exporter } from './exportDataset.js';

/** The earliest time that a zip can say, in the words of any time zone: the same data give the same bytes. */
const ZIP_OPTIONS = { mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true };

export const exportVd4rl: Exporter = async (out, manifest) => {
  const [image, ...others] = manifest.images;
  if (image === undefined) throw new InputError('A dataset without images cannot be exported as V-D4RL.');
  if (others.length > 0)
    throw new InputError(
      `V-D4RL's files hold one image a row, and this dataset has ${manifest.images.length}: export it as minari or lerobot.`,
    );
  return { write: (episode, number) => writeNpz(episode, number, manifest, image, out) };
};

async function writeNpz(
  episode: Episode,
  number: number,
  manifest: Manifest,
  { name, height, width, channels }: FrameLayout,
  out: string,
): Promise<void> {
  const rows = episode.length + 1;
  const { actionSize, stateSize } = manifest;
  const archive = new ZipFile();
  const add = (name: string, dtype: string, shape: number[], data: Uint8Array | Float32Array): void => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    archive.addBuffer(Buffer.concat([npyHeader(dtype, shape), bytes]), `${name}.npy`, ZIP_OPTIONS);
  };
  add('image', '|u1', [rows, height, width, channels], episode.images[name] ?? new Uint8Array());
  add('action', '<f4', [rows, actionSize], afterZeros(episode.actions, actionSize));
  add('reward', '<f4', [rows], afterZeros(episode.rewards, 1));
  const last = rows - 1;
  const flag = (isSet: (row: number) => boolean): Uint8Array =>
    Uint8Array.from({ length: rows }, (_, row) => Number(isSet(row)));
  const isTerminal = flag((row) => row === last && episode.terminated);
  add(
    'discount',
    '<f4',
    [rows],
    Float32Array.from(isTerminal, (terminal) => 1 - terminal),
  );
  add(
    'is_first',
    '|b1',
    [rows],
    flag((row) => row === 0),
  );
  add(
    'is_last',
    '|b1',
    [rows],
    flag((row) => row === last),
  );
  add('is_terminal', '|b1', [rows], isTerminal);
  if (episode.state) add('state', '<f4', [rows, stateSize], episode.state);
  for (const [name, { per, size }] of Object.entries(manifest.extra)) {
    const values = episode.extra?.[name];
    if (per === 'observation' && values) add(name, '<f4', size === 1 ? [rows] : [rows, size], values);
  }
  archive.end();
  await writeFileAtomic(join(out, `${fileName(episode, number)}.npz`), await buffer(archive.outputStream));
}

/** A row of zeros before the others: nothing led to the first observation. */
function afterZeros(values: Float32Array, size: number): Float32Array {
  const shifted = new Float32Array(values.length + size);
  shifted.set(values, size);
  return shifted;
}

/** Sorts as the dataset is ordered, and says the length as V-D4RL's names do. */
function fileName(episode: Episode, number: number): string {
  return `${String(number).padStart(6, '0')}-${episode.length}`;
}
