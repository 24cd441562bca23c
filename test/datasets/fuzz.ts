/**
 * Damaged inputs for every reader: each must end in an InputError, in a reported problem, or in data: equal to the
 * original's, where the format has checksums. Run in the tests with a few hundred each; for more:
 *
 *   node dist/test/datasets/fuzz.js COUNT [READER] [SEED]
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConversionSource } from '../../datasets/converters/conversionSource.js';
import { openFrames } from '../../datasets/converters/frames.js';
import { openLerobot } from '../../datasets/converters/lerobot.js';
import { openMinari } from '../../datasets/converters/minari.js';
import { openRlds } from '../../datasets/converters/rlds.js';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';
import { openZarr } from '../../datasets/converters/zarr.js';
import type { Episode } from '../../datasets/episode.js';
import { openDataset } from '../../datasets/reader.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { InputError } from '../../src/errors.js';
import { Generator } from '../../src/random/generator.js';
import { findProgram } from '../programs.js';
import { mutate } from './mutations.js';
import { golden, sampleEpisode, sampleHeader, sideImage, wristImage } from './samples.js';
import { writeVersion1 } from './version1.js';

interface FuzzReader {
  /** Whether the format can tell that a value was changed; where not, no reader can. */
  readonly isChecksummed: boolean;
  /** An image's name lies where no checksum reaches it: in a manifest, which people may edit. */
  readonly isNamedElsewhere?: boolean;
  /** Makes a good input within `folder`; returns the files to be damaged. */
  prepare(folder: string): Promise<string[]>;
  /** Reads everything; null stands for an episode left out because a problem was found. */
  read(folder: string): Promise<(Episode | null)[]>;
}

async function readSource(source: ConversionSource): Promise<(Episode | null)[]> {
  try {
    const episodes: (Episode | null)[] = [];
    for (const unit of source.units)
      for (const { episode, problems } of (await unit.read()).episodes)
        episodes.push(problems.length > 0 ? null : episode);
    return episodes;
  } finally {
    await source.close();
  }
}

function converterReader(
  isChecksummed: boolean,
  sample: string,
  files: readonly string[],
  open: (folder: string) => Promise<ConversionSource>,
): FuzzReader {
  return {
    isChecksummed,
    async prepare(folder) {
      cpSync(join(golden, sample), folder, { recursive: true });
      return files.map((file) => join(folder, file));
    },
    read: async (folder) => readSource(await open(folder)),
  };
}

function datasetReader(write: (folder: string) => Promise<void>): FuzzReader {
  return {
    isChecksummed: true,
    async prepare(folder) {
      await write(folder);
      return [join(folder, 'shards', '00000.msgpack'), join(folder, 'manifest.json')];
    },
    async read(folder) {
      const episodes: Episode[] = [];
      for await (const episode of (await openDataset(folder)).episodes()) episodes.push(episode);
      return episodes;
    },
  };
}

const FILM = 'videos/observation.images.top/chunk-000/file-000.mp4';

export const fuzzReaders: Readonly<Record<string, FuzzReader>> = {
  shard: datasetReader(async (folder) => {
    const images = [sideImage, wristImage];
    const writer = await DatasetWriter.create(folder, sampleHeader({ images }));
    for (let i = 0; i < 2; i++) await writer.append(sampleEpisode(i, 5, images));
    await writer.close();
  }),
  'shard of version 1': {
    ...datasetReader((folder) =>
      writeVersion1(
        folder,
        [0, 1].map((i) => sampleEpisode(i)),
      ),
    ),
    isNamedElsewhere: true,
  },
  npz: converterReader(true, 'vd4rl/extra', ['episode-9.npz'], (folder) =>
    openVd4rl(folder, { task: 'walker-walk' }),
  ),
  hdf5: converterReader(false, 'vd4rl-hdf5', ['shard_0_20.hdf5'], (folder) =>
    openVd4rl(folder, { task: 'cheetah-run' }),
  ),
  parquet: converterReader(false, 'lerobot/v3.0', ['data/chunk-000/file-000.parquet'], (folder) =>
    openLerobot(folder, {}),
  ),
  tfrecord: converterReader(true, 'rlds', ['robot-train.tfrecord-00000-of-00001'], (folder) =>
    openRlds(folder, {}),
  ),
  zarr: converterReader(false, 'zarr', ['store.zarr.zip'], (folder) =>
    openZarr(join(folder, 'store.zarr.zip'), { reward: 'sparse' }),
  ),
  csv: converterReader(false, 'frames/a', ['steps.csv'], (folder) => openFrames(folder, {})),
  jsonl: converterReader(false, 'frames/b', ['steps.jsonl'], (folder) => openFrames(folder, {})),
  // PNG has checksums, which the library that reads it does not hold every byte to.
  png: converterReader(false, 'frames/a', ['8.png', '10.png'], (folder) => openFrames(folder, {})),
  'hdf5 images': converterReader(false, 'minari/box-v0', ['data/main_data.hdf5'], (folder) =>
    openMinari(folder, {}),
  ),
  'hdf5 picture files': converterReader(false, 'minari/dict-v0', ['data/main_data.hdf5'], (folder) =>
    openMinari(folder, { stateKeys: ['state'] }),
  ),
  ...(findProgram('ffmpeg') !== undefined && {
    film: converterReader(false, 'lerobot/video', [FILM], (folder) => openLerobot(folder, {})),
  }),
};

