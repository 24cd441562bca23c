/** How much memory a run's experience will take, said before the run starts, and refused where it cannot fit. */
import { freemem } from 'node:os';
import { InputError } from '../errors.js';
import { frameBytes, type ReplayLayout, rowBytes } from '../replay/replayBuffer.js';

export interface MemoryOptions {
  /** B·G, the transitions of one whole batch. */
  readonly batchRows: number;
  /** n, the agent steps of one transition. Default 1. */
  readonly returnSteps?: number;
  /** Bytes that datasets may take; undefined: what is free. */
  readonly datasetMemory?: number | undefined;
  /** Bytes free now. */
  readonly available?: number;
}

/** How the frames of a dataset that does not fit are divided: of each image the same rows stay in memory. */
export interface SpillPlan {
  /** Rows whose frames stay in memory. */
  readonly residentFrames: number;
  readonly batchRows: number;
  /** Of each image, frames of one transition: a stack and those up to the end of the one it arrives at. */
  readonly framesPerRow: readonly number[];
  /** Bytes of the other frames, in files. */
  readonly fileBytes: number;
}

export interface MemoryEstimate {
  /** Bytes of the online replay once it is full. */
  readonly online: number;
  /** Bytes of the dataset in memory; 0 where it is in the online replay or there is none. */
  readonly offline: number;
  /** Undefined where all of the dataset is in memory. */
  readonly spill: SpillPlan | undefined;
  /** One line for people. */
  readonly note: string;
}

/** Left for the tensor engine, the environment and the rest of the process. */
const RESERVE_BYTES = 1024 ** 3;

/** @throws InputError where the experience would not fit beside the rest of the process */
export function estimateMemory(
  layout: ReplayLayout,
  rows: {
    readonly online: number;
    readonly offline: number;
    /** Further ones of the offline buffer, which fill as people take over, if they do; they are not counted. */
    readonly interventions?: number;
  },
  { batchRows, returnSteps = 1, datasetMemory, available = availableBytes() }: MemoryOptions,
): MemoryEstimate {
  const online = rows.online * rowBytes(layout);
  const whole = rows.offline * rowBytes(layout);
  const budget = datasetMemory ?? available - RESERVE_BYTES - online;
  const fits = whole === 0 || whole <= budget;
  const spill = fits ? undefined : planSpill(layout, rows.offline, { batchRows, returnSteps }, budget);
  const offline = spill === undefined ? whole : budget;
  const rest =
    spill === undefined
      ? ''
      : `, ${gigabytes(spill.fileBytes)} of its images in ${layout.images.length === 1 ? 'a file' : 'files'} of the run's folder and read from there for every batch`;
  const parts = [
    ...(rows.online > 0 ? [`replay ${rows.online} observations, ${gigabytes(online)}`] : []),
    ...(rows.offline > 0 ? [`dataset ${rows.offline} observations, ${gigabytes(offline)}${rest}`] : []),
  ];
  const { interventions = 0 } = rows;
  const later =
    interventions === 0
      ? ''
      : `; each observation of a person at work takes ${rowBytes(layout)} bytes more, as it comes`;
  const note = `Memory: ${parts.join('; ')}; ${gigabytes(available)} free${later}.`;
  if (online + offline + RESERVE_BYTES > available)
    throw new InputError(
      `The run's experience needs ${gigabytes(online + offline)} and ${gigabytes(RESERVE_BYTES)} beside it, and this machine has ${gigabytes(available)} free (${parts.join('; ')}): lower --replay-capacity, --env-frames or --dataset-memory, or use a smaller dataset or --image-size.`,
    );
  return { online, offline, spill, note };
}

/** @throws InputError where the budget does not hold what must be in memory */
function planSpill(
  layout: ReplayLayout,
  rows: number,
  { batchRows, returnSteps }: { readonly batchRows: number; readonly returnSteps: number },
  budget: number,
): SpillPlan | undefined {
  // Without images there is nothing that could be left out: what does not fit is refused by the sum.
  const bytes = layout.images.map(frameBytes);
  const rowImages = bytes.reduce((sum, image) => sum + image, 0);
  const framesPerRow = layout.images.map(({ frameStack }) => frameStack + returnSteps);
  const slots = bytes.reduce((sum, image, i) => sum + batchRows * (framesPerRow[i] as number) * image, 0);
  const needed = rows * (rowBytes(layout) - rowImages) + slots;
  if (needed > budget)
    throw new InputError(
      `The datasets take at least ${gigabytes(needed)} of memory (${rowImages === 0 ? 'all of them: they have no images' : 'all but the images, and the images of one batch'}), and there are ${gigabytes(Math.max(0, budget))} for them: give more --dataset-memory or a smaller dataset, or lower --replay-capacity or --env-frames.`,
    );
  const residentFrames = Math.min(rows, Math.floor((budget - needed) / rowImages));
  return { residentFrames, batchRows, framesPerRow, fileBytes: (rows - residentFrames) * rowImages };
}

/** What the process may still take, under a container's limit too where Node can tell. */
function availableBytes(): number {
  const { availableMemory } = process as { availableMemory?: () => number };
  return availableMemory === undefined ? freemem() : availableMemory.call(process);
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
