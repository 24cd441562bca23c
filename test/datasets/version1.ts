/**
 * Datasets of format version 1, spelt out as that version specified them: one image at most, without a name. Written
 * by a msgpack library and not by ours, so that what old programs left stays readable whatever our writer becomes.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Packr } from 'msgpackr';
import { type Episode, episodeReturn } from '../../datasets/episode.js';
import { onlyImage } from './samples.js';

/** Of the checksum's own entry: its key (9 bytes), the header of a bin 8 (2), SHA-256. */
const checksumBytes = 9 + 2 + 32;

/** What version 1 says of one image, and so of `sampleEpisode`'s. */
const oneImage = { imageHeight: 9, imageWidth: 7, imageChannels: 3, camera: 'side' };

/**
 * One shard of `sampleEpisode`s, their images as they are.
 * @param changes to the manifest
 */
export async function writeVersion1(
  folder: string,
  episodes: readonly Episode[],
  changes: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const records = episodes.map(packVersion1);
  const shard = Buffer.concat(records);
  const steps = episodes.reduce((sum, { length }) => sum + length, 0);
  const returns = episodes.map(({ rewards }) => episodeReturn(rewards));
  const mean = returns.reduce((sum, value) => sum + value, 0) / returns.length;
  const sorted = returns.toSorted((a, b) => a - b);
  const middle = [sorted[(sorted.length - 1) >> 1] as number, sorted[sorted.length >> 1] as number] as const;
  let offset = 0;
  const index = episodes.map((episode, i) => {
    const entry = {
      id: episode.id,
      offset,
      steps: episode.length,
      return: returns[i],
      source: { file: 'old.npz', rows: [0, episode.length + 1] },
    };
    offset += records[i]?.length ?? 0;
    return entry;
  });
  const manifest = {
    format: 'rlpd-pixels-dataset',
    version: 1,
    task: 'walker-walk',
    actionRepeat: 2,
    controlTimestep: 0.025,
    ...oneImage,
    renderer: 'test',
    actionSize: 2,
    stateSize: 4,
    extra: { height: { per: 'observation', size: 1 }, torque: { per: 'action', size: 2 } },
    codec: 'raw',
    provenance: {
      source: 'test',
      writer: 'test',
      writerVersion: '1',
      lossy: false,
      files: [],
      details: { level: 'medium' },
    },
    alignment: 'o[t], a[t], r[t], o[t+1]',
    complete: true,
    episodes: episodes.length,
    steps,
    bytes: shard.length,
    returns: {
      mean,
      std: Math.sqrt(returns.reduce((sum, value) => sum + (value - mean) ** 2, 0) / returns.length),
      min: sorted[0],
      median: (middle[0] + middle[1]) / 2,
      max: sorted.at(-1),
    },
    shards: [
      {
        file: '00000.msgpack',
        bytes: shard.length,
        sha256: createHash('sha256').update(shard).digest('hex'),
        episodes: episodes.length,
        steps,
        index,
      },
    ],
    ...changes,
  };
  mkdirSync(join(folder, 'shards'), { recursive: true });
  writeFileSync(join(folder, 'shards', '00000.msgpack'), shard);
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`);
}

function packVersion1(episode: Episode): Buffer {
  const hasImages = Object.keys(episode.images).length > 0;
  const record = new Packr({ useRecords: false, variableMapSize: true }).pack({
    id: episode.id,
    length: episode.length,
    ...(hasImages && { pixels: binary(onlyImage(episode)) }),
    ...(episode.state && { state: binary(episode.state) }),
    actions: binary(episode.actions),
    rewards: binary(episode.rewards),
    terminated: episode.terminated,
    truncated: episode.truncated,
    ...(episode.extra && {
      extra: Object.fromEntries(
        Object.entries(episode.extra).map(([name, values]) => [name, binary(values)]),
      ),
    }),
    checksum: Buffer.alloc(32),
  });
  const checksum = createHash('sha256').update(record.subarray(0, -checksumBytes)).digest();
  return Buffer.concat([record.subarray(0, -32), checksum]);
}

function binary(array: Uint8Array | Float32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
