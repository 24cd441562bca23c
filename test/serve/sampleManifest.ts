/** A dataset of many episodes that takes no time to write. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createManifest, MANIFEST_FILE, SHARD_FOLDER, withShards } from '../../datasets/manifest.js';
import { sampleHeader } from '../datasets/samples.js';

/** As far as its manifest says what it holds: there are no shards. */
export function manifestOf(folder: string, episodes: number): void {
  const index = Array.from({ length: episodes }, (_, i) => ({
    id: `episode-${i}`,
    offset: 100 * i,
    steps: 1,
    return: i,
  }));
  const shard = {
    file: '00000.msgpack',
    bytes: 100 * episodes,
    sha256: '0'.repeat(64),
    episodes,
    steps: episodes,
    index,
  };
  const manifest = withShards(createManifest(sampleHeader()), [shard]);
  mkdirSync(join(folder, SHARD_FOLDER), { recursive: true });
  writeFileSync(join(folder, MANIFEST_FILE), JSON.stringify(manifest));
}
