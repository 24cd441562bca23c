/** A NATS server of a test's own, and a run of eight short episodes whose actors play in this process. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ActOptions, type ActResult, act } from '../../src/fleet/actor.js';
import { EmbeddedServer } from '../../src/fleet/embeddedServer.js';
import { type LearnOptions, learn } from '../../src/fleet/learner.js';
import type { RunConfig, RunSettings } from '../../src/training/config.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';
import type { TrainResult } from '../../src/training/train.js';
import { smallSettings, temporaryFolder } from '../training/smallRun.js';

export const fleetSettings = {
  ...smallSettings,
  // 20 agent steps an episode.
  actionRepeat: 50,
  envFrames: 8000,
  randomSteps: 40,
  updateInterval: 4,
  evaluationInterval: 1_000_000,
  checkpointInterval: 2700,
  logInterval: 5000,
} as const;

export function fleetConfig(changes: Readonly<Partial<RunSettings>> = {}): RunConfig {
  return resolveConfig({ flags: { ...fleetSettings, ...changes } });
}

type Context = Parameters<typeof temporaryFolder>[0];

export async function startServer(context: Context): Promise<{ url: string; store: string }> {
  const store = join(await temporaryFolder(context), 'store');
  const server = await EmbeddedServer.start(store);
  context.after(() => server.close());
  return { url: server.url, store };
}

/** Learns with so many actors in this process, to the end. */
export async function learnWith(
  actors: number,
  options: LearnOptions & { readonly address: { readonly url: string } },
  changes: Readonly<Partial<ActOptions>> = {},
): Promise<{ learnt: TrainResult; acted: ActResult[] }> {
  const run = options.name ?? 'small';
  const playing = Array.from({ length: actors }, () => act({ address: options.address, run, ...changes }));
  const [learnt, acted] = await Promise.all([
    learn({ inFlight: 3, name: run, planSeconds: 1, ...options }),
    Promise.all(playing),
  ]);
  return { learnt, acted };
}

/** SHA-256 of the weights of the run's last checkpoint. */
export async function weightsHash(run: string): Promise<string> {
  const latest = (await readFile(join(run, 'checkpoints/latest'), 'utf8')).trim();
  const bytes = await readFile(join(run, 'checkpoints', latest, 'agent.safetensors'));
  return createHash('sha256').update(bytes).digest('hex');
}
