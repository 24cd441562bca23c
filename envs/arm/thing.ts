/** A thing that lies about: a body of a model, with a free joint of its name or fixed to the table. */
import type { Simulation } from '../mujoco.js';
import type { Point } from './arm.js';

export class Thing {
  readonly #simulation: Simulation;
  readonly #body: number;
  /** Of its free joint in `qpos`; undefined where it is fixed. */
  readonly #address: number | undefined;

  /** @throws Error where the model has no such body */
  constructor(simulation: Simulation, name: string) {
    this.#simulation = simulation;
    this.#body = simulation.id('body', name);
    const joint = simulation.model('body_jntadr')[this.#body] as number;
    if (joint >= 0) this.#address = simulation.model('jnt_qposadr')[joint] as number;
  }

  /** Its middle, or where its frame is. */
  get place(): Point {
    return [0, 1, 2].map((axis) => this.#simulation.bodyPosition(this.#body, axis)) as unknown as Point;
  }

  /** @param yaw radians about the vertical; for what has a free joint */
  put(place: Point, yaw = 0): void {
    if (this.#address === undefined) this.#simulation.model('body_pos').set(place, 3 * this.#body);
    else
      this.#simulation
        .data('qpos')
        .set([...place, Math.cos(yaw / 2), 0, 0, Math.sin(yaw / 2)], this.#address);
  }
}
