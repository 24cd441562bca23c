/** Folders that look like runs, without anything having been computed. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { RunSettings } from '../../src/training/config.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';
import { runPaths } from '../../src/training/runFolder.js';
import { evaluation } from '../study/syntheticStudy.js';

export function sampleRun(folder: string, settings: Partial<RunSettings> = {}): string {
  mkdirSync(folder, { recursive: true });
  const flags = { task: 'walker-walk', envFrames: 10_000, ...settings };
  const config = resolveConfig({ preset: 'online-only', flags });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(runPaths(folder).metrics, '');
  return folder;
}

/** Appends what a run reports at one stand: an evaluation, and training metrics after it. */
export function report(folder: string, envFrames: number, mean: number, seconds = envFrames / 50): void {
  const stand = {
    envFrames,
    agentSteps: envFrames / 2,
    updates: envFrames / 2,
    episodes: envFrames / 1000,
    seconds,
  };
  const lines = [
    { ...stand, ...evaluation(mean) },
    { kind: 'train', ...stand, criticLoss: 1 / (1 + envFrames), qMean: mean / 10, entropy: -1 },
  ];
  appendFileSync(runPaths(folder).metrics, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** As this process holds it, or one that is gone. */
export function lockedBy(folder: string, pid: number): void {
  const holder = {
    pid,
    host: hostname(),
    processStart: null,
    since: new Date().toISOString(),
    token: 'test',
  };
  writeFileSync(runPaths(folder).lock, JSON.stringify(holder));
}
