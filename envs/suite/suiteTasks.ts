/** The tasks that come with the program. A new family is one file, listed here. */
import { buttonTasks } from '../arm/button.js';
import { drawerTasks } from '../arm/drawer.js';
import { liftTasks } from '../arm/lift.js';
import { placeTasks } from '../arm/place.js';
import { pushTasks } from '../arm/push.js';
import { reachTasks } from '../arm/reach.js';
import { acrobotTasks } from './acrobot.js';
import { ballInCupTasks } from './ballInCup.js';
import { cartpoleTasks } from './cartpole.js';
import { cheetahTasks } from './cheetah.js';
import { fingerTasks } from './finger.js';
import { fishTasks } from './fish.js';
import { hopperTasks } from './hopper.js';
import { humanoidTasks } from './humanoid.js';
import { manipulatorTasks } from './manipulator.js';
import { pendulumTasks } from './pendulum.js';
import { pointMassTasks } from './pointMass.js';
import { quadrupedTasks } from './quadruped.js';
import { reacherTasks } from './reacher.js';
import { swimmerTasks } from './swimmer.js';
import type { SuiteTask } from './task.js';
import { walkerTasks } from './walker.js';

const families = [
  acrobotTasks,
  ballInCupTasks,
  cartpoleTasks,
  cheetahTasks,
  fingerTasks,
  fishTasks,
  hopperTasks,
  humanoidTasks,
  manipulatorTasks,
  pendulumTasks,
  pointMassTasks,
  quadrupedTasks,
  reacherTasks,
  swimmerTasks,
  walkerTasks,
  // The arm's.
  buttonTasks,
  drawerTasks,
  liftTasks,
  placeTasks,
  pushTasks,
  reachTasks,
];

export const suiteTasks: readonly SuiteTask[] = families.flat();
