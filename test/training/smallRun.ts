/** A run small enough for the reference backend: cartpole from state, tiny networks, a replay that wraps around. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readManifest } from '../../datasets/manifest.js';
import type { RunConfig, RunSettings } from '../../src/training/config.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';
import { type TrainResult, train } from '../../src/training/train.js';

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

/** What two equal runs have equal, byte for byte. */
export async function traces(run: string): Promise<Record<string, string>> {
  const latest = (await readFile(join(run, 'checkpoints/latest'), 'utf8')).trim();
  const read = async (path: string) => (await readFile(join(run, path))).toString('base64');
  return {
    latest,
    metrics: await metricsText(run),
    agent: await read(`checkpoints/${latest}/agent.safetensors`),
    episode: await read(`checkpoints/${latest}/episode.safetensors`),
    // Each with the hash of its bytes.
    films: JSON.stringify((await readManifest(join(run, 'films'))).shards),
  };
}

/** Runs until `agentSteps`, then is stopped as by Ctrl-C. */
export async function stopAt(agentSteps: number, options: Parameters<typeof train>[0]): Promise<TrainResult> {
  const controller = new AbortController();
  return train({
    ...options,
    signal: controller.signal,
    onProgress: (progress) => {
      if (progress.agentSteps >= agentSteps) controller.abort();
    },
  });
}
