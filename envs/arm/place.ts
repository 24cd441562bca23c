/** Place: put a cube down on a disc and let go of it. */
import { tolerance } from '../rewards.js';
import type { Point } from './arm.js';
import { armTasks } from './armTask.js';
import { type Aim, across, atHeight, distance, type Grasp, holds, reachFor } from './expert.js';
import { Thing } from './thing.js';

/** Metres between cube and disc within which it is there, and at the start, at least. */
const there = 0.03;
const apart = 0.1;
/** Metres of the cube's middle above the table while it lies there. */
const lying = 0.02;
/** Share of the fingers' opening at which they have let go of the cube, however it is turned. */
const letGo = 0.85;
/** Heights of the grip, in metres: over a cube that lies, and carrying one. */
const above = 0.09;
const carrying = 0.07;

export const placeTasks = armTasks({
  name: 'arm-place',
  model: new URL('./place.xml', import.meta.url),
  editedFields: ['body_pos'],
  bind(simulation, arm) {
    const [cube, goal] = [new Thing(simulation, 'cube'), new Thing(simulation, 'goal')];
    const grasp = (): Grasp => ({ at: cube.place, above });
    const left = () => across(cube.place, goal.place);
    const isDown = () => cube.place[2] < lying + 0.004;
    return {
      initialise: (random) => {
        const place: Point = [random.uniform(-0.12, 0.12), random.uniform(-0.1, 0.1), lying];
        cube.put(place, random.uniform(-0.4, 0.4));
        let end: Point;
        do end = [random.uniform(-0.13, 0.13), random.uniform(-0.1, 0.1), 0.001];
        while (across(place, end) < apart);
        goal.put(end);
      },
      success: () => left() < there && isDown() && arm.opening > letGo,
      progress: () => {
        const near = tolerance(distance(arm.grip, cube.place), {
          bounds: [0, 0.01],
          margin: 0.2,
          sigmoid: 'linear',
        });
        const gone = tolerance(left(), { bounds: [0, there], margin: 0.2, sigmoid: 'linear' });
        const isPlaced = left() < there && isDown();
        return isPlaced ? (3 + Math.min(1, arm.opening / letGo)) / 4 : (near + 2 * gone) / 4;
      },
      aim: (): Aim => {
        // A cube that is held askew does not come down all the way before it is let go.
        if (left() < there / 2 && cube.place[2] < lying + 0.01) return { to: arm.grip, opening: 1 };
        if (!holds(arm, grasp())) return reachFor(arm, grasp());
        const { grip } = arm;
        if (left() < there / 3) return { to: atHeight(grip, lying), opening: 0 };
        if (grip[2] < carrying - 0.02) return { to: atHeight(grip, carrying), opening: 0 };
        const [dx, dy] = [0, 1].map((axis) => (goal.place[axis] as number) - (cube.place[axis] as number));
        return { to: [grip[0] + (dx as number), grip[1] + (dy as number), carrying], opening: 0 };
      },
    };
  },
});
