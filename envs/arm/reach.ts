/** Reach: bring the grip to a place in the air. */
import { tolerance } from '../rewards.js';
import type { Point } from './arm.js';
import { armTasks } from './armTask.js';
import { distance } from './expert.js';
import { Thing } from './thing.js';

/** Metres between grip and goal within which it is reached. */
const close = 0.025;
/** Metres that they are apart at the start, at least. */
const apart = 0.08;

export const reachTasks = armTasks({
  name: 'arm-reach',
  model: new URL('./reach.xml', import.meta.url),
  editedFields: ['body_pos'],
  bind(simulation, arm) {
    const goal = new Thing(simulation, 'goal');
    const left = () => distance(arm.grip, goal.place);
    return {
      initialise: (random) => {
        let place: Point;
        do place = [random.uniform(-0.17, 0.17), random.uniform(-0.12, 0.12), random.uniform(0.04, 0.2)];
        while (distance(arm.grip, place) < apart);
        goal.put(place);
      },
      success: () => left() < close,
      progress: () => tolerance(left(), { bounds: [0, close], margin: 0.3, sigmoid: 'linear' }),
      aim: () => ({ to: goal.place, opening: 0.5 }),
    };
  },
});
