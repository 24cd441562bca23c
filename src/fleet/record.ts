/** An episode between an actor's rollout and a learner's replay: as a record of datasets/FORMAT.md, with what it lacks in the commit. */
import { type Episode, frameBytes } from '../../datasets/episode.js';
import { createManifest, type Manifest } from '../../datasets/manifest.js';
import { packRecord, unpackRecord } from '../../datasets/record.js';
import type { EnvironmentSpec, ObservationSpace } from '../../envs/environment.js';
import { InputError } from '../errors.js';
import { recordingHeader } from '../training/environmentOptions.js';
import { toEpisode } from '../training/recording.js';
import type { Rollout } from '../training/rollout.js';
import { PACKAGE_VERSION } from '../training/version.js';

/** Beside the arrays of a record: names, lengths, checksum, and what a codec adds to images that it cannot pack. */
const SLACK_BYTES = 64 * 1024;

/** What the records of a run look like. */
export function recordManifest(space: ObservationSpace, spec: EnvironmentSpec): Manifest {
  const provenance = { source: 'actor', writer: 'rlpd-pixels', writerVersion: PACKAGE_VERSION, lossy: false };
  return createManifest(recordingHeader(space, spec, provenance));
}

/** T of the longest episode. */
export function maxSteps({ maxEnvFrames, actionRepeat }: EnvironmentSpec): number {
  return Math.ceil(maxEnvFrames / actionRepeat);
}

/** Bytes that no record of such an environment exceeds. */
export function maxRecordBytes(space: ObservationSpace, spec: EnvironmentSpec): number {
  const images = space.images.reduce((sum, image) => sum + frameBytes(image), 0);
  const row = images + 4 * (space.state?.shape[0] ?? 0) + 4 * spec.actionSize + 4 + 1;
  return Math.ceil(1.01 * row * (maxSteps(spec) + 1)) + SLACK_BYTES;
}

/** @returns empty where there is no step */
export async function pack(rollout: Rollout, n: number, manifest: Manifest): Promise<Uint8Array> {
  if (rollout.length === 0) return new Uint8Array();
  const { state, ...episode } = toEpisode(rollout, String(n));
  const hasState = state !== undefined && state.length > 0;
  return Buffer.concat(await packRecord({ ...episode, ...(hasState && { state }) }, manifest));
}

/** @throws InputError where it is no episode of the run */
export async function unpack(
  record: Uint8Array,
  n: number,
  manifest: Manifest,
  steps: number,
): Promise<Episode> {
  const episode = await unpackRecord(record, manifest).catch((error: Error) => {
    throw new InputError(error.message);
  });
  if (episode.id !== String(n)) throw new InputError(`it is episode ${episode.id}`);
  if (episode.length > steps)
    throw new InputError(`it has ${episode.length} steps, and an episode of this run at most ${steps}`);
  return episode;
}
