/** The provenance entry of a source file: its SHA-256, read as a stream. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Provenance } from '../manifest.js';
import type { SourceFile } from './sourceFiles.js';

type FileEntry = Provenance['files'][number];

export async function hashFile(file: SourceFile): Promise<FileEntry> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file.path, { highWaterMark: 2 ** 20 })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { file: file.name, bytes, sha256: hash.digest('hex') };
}

/** Hashes a file when first asked, and once only: many episodes come from it. */
export function hashOnce(file: SourceFile): () => Promise<FileEntry> {
  let entry: Promise<FileEntry> | null = null;
  return () => {
    entry ??= hashFile(file);
    return entry;
  };
}
