/**
 * What varies, and how far, at each level: the scales of the Distracting Control Suite (Stone et al. 2021), which
 * V-D4RL (Lu et al. 2023, section 4.3) takes over.
 */

export const distractionLevels = ['easy', 'medium', 'hard'] as const;
export type DistractionLevel = (typeof distractionLevels)[number];

export const distractionKinds = ['colour', 'camera', 'background'] as const;
export type DistractionKind = (typeof distractionKinds)[number];

export interface DistractionOptions {
  readonly level: DistractionLevel;
  /** What varies; default: all of it. */
  readonly kinds?: readonly DistractionKind[];
  /** Folder of the user's pictures and films to take backgrounds from; default: pictures made by the program. */
  readonly backgrounds?: string | undefined;
}

export interface DistractionScale {
  /** Furthest change of a colour's red, green and blue, of 1. */
  readonly colour: number;
  /** Furthest turn of the camera, in radians, about each of its axes. */
  readonly turn: number;
  /** Least and most distance of the camera, as a factor. */
  readonly distance: readonly [number, number];
  /** Backgrounds that episodes are dealt from. */
  readonly backgrounds: number;
}

export const distractionScales: Readonly<Record<DistractionLevel, DistractionScale>> = {
  easy: scale(0.1, 4),
  medium: scale(0.2, 8),
  hard: scale(0.3, 60),
};

/** @param beta the suite's one number for colour and camera. */
function scale(beta: number, backgrounds: number): DistractionScale {
  return {
    colour: beta,
    turn: (beta * Math.PI) / 2,
    distance: [1 - 0.5 * beta, 1 + 1.5 * beta],
    backgrounds,
  };
}
