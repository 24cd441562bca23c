/** A dataset in one flat object: what `rlpd dataset info` prints. Everything in it comes from the manifest. */
import { readManifest } from './manifest.js';

export interface DatasetDescription {
  readonly task: string | null;
  readonly episodes: number;
  /** Agent steps. */
  readonly steps: number;
  readonly actionRepeat: number;
  readonly imageHeight: number;
  readonly imageWidth: number;
  readonly imageChannels: number;
  readonly actionSize: number;
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
  readonly camera: string | null;
  readonly renderer: string | null;
  readonly source: string;
  readonly lossy: boolean;
  readonly complete: boolean;
}

export async function describeDataset(folder: string): Promise<DatasetDescription> {
  const manifest = await readManifest(folder);
  const { returns } = manifest;
  return {
    task: manifest.task,
    episodes: manifest.episodes,
    steps: manifest.steps,
    actionRepeat: manifest.actionRepeat,
    imageHeight: manifest.imageHeight,
    imageWidth: manifest.imageWidth,
    imageChannels: manifest.imageChannels,
    actionSize: manifest.actionSize,
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
    camera: manifest.camera,
    renderer: manifest.renderer,
    source: manifest.provenance.source,
    lossy: manifest.provenance.lossy,
    complete: manifest.complete,
  };
}