export interface FuzzResult {
  readonly refused: number;
  readonly unharmed: number;
  readonly slowestMs: number;
}

/** @throws Error (and leaves the input's path in its message) for anything but a sentence or unharmed data. */
export async function fuzz(name: string, count: number, seed: number): Promise<FuzzResult> {
  const reader = fuzzReaders[name];
  if (reader === undefined)
    throw new Error(`There is no reader ${name}: ${Object.keys(fuzzReaders).join(', ')}.`);
  const folder = mkdtempSync(join(tmpdir(), 'rlpd-fuzz-'));
  const files = await reader.prepare(folder);
  const originals = files.map((file) => readFileSync(file));
  const expected = await reader.read(folder);
  const generator = new Generator(seed);
  let [refused, slowestMs] = [0, 0];
  for (let i = 0; i < count; i++) {
    const which = generator.integer(files.length);
    rewrite(files[which] as string, mutate(originals[which] as Buffer, generator));
    const start = performance.now();
    try {
      const found = await reader.read(folder);
      if (reader.isChecksummed) assertUnharmed(found, expected, reader.isNamedElsewhere === true);
    } catch (error) {
      if (!(error instanceof InputError))
        throw new Error(`Mutation ${i} of seed ${seed}, kept in ${files[which]}: ${error}`, { cause: error });
      assert.ok(error.message.length > 10, error.message);
      refused++;
    }
    slowestMs = Math.max(slowestMs, performance.now() - start);
    rewrite(files[which] as string, originals[which] as Buffer);
  }
  rmSync(folder, { recursive: true });
  return { refused, unharmed: count - refused, slowestMs };
}

/** As another file of the same name: the HDF5 library knows a file that it has seen by its inode. */
function rewrite(path: string, bytes: Buffer): void {
  rmSync(path);
  writeFileSync(path, bytes);
}

function assertUnharmed(
  found: readonly (Episode | null)[],
  expected: readonly (Episode | null)[],
  isNamedElsewhere: boolean,
): void {
  const kept = found.filter((episode) => episode !== null);
  for (const episode of kept) {
    const original = expected.find((candidate) => candidate?.id === episode.id);
    assert.ok(original, `an episode "${episode.id}" appeared`);
    const [names, originalNames] = [Object.keys(episode.images), Object.keys(original.images)];
    if (!isNamedElsewhere) assert.deepEqual(names, originalNames);
    assert.equal(names.length, originalNames.length);
    for (const [i, name] of originalNames.entries())
      assert.ok(
        equalBytes(episode.images[names[i] ?? ''], original.images[name]),
        `${name} of ${episode.id} changed silently`,
      );
    for (const key of ['actions', 'rewards'] as const)
      assert.ok(equalBytes(episode[key], original[key]), `${key} of ${episode.id} changed silently`);
  }
}

function equalBytes(
  a: Uint8Array | Float32Array | undefined,
  b: Uint8Array | Float32Array | undefined,
): boolean {
  const bytes = (array: Uint8Array | Float32Array | undefined): Buffer =>
    array === undefined ? Buffer.alloc(0) : Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  return bytes(a).equals(bytes(b));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = '10000', only, seed = '1'] = process.argv.slice(2);
  for (const name of only === undefined ? Object.keys(fuzzReaders) : [only]) {
    const result = await fuzz(name, Number(count), Number(seed));
    const memory = Math.round(process.resourceUsage().maxRSS / 1024);
    console.log(`${name}: ${JSON.stringify(result)}, peak memory ${memory} MB`);
  }
}
