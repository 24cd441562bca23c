/** A run small enough for the reference backend: cartpole from state, tiny networks, a replay that wraps around. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunConfig, RunSettings } from '../../src/training/config.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';

export const smallSettings = {
  task: 'cartpole-swingup',
  obs: 'state',
  offlineMode: 'none',
  backend: 'cpu',
  // 125 agent steps an episode.
  actionRepeat: 8,
  envFrames: 2400,
  randomSteps: 40,
  replayCapacity: 260,
  evaluationInterval: 1200,
  evaluationEpisodes: 1,
  checkpointInterval: 480,
  logInterval: 200,
  ensembleSize: 2,
  hiddenWidth: 8,
  batchSize: 8,
} as const;

export function smallConfig(changes: Readonly<Partial<RunSettings>> = {}): RunConfig {
  return resolveConfig({ flags: { ...smallSettings, ...changes } });
}

/** A folder that goes when the test ends. */
export async function temporaryFolder(context: { after(clean: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rlpd-test-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** `metrics.jsonl` without what the clock left in it: what two equal runs have equal. */
export async function metricsText(run: string): Promise<string> {
  const text = await readFile(join(run, 'metrics.jsonl'), 'utf8');
  return text.replaceAll(/,"seconds":[\d.]+/g, '');
}
