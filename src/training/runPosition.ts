/** A run's place on the axis of its intervals, and the names of what is kept at one. */
import type { RunConfig } from './config.js';
import type { Counters } from './metrics.js';

/** In env frames; an update before the first step counts as the agent step it would later go with. */
export function positionOf({ envFrames, updates }: Counters, config: RunConfig): number {
  const pretrained = Math.min(updates, config.pretrainUpdates) / config.utdRatio;
  return envFrames + Math.ceil(pretrained) * config.actionRepeat;
}

/** `step-00001000`. */
export function stepName(position: number): string {
  return `step-${String(position).padStart(8, '0')}`;
}

export function stepOf(name: string): number {
  return Number(name.slice('step-'.length));
}
