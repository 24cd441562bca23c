/** Lift: take a cube off the table and hold it up. */
import { tolerance } from '../rewards.js';
import { armTasks } from './armTask.js';
import { atHeight, distance, type Grasp, holds, reachFor } from './expert.js';
import { Thing } from './thing.js';

/** Metres of the cube's middle above the table where it is lifted, and while it lies there. */
const lifted = 0.1;
const lying = 0.02;
/** Metres between grip and cube within which it is held, and not thrown. */
const inHand = 0.03;

export const liftTasks = armTasks({
  name: 'arm-lift',
  model: new URL('./lift.xml', import.meta.url),
  bind(simulation, arm) {
    const cube = new Thing(simulation, 'cube');
    const grasp = (): Grasp => ({ at: cube.place, above: 0.09 });
    return {
      initialise: (random) => {
        cube.put([random.uniform(-0.12, 0.12), random.uniform(-0.1, 0.1), lying], random.uniform(-0.4, 0.4));
      },
      success: () => cube.place[2] > lifted && distance(arm.grip, cube.place) < inHand,
      progress: () => {
        const near = tolerance(distance(arm.grip, cube.place), {
          bounds: [0, 0.01],
          margin: 0.2,
          sigmoid: 'linear',
        });
        const high = tolerance(cube.place[2], {
          bounds: [lifted, 1],
          margin: lifted - lying,
          sigmoid: 'linear',
          valueAtMargin: 0,
        });
        return (near + 2 * high * near) / 3;
      },
      aim: () =>
        holds(arm, grasp()) ? { to: atHeight(arm.grip, 0.16), opening: 0 } : reachFor(arm, grasp()),
    };
  },
});
