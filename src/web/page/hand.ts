/**
 * A hand that pulls at a body: a critically damped spring between the body and the point under the pointer, in the
 * plane through the body that faces the viewer. It pulls by what the body weighs where its joints hold it, and by no more
 * than some times what all of its tree weighs.
 */
import type { Simulation } from '../../../envs/mujoco.js';
import type { View } from '../../../envs/renderer/view.js';

/** A point of the picture: to the right and up from its centre, half its height being 1. */
export interface PicturePoint {
  readonly x: number;
  readonly y: number;
}

/** Half heights of the picture within which a body is taken hold of. */
const reach = 0.18;
/** Radians a second of the spring. */
const stiffness = 12;
/** The most that is pulled with, in weights of the whole tree. */
const strength = 3;
const gravity = 9.81;

export class Hand {
  readonly #simulation: Simulation;
  readonly #body: number;
  /** What a force at the body moves: its apparent mass, in kilograms. */
  readonly #mass: number;
  /** Newtons. */
  readonly #most: number;
  #before: readonly number[];

  private constructor(simulation: Simulation, body: number) {
    this.#simulation = simulation;
    this.#body = body;
    const root = simulation.model('body_rootid')[body] as number;
    this.#mass = 1 / (simulation.model('body_invweight0')[2 * body] as number);
    this.#most = strength * gravity * (simulation.model('body_subtreemass')[root] as number);
    this.#before = this.#position();
  }

  /** Takes hold of the body that is nearest to the point; undefined where none is near that could move. */
  static take(simulation: Simulation, view: View, point: PicturePoint): Hand | undefined {
    let nearest: { body: number; distance: number } | undefined;
    for (let body = 1; body < simulation.count('body'); body++) {
      const moves = (simulation.model('body_weldid')[body] as number) > 0;
      const seen = moves ? inPicture(view, centre(simulation, body)) : undefined;
      if (seen === undefined) continue;
      const distance = Math.hypot(seen.x - point.x, seen.y - point.y);
      if (distance < (nearest?.distance ?? reach)) nearest = { body, distance };
    }
    return nearest && new Hand(simulation, nearest.body);
  }

  /**
   * Sets the force of the next steps.
   * @param seconds since the last call
   */
  pull(view: View, point: PicturePoint, seconds: number): void {
    const at = this.#position();
    const [x = 0, y = 0, z = 0] = at;
    const depth = (x - view.x) * view.forwardX + (y - view.y) * view.forwardY + (z - view.z) * view.forwardZ;
    const [right, up] = [depth * view.halfHeight * point.x, depth * view.halfHeight * point.y];
    const target = [
      view.x + depth * view.forwardX + right * view.rightX + up * view.upX,
      view.y + depth * view.forwardY + right * view.rightY + up * view.upY,
      view.z + depth * view.forwardZ + right * view.rightZ + up * view.upZ,
    ];
    const force = at.map((value, axis) => {
      const velocity = (value - (this.#before[axis] as number)) / seconds;
      return this.#mass * (stiffness ** 2 * ((target[axis] as number) - value) - 2 * stiffness * velocity);
    });
    const share = Math.min(1, this.#most / Math.hypot(...force));
    this.#before = at;
    this.#simulation.data('xfrc_applied').set(
      force.map((value) => value * share),
      6 * this.#body,
    );
  }

  /** Where it holds, in the picture. */
  where(view: View): PicturePoint | undefined {
    return inPicture(view, this.#position());
  }

  letGo(): void {
    this.#simulation.data('xfrc_applied').fill(0);
  }

  #position(): number[] {
    return centre(this.#simulation, this.#body);
  }
}

/** A body's centre of mass in the world. */
function centre(simulation: Simulation, body: number): number[] {
  return Array.from(simulation.data('xipos').subarray(3 * body, 3 * body + 3));
}

/** Undefined for what lies behind the viewer. */
function inPicture(view: View, [x = 0, y = 0, z = 0]: readonly number[]): PicturePoint | undefined {
  const [dx, dy, dz] = [x - view.x, y - view.y, z - view.z];
  const depth = dx * view.forwardX + dy * view.forwardY + dz * view.forwardZ;
  if (depth <= view.near) return undefined;
  const half = depth * view.halfHeight;
  return {
    x: (dx * view.rightX + dy * view.rightY + dz * view.rightZ) / half,
    y: (dx * view.upX + dy * view.upY + dz * view.upZ) / half,
  };
}
