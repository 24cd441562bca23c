/** A dataset in one object: what `rlpd dataset info` prints. All but the published levels comes from the manifest. */
import { type Manifest, readManifest } from './manifest.js';
import { clonedLevels, type Vd4rlLevel } from './publishedLevels.js';

export interface DatasetDescription {
  readonly task: string | null;
  readonly episodes: number;
  /** Agent steps. */
  readonly steps: number;
  readonly actionRepeat: number;
  readonly images: Manifest['images'];
  readonly actionSize: number;
  /** What −1 and 1 are in the environment's own units; null when unknown. */
  readonly actionBox: Manifest['actionBox'];
  readonly stateSize: number;
  readonly returnMean: number | null;
  readonly returnStd: number | null;
  readonly returnMin: number | null;
  readonly returnMedian: number | null;
  readonly returnMax: number | null;
  /** Of all shards on disk. */
  readonly bytes: number;
  readonly bytesPerStep: number;
  readonly shards: number;
  readonly codec: string;
  readonly renderer: string | null;
  readonly source: string;
  readonly lossy: boolean;
  readonly complete: boolean;
  /** How good its behaviour is, as its source says: `expert`, …; null where it does not say. */
  readonly level: string | null;
  /** Return that behaviour cloning reaches on V-D4RL's data, by level; null for a task that it does not have. */
  readonly vd4rlClonedReturn: Readonly<Record<Vd4rlLevel, number>> | null;
}

export async function describeDataset(folder: string): Promise<DatasetDescription> {
  const manifest = await readManifest(folder);
  const { returns } = manifest;
  return {
    task: manifest.task,
    episodes: manifest.episodes,
    steps: manifest.steps,
    actionRepeat: manifest.actionRepeat,
    images: manifest.images,
    actionSize: manifest.actionSize,
    actionBox: manifest.actionBox,
    stateSize: manifest.stateSize,
    returnMean: returns?.mean ?? null,
    returnStd: returns?.std ?? null,
    returnMin: returns?.min ?? null,
    returnMedian: returns?.median ?? null,
    returnMax: returns?.max ?? null,
    bytes: manifest.bytes,
    bytesPerStep: manifest.steps === 0 ? 0 : manifest.bytes / manifest.steps,
    shards: manifest.shards.length,
    codec: manifest.codec,
    renderer: manifest.renderer,
    source: manifest.provenance.source,
    lossy: manifest.provenance.lossy,
    complete: manifest.complete,
    level: typeof manifest.provenance.details.level === 'string' ? manifest.provenance.details.level : null,
    vd4rlClonedReturn: clonedLevels(manifest.task),
  };
}
