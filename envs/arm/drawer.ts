/** Drawer: take it by its handle and pull it open. */
import { tolerance } from '../rewards.js';
import type { Point } from './arm.js';
import { armTasks } from './armTask.js';
import { type Aim, distance, type Grasp, holds, reachFor } from './expert.js';
import { Thing } from './thing.js';

/** Metres that it is to be open. */
const open = 0.08;

export const drawerTasks = armTasks({
  name: 'arm-drawer',
  model: new URL('./drawer.xml', import.meta.url),
  editedFields: ['body_pos'],
  bind(simulation, arm) {
    const chest = new Thing(simulation, 'chest');
    const site = simulation.id('site', 'handle');
    const joint = simulation.model('jnt_qposadr')[simulation.id('joint', 'drawer')] as number;
    const handle = () => [0, 1, 2].map((axis) => simulation.sitePosition(site, axis)) as unknown as Point;
    const way = () => simulation.data('qpos')[joint] as number;
    const grasp = (): Grasp => ({ at: handle(), above: 0.1 });
    return {
      initialise: (random) => chest.put([random.uniform(-0.12, 0.12), random.uniform(0.06, 0.12), 0]),
      success: () => way() > open,
      progress: () => {
        const near = tolerance(distance(arm.grip, handle()), {
          bounds: [0, 0.015],
          margin: 0.25,
          sigmoid: 'linear',
        });
        return (near + (2 * Math.min(open, Math.max(0, way()))) / open) / 3;
      },
      aim: (): Aim => {
        const [x, y, z] = arm.grip;
        return holds(arm, grasp()) ? { to: [x, y - 0.05, z], opening: 0 } : reachFor(arm, grasp());
      },
    };
  },
});
