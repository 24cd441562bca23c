/** The arm of `arm.xml`, as its tasks and their experts see it. Places are in metres from the middle of the table top. */
import type { Generator } from '../../src/random/generator.js';
import type { Simulation } from '../mujoco.js';

export type Point = readonly [x: number, y: number, z: number];

const axes = ['x', 'y', 'z'] as const;
/** m/s at an action of ±1, along each axis. */
export const topSpeed = 0.25;
/** Metres of each finger's way, from closed to open. */
const fingerWay = 0.035;
/** Of state features: m/s of a finger, and metres by which a servo lags behind, that count as 1. */
const fingerSpeed = 0.2;
const lag = 0.02;
/** Where an episode starts: metres from–to, and shares of the opening. */
const startRange = [
  [-0.1, 0.1],
  [-0.08, 0.08],
  [0.12, 0.2],
] as const;
const startOpening = [0.2, 1] as const;

export class Arm {
  readonly #simulation: Simulation;
  readonly #positions: readonly number[];
  readonly #velocities: readonly number[];
  readonly #fingers: readonly number[];
  readonly #fingerVelocity: number;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    const addresses = (field: 'jnt_qposadr' | 'jnt_dofadr', joints: readonly string[]) =>
      joints.map((joint) => simulation.model(field)[simulation.id('joint', joint)] as number);
    this.#positions = addresses('jnt_qposadr', axes);
    this.#velocities = addresses('jnt_dofadr', axes);
    this.#fingers = addresses('jnt_qposadr', ['left_finger', 'right_finger']);
    [this.#fingerVelocity = 0] = addresses('jnt_dofadr', ['left_finger']);
  }

  /** Where the grip is: the middle between the fingertips' pads. */
  get grip(): Point {
    return this.#positions.map((address) => this.#simulation.data('qpos')[address]) as unknown as Point;
  }

  /** From 0, closed, to 1. */
  get opening(): number {
    const qpos = this.#simulation.data('qpos');
    const way = this.#fingers.reduce((sum, address) => sum + (qpos[address] as number), 0) / 2;
    return way / fingerWay;
  }

  /** m/s of a finger, above 0 where it opens. */
  get openingSpeed(): number {
    return this.#simulation.data('qvel')[this.#fingerVelocity] as number;
  }

  /** Writes a random place of the hand above the table, at rest. */
  initialise(random: Generator): void {
    const { qpos, act, ctrl } = this.#state();
    startRange.forEach(([low, high], axis) => {
      const place = random.uniform(low, high);
      qpos[this.#positions[axis] as number] = place;
      act[axis] = place;
    });
    const way = fingerWay * random.uniform(...startOpening);
    for (const address of this.#fingers) qpos[address] = way;
    ctrl[axes.length] = way;
  }

  /** What the arm feels of itself, and nothing of what lies about it; each of about 1 at most. */
  observe(): Record<string, readonly number[]> {
    const { qpos, qvel, act, ctrl } = this.#state();
    const ranges = this.#simulation.model('jnt_range');
    const joints = axes.map((axis) => this.#simulation.id('joint', axis));
    const places = this.#positions.map((address) => qpos[address] as number);
    return {
      // −1 to 1 over the workspace.
      grip_position: places.map((place, i) => {
        const [low, high] = [0, 1].map((end) => ranges[2 * (joints[i] as number) + end] as number);
        return (2 * (place - (low as number))) / ((high as number) - (low as number)) - 1;
      }),
      grip_velocity: this.#velocities.map((address) => (qvel[address] as number) / topSpeed),
      // How far the servos are behind what they hold: the force on the hand.
      grip_pull: places.map((place, i) => ((act[i] as number) - place) / lag),
      opening: [this.opening],
      opening_velocity: [this.openingSpeed / fingerSpeed],
      opening_pull: [(ctrl[axes.length] as number) / fingerWay - this.opening],
    };
  }

  #state() {
    const simulation = this.#simulation;
    return {
      qpos: simulation.data('qpos'),
      qvel: simulation.data('qvel'),
      act: simulation.data('act'),
      ctrl: simulation.data('ctrl'),
    };
  }
}
