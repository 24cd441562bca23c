/** Button: press it down against its spring. */
import { tolerance } from '../rewards.js';
import { armTasks } from './armTask.js';
import { type Aim, across, atHeight } from './expert.js';
import { Thing } from './thing.js';

/** Metres that the button is to go down. */
const pressed = 0.012;
/** Heights of the grip, in metres: with its fingertips on the button, where the press ends, and free of it. */
const touching = 0.07;
const deep = 0.04;
const free = 0.1;
/** Metres beside the button's middle within which the hand goes down. */
const overIt = 0.012;

export const buttonTasks = armTasks({
  name: 'arm-button',
  model: new URL('./button.xml', import.meta.url),
  editedFields: ['body_pos'],
  bind(simulation, arm) {
    const button = new Thing(simulation, 'button');
    const joint = simulation.model('jnt_qposadr')[simulation.id('joint', 'cap')] as number;
    const depth = () => simulation.data('qpos')[joint] as number;
    return {
      initialise: (random) => button.put([random.uniform(-0.14, 0.14), random.uniform(-0.11, 0.11), 0]),
      success: () => depth() > pressed,
      progress: () => {
        const [x, y, z] = arm.grip;
        const [bx, by] = button.place;
        const near = tolerance(Math.hypot(bx - x, by - y, z - touching), {
          bounds: [0, 0.02],
          margin: 0.2,
          sigmoid: 'linear',
        });
        const down = tolerance(depth(), {
          bounds: [pressed, 1],
          margin: pressed,
          sigmoid: 'linear',
          valueAtMargin: 0,
        });
        return (near + down) / 2;
      },
      aim: (): Aim => {
        const { grip } = arm;
        const aside = across(grip, button.place);
        if (aside < overIt) return { to: atHeight(button.place, deep), opening: 0 };
        if (aside < 0.06 && grip[2] < free - 0.015) return { to: atHeight(grip, free), opening: 0 };
        return { to: atHeight(button.place, free), opening: 0 };
      },
    };
  },
});
