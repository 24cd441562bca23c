/** A person at the seat of an environment, without a page. */
import { DrivenEnvironment } from '../../src/drive/drivenEnvironment.js';
import { DriverSeat, seatFacts } from '../../src/drive/driverSeat.js';
import type { TakeOver } from '../../src/training/environmentExperience.js';

/**
 * Holds the action in those steps, counted over all episodes.
 * @param executed is given every action that reaches the environment
 */
export function personAt(
  holds: (step: number) => boolean,
  action: Float32Array,
  executed: number[][] = [],
): TakeOver {
  let step = 0;
  return async (environment, task) => {
    const execute = environment.step.bind(environment);
    environment.step = (reached) => {
      executed.push([...reached]);
      return execute(reached);
    };
    const seat = new DriverSeat(seatFacts(environment, null), 'training', () => 0);
    const driven = new DrivenEnvironment(environment, { task, seat, hasPolicy: true });
    const take = driven.step.bind(driven);
    driven.step = (given) => {
      seat.hold(action, holds(step++), step);
      return take(given);
    };
    return driven;
  };
}
