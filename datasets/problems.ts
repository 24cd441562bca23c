/**
 * What can be wrong with an episode. One list for everybody: the writer refuses what `findFaults` finds, `verify`
 * reports everything, converters count everything and act on it.
 */
import { type Episode, type EpisodeLayout, frameBytes } from './episode.js';

export type EpisodeProblemKind =
  | 'length'
  | 'not-finite'
  | 'action-range'
  | 'interventions'
  | 'constant-images'
  | 'duplicate-frames'
  | 'no-end';

export interface EpisodeProblem {
  readonly kind: EpisodeProblemKind;
  /** A fault makes an episode unusable; a suspicion may be as it should. */
  readonly severity: 'fault' | 'suspicion';
  /** A sentence without the episode's name. */
  readonly message: string;
}

/** More than this share of frames equal to the frame before: a scene at rest, a camera that hangs, or a repeat left in. */
const DUPLICATE_SHARE = 0.5;

/** Arrays whose length does not follow from T and the layout, numbers that are not finite, actions outside [−1, 1]. */
export function findFaults(episode: Episode, layout: EpisodeLayout): EpisodeProblem[] {
  const lengths = lengthFaults(episode, layout);
  if (lengths.length > 0) return lengths;
  const problems: EpisodeProblem[] = [];
  for (const { name, values, rowSize } of floatArrays(episode, layout)) {
    const at = firstNotWithin(values, Number.MAX_VALUE);
    if (at >= 0)
      problems.push({
        kind: 'not-finite',
        severity: 'fault',
        message: `${name} holds ${values[at]} at step ${Math.floor(at / rowSize)}.`,
      });
  }
  const mark = episode.interventions?.findIndex((value) => value > 1) ?? -1;
  if (mark >= 0)
    problems.push({
      kind: 'interventions',
      severity: 'fault',
      message: `interventions holds ${episode.interventions?.[mark]} at step ${mark}: 0 or 1 was expected.`,
    });
  // What is no number has been said above, and lies in no range.
  const outside = episode.actions.findIndex((value) => Number.isFinite(value) && Math.abs(value) > 1);
  if (outside >= 0)
    problems.push({
      kind: 'action-range',
      severity: 'fault',
      message: `The action at step ${Math.floor(outside / layout.actionSize)} holds ${episode.actions[outside]}, outside [−1, 1].`,
    });
  return problems;
}

/** Where the first number beyond ±limit, or that is none, stands; −1 if there is none. */
function firstNotWithin(values: Float32Array, limit: number): number {
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i] as number) <= limit)) return i;
  return -1;
}

/** Every float32 array of the episode with the numbers in its row. */
export function floatArrays(
  episode: Episode,
  layout: EpisodeLayout,
): { name: string; values: Float32Array; rowSize: number }[] {
  return [
    { name: 'actions', values: episode.actions, rowSize: layout.actionSize },
    { name: 'rewards', values: episode.rewards, rowSize: 1 },
    ...(episode.state ? [{ name: 'state', values: episode.state, rowSize: layout.stateSize }] : []),
    ...Object.entries(episode.extra ?? {}).map(([name, values]) => ({
      name,
      values,
      rowSize: layout.extra[name]?.size ?? 1,
    })),
  ];
}

function lengthFaults(episode: Episode, layout: EpisodeLayout): EpisodeProblem[] {
  const steps = episode.length;
  const fault = (message: string): EpisodeProblem => ({ kind: 'length', severity: 'fault', message });
  if (!Number.isInteger(steps) || steps < 1) return [fault(`It has ${steps} steps; at least one is needed.`)];
  const expected: [string, { length: number } | undefined, number][] = [
    ...imageLengths(episode, layout),
    ['state', episode.state, (steps + 1) * layout.stateSize],
    ['actions', episode.actions, steps * layout.actionSize],
    ['rewards', episode.rewards, steps],
    ...(episode.interventions
      ? ([['interventions', episode.interventions, steps]] satisfies [string, Uint8Array, number][])
      : []),
  ];
  for (const name of new Set([...Object.keys(layout.extra), ...Object.keys(episode.extra ?? {})])) {
    const extra = layout.extra[name];
    const rows = extra?.per === 'observation' ? steps + 1 : steps;
    expected.push([name, episode.extra?.[name], extra === undefined ? 0 : rows * extra.size]);
  }
  return expected
    .filter(([, values, length]) => (values?.length ?? 0) !== length)
    .map(([name, values, length]) =>
      fault(`${name} has ${values?.length ?? 0} elements, expected ${length} for ${steps} steps.`),
    );
}

/** What there is of each image, and how much there should be. */
function imageLengths(
  episode: Episode,
  { images }: EpisodeLayout,
): [name: string, values: Uint8Array | undefined, expected: number][] {
  const names = new Set([...images.map(({ name }) => name), ...Object.keys(episode.images)]);
  return [...names].map((name) => {
    const image = images.find((layout) => layout.name === name);
    const expected = image === undefined ? 0 : (episode.length + 1) * frameBytes(image);
    return [`image "${name}"`, episode.images[name], expected];
  });
}

/** Things that are rarely meant: a dead camera, repeated frames, an episode that never ends. */
export function findSuspicions(episode: Episode, layout: EpisodeLayout): EpisodeProblem[] {
  const problems: EpisodeProblem[] = [];
  for (const image of layout.images) {
    const pixels = episode.images[image.name];
    if (pixels === undefined) continue;
    const where = layout.images.length === 1 ? '' : ` of "${image.name}"`;
    problems.push(...imageSuspicions(pixels, frameBytes(image), where));
  }
  if (!episode.terminated && !episode.truncated)
    problems.push({
      kind: 'no-end',
      severity: 'suspicion',
      message: 'It is neither terminated nor truncated: its last steps may be missing.',
    });
  return problems;
}

/** @param where which image, for the message */
function imageSuspicions(pixels: Uint8Array, bytes: number, where: string): EpisodeProblem[] {
  const frames = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const count = frames.length / bytes;
  const problems: EpisodeProblem[] = [];
  let constant = 0;
  let duplicates = 0;
  // Compared in place: views of every frame cost more than comparing them.
  for (let start = 0; start < frames.length; start += bytes) {
    const end = start + bytes;
    // A frame equals itself moved by one byte only where all its bytes are equal.
    if (frames.compare(frames, start, end - 1, start + 1, end) === 0) constant++;
    else if (start > 0 && frames.compare(frames, start - bytes, start, start, end) === 0) duplicates++;
  }
  if (constant > 0)
    problems.push({
      kind: 'constant-images',
      severity: constant === count ? 'fault' : 'suspicion',
      message: `${constant} of ${count} frames${where} are one grey level throughout.`,
    });
  if (duplicates > DUPLICATE_SHARE * (count - 1))
    problems.push({
      kind: 'duplicate-frames',
      severity: 'suspicion',
      message: `${duplicates} of ${count} frames${where} equal the frame before.`,
    });
  return problems;
}
