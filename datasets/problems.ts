/**
 * What can be wrong with an episode. One list for everybody: the writer refuses the faults, `verify` reports faults
 * and suspicions, converters count them and act on them.
 */
import { type Episode, type EpisodeLayout, frameBytes } from './episode.js';

/** Faults make an episode unusable; suspicions may be as they should. */
export const faultKinds = ['length', 'not-finite', 'action-range'] as const;
export const suspicionKinds = ['constant-images', 'duplicate-frames', 'no-end'] as const;
export type EpisodeProblemKind = (typeof faultKinds)[number] | (typeof suspicionKinds)[number];

export interface EpisodeProblem {
  readonly kind: EpisodeProblemKind;
  /** A sentence without the episode's name. */
  readonly message: string;
}

/** More than this share of frames equal to the frame before: a camera that hangs, or a repeat that was not removed. */
const DUPLICATE_SHARE = 0.5;

export function isFault(problem: EpisodeProblem): boolean {
  return faultKinds.some((kind) => kind === problem.kind);
}

/** Arrays whose length does not follow from T and the layout, numbers that are not finite, actions outside [−1, 1]. */
export function findFaults(episode: Episode, layout: EpisodeLayout): EpisodeProblem[] {
  const lengths = lengthFaults(episode, layout);
  if (lengths.length > 0) return lengths;
  const problems: EpisodeProblem[] = [];
  const floats: [string, Float32Array | undefined, number][] = [
    ['actions', episode.actions, layout.actionSize],
    ['rewards', episode.rewards, 1],
    ['state', episode.state, layout.stateSize],
    ...Object.entries(episode.extra ?? {}).map(([name, values]): [string, Float32Array, number] => [
      name,
      values,
      layout.extra[name]?.size ?? 1,
    ]),
  ];
  for (const [name, values, rowSize] of floats) {
    const at = values?.findIndex((value) => !Number.isFinite(value)) ?? -1;
    if (at >= 0)
      problems.push({
        kind: 'not-finite',
        message: `${name} holds ${values?.[at]} at step ${Math.floor(at / rowSize)}.`,
      });
  }
  const outside = episode.actions.findIndex((value) => Math.abs(value) > 1);
  if (outside >= 0)
    problems.push({
      kind: 'action-range',
      message: `The action at step ${Math.floor(outside / layout.actionSize)} holds ${episode.actions[outside]}, outside [−1, 1].`,
    });
  return problems;
}

function lengthFaults(episode: Episode, layout: EpisodeLayout): EpisodeProblem[] {
  const steps = episode.length;
  if (!Number.isInteger(steps) || steps < 1)
    return [{ kind: 'length', message: `It has ${steps} steps; at least one is needed.` }];
  const expected: [string, { length: number } | undefined, number][] = [
    ['pixels', episode.pixels, (steps + 1) * frameBytes(layout)],
    ['state', episode.state, (steps + 1) * layout.stateSize],
    ['actions', episode.actions, steps * layout.actionSize],
    ['rewards', episode.rewards, steps],
  ];
  for (const name of new Set([...Object.keys(layout.extra), ...Object.keys(episode.extra ?? {})])) {
    const extra = layout.extra[name];
    const rows = extra?.per === 'observation' ? steps + 1 : steps;
    expected.push([name, episode.extra?.[name], extra === undefined ? 0 : rows * extra.size]);
  }
  return expected
    .filter(([, values, length]) => (values?.length ?? 0) !== length)
    .map(([name, values, length]) => ({
      kind: 'length',
      message: `${name} has ${values?.length ?? 0} elements, expected ${length} for ${steps} steps.`,
    }));
}

/** Things that are allowed but rarely meant: a black camera, repeated frames, an episode that never ends. */
export function findSuspicions(episode: Episode, layout: EpisodeLayout): EpisodeProblem[] {
  const problems: EpisodeProblem[] = [];
  if (episode.pixels !== undefined) problems.push(...imageSuspicions(episode.pixels, frameBytes(layout)));
  if (!episode.terminated && !episode.truncated)
    problems.push({
      kind: 'no-end',
      message: 'It is neither terminated nor truncated: its last step may be missing.',
    });
  return problems;
}

function imageSuspicions(pixels: Uint8Array, bytes: number): EpisodeProblem[] {
  const frames = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const count = frames.length / bytes;
  const problems: EpisodeProblem[] = [];
  let constant = 0;
  let duplicates = 0;
  for (let i = 0; i < count; i++) {
    const frame = frames.subarray(i * bytes, (i + 1) * bytes);
    // A frame equals itself moved by one byte only where all its bytes are equal.
    if (frame.subarray(1).equals(frame.subarray(0, -1))) constant++;
    else if (i > 0 && frame.equals(frames.subarray((i - 1) * bytes, i * bytes))) duplicates++;
  }
  if (constant > 0)
    problems.push({ kind: 'constant-images', message: `${constant} of ${count} frames are of one colour.` });
  if (duplicates > DUPLICATE_SHARE * (count - 1))
    problems.push({
      kind: 'duplicate-frames',
      message: `${duplicates} of ${count} frames equal the frame before.`,
    });
  return problems;
}
