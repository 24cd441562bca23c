/** Push: slide a puck onto a disc. */
import { tolerance } from '../rewards.js';
import type { Point } from './arm.js';
import { armTasks } from './armTask.js';
import { type Aim, across, atHeight } from './expert.js';
import { Thing } from './thing.js';

/** Metres between puck and disc within which it is there. */
const there = 0.03;
/** Metres that they are apart at the start, at least. */
const apart = 0.09;
const puckHeight = 0.015;
/** Heights of the grip, in metres: pushing, and free of the puck. */
const low = 0.02;
const free = 0.07;
/** Metres from the puck's middle to the grip: where the fingers touch it, and where they come down behind it. */
const touching = 0.044;
const behind = 0.065;

export const pushTasks = armTasks({
  name: 'arm-push',
  model: new URL('./push.xml', import.meta.url),
  editedFields: ['body_pos'],
  bind(simulation, arm) {
    const [puck, goal] = [new Thing(simulation, 'puck'), new Thing(simulation, 'goal')];
    const left = () => across(puck.place, goal.place);
    return {
      initialise: (random) => {
        const place: Point = [random.uniform(-0.1, 0.1), random.uniform(-0.07, 0.07), puckHeight];
        puck.put(place);
        let end: Point;
        do end = [random.uniform(-0.14, 0.14), random.uniform(-0.11, 0.11), 0.001];
        while (across(place, end) < apart);
        goal.put(end);
      },
      success: () => left() < there,
      progress: () => {
        const near = tolerance(across(arm.grip, puck.place), {
          bounds: [0, touching],
          margin: 0.2,
          sigmoid: 'linear',
        });
        const gone = tolerance(left(), { bounds: [0, there], margin: 0.2, sigmoid: 'linear' });
        return (near + 3 * gone) / 4;
      },
      aim: (): Aim => {
        const { grip } = arm;
        const [px, py] = puck.place;
        const [ux, uy] = direction(puck.place, goal.place);
        const [rx, ry] = [grip[0] - px, grip[1] - py];
        const along = rx * ux + ry * uy;
        const aside = Math.abs(rx * uy - ry * ux);
        const onLine = (way: number, height: number): Point => [px + way * ux, py + way * uy, height];
        if (grip[2] < low + 0.015) {
          if (along < 0.01 - touching && aside < 0.015)
            return { to: onLine(Math.min(left(), 0.05) - touching, low), opening: 0 };
          return { to: atHeight(grip, free), opening: 0 };
        }
        if (across(grip, onLine(-behind, 0)) < 0.012) return { to: onLine(-behind, low), opening: 0 };
        if (grip[2] < free - 0.015) return { to: atHeight(grip, free), opening: 0 };
        return { to: onLine(-behind, free), opening: 0 };
      },
    };
  },
});

/** Of unit length, along the table. */
function direction(from: Point, to: Point): readonly [number, number] {
  const length = Math.max(1e-9, across(from, to));
  return [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
}
