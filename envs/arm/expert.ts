/**
 * Scripted experts. What one does next follows from where things are now and from nothing that it remembers: a cube that
 * slipped away is gone after again, and an episode goes on from a saved state as it would have.
 */
import type { Generator } from '../../src/random/generator.js';
import type { Arm, Point } from './arm.js';

/** Where an expert wants the hand, and its fingers: 0 closed, 1 open. */
export interface Aim {
  readonly to: Point;
  readonly opening: number;
}

/** Metres from the aim at which the hand begins to slow down. */
const slowing = 0.025;
/** Standard deviation of each number of an action. */
const tremble = 0.15;
/** Share of actions in which the hand slips: its velocity is any. */
const slips = 0.05;

/** Metres between two places along the table. */
export function across([ax, ay]: Point, [bx, by]: Point): number {
  return Math.hypot(bx - ax, by - ay);
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(across(a, b), b[2] - a[2]);
}

/** The same place at another height. */
export function atHeight([x, y]: Point, z: number): Point {
  return [x, y, z];
}

/** `[4]`: straight towards the aim, at full speed until it is near; with `random`, as unsteadily as a hand. */
export function pursue(arm: Arm, { to, opening }: Aim, random?: Generator): Float32Array {
  const { grip } = arm;
  const way = to.map((place, axis) => (place - (grip[axis] as number)) / slowing);
  const length = Math.max(1, ...way.map(Math.abs));
  const action = [...way.map((one) => one / length), 2 * opening - 1];
  if (random === undefined) return Float32Array.from(action);
  const isSlip = random.uniform() < slips;
  return Float32Array.from(action, (value, i) => {
    const unsteady = isSlip && i < way.length ? random.uniform(-1, 1) : value + tremble * random.normal();
    return Math.min(1, Math.max(-1, unsteady));
  });
}

/** How a thing is gripped from above. */
export interface Grasp {
  /** Where the grip is to be. */
  readonly at: Point;
  /** Height of the grip at which the hand moves about freely. */
  readonly above: number;
}

/** Metres: within the first the hand may go down on a thing, within the second it may close. */
const overIt = 0.015;
const aroundIt = 0.012;
/** Metres from where it was to be within which the grip still has it. */
const inHand = 0.024;
/** m/s of the fingers at which they have come to rest, and an opening to which nothing that they hold keeps them. */
const atRest = 0.01;
const wide = 0.85;

/** Whether the fingers have closed on the thing. */
export function holds(arm: Arm, { at }: Grasp): boolean {
  return distance(arm.grip, at) < inHand && arm.opening < wide && Math.abs(arm.openingSpeed) < atRest;
}

/** Over it, down, and close; up first where the hand is low beside it. */
export function reachFor(arm: Arm, { at, above }: Grasp): Aim {
  const { grip } = arm;
  const [, , height] = grip;
  const aside = across(grip, at);
  if (aside < aroundIt && Math.abs(height - at[2]) < aroundIt) return { to: at, opening: 0 };
  if (aside < overIt) return { to: at, opening: 1 };
  if (height < above - 2 * aroundIt) return { to: atHeight(grip, above), opening: 1 };
  return { to: atHeight(at, above), opening: 1 };
}
