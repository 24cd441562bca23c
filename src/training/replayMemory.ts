/** How much memory a run's experience will take, said before the run starts, and refused where it cannot fit. */
import { freemem } from 'node:os';
import { InputError } from '../errors.js';
import { type ReplayLayout, rowBytes } from '../replay/replayBuffer.js';

export interface MemoryEstimate {
  /** Bytes of the online replay once it is full. */
  readonly online: number;
  /** Bytes of the dataset; 0 where it is in the online replay or there is none. */
  readonly offline: number;
  /** Bytes free now. */
  readonly available: number;
  /** One line for people. */
  readonly note: string;
}

/** Left for the tensor engine, the environment and the rest of the process. */
const RESERVE_BYTES = 1024 ** 3;

/** @throws InputError where the experience would not fit beside the rest of the process */
export function estimateMemory(
  layout: ReplayLayout,
  rows: { readonly online: number; readonly offline: number },
  available = availableBytes(),
): MemoryEstimate {
  const online = rows.online * rowBytes(layout);
  const offline = rows.offline * rowBytes(layout);
  const parts = [
    ...(rows.online > 0 ? [`replay ${rows.online} observations, ${gigabytes(online)}`] : []),
    ...(rows.offline > 0 ? [`dataset ${rows.offline} observations, ${gigabytes(offline)}`] : []),
  ];
  const note = `Memory: ${parts.join('; ')}; ${gigabytes(available)} free.`;
  if (online + offline + RESERVE_BYTES > available)
    throw new InputError(
      `The run's experience needs ${gigabytes(online + offline)} and ${gigabytes(RESERVE_BYTES)} beside it, and this machine has ${gigabytes(available)} free (${parts.join('; ')}): lower --replay-capacity or --env-frames, or use a smaller dataset or --image-size.`,
    );
  return { online, offline, available, note };
}

/** What the process may still take, under a container's limit too where Node can tell. */
function availableBytes(): number {
  const { availableMemory } = process as { availableMemory?: () => number };
  return availableMemory === undefined ? freemem() : availableMemory.call(process);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
