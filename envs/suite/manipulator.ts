/** Manipulator: bring a ball to a place with a planar arm and its hand. */
import type { Generator } from '../../src/random/generator.js';
import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import { untilNothingTouches } from './initialStates.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Distance, in metres, within which the ball is where it is to be. */
const close = 0.01;
/** Where the ball starts: shares of episodes in the hand and at the target; in the others anywhere, and flying. */
const inHandShare = 0.1;
const inTargetShare = 0.1;
/** Metres from–to of the target, and of the ball where it starts anywhere. */
const targetX = [-0.4, 0.4] as const;
const targetZ = [0.1, 0.4] as const;
const ballX = [-0.5, 0.5] as const;
const ballZ = [0, 0.7] as const;
/** m/s along x of a flying ball, within ±. */
const ballSpeed = 5;

const armJoints = [
  'arm_root',
  'arm_shoulder',
  'arm_elbow',
  'arm_wrist',
  'finger',
  'fingertip',
  'thumb',
  'thumbtip',
] as const;
const ballJoints = ['ball_x', 'ball_z', 'ball_y'] as const;
const touchSensors = [
  'palm_touch',
  'finger_touch',
  'thumb_touch',
  'fingertip_touch',
  'thumbtip_touch',
] as const;

export const manipulatorTasks: readonly SuiteTask[] = [
  {
    name: 'manipulator-bring_ball',
    model: new URL('./manipulator.xml', import.meta.url),
    controlTimestep: 0.01,
    maxEnvFrames: 1000,
    camera: 0,
    editedFields: ['body_pos', 'body_quat'],
    bind,
  },
];

function bind(simulation: Simulation): BoundTask {
  const body = (name: string) => simulation.id('body', name);
  const [hand, ball, target] = [body('hand'), body('ball'), body('target')];
  const [ballSite, targetSite] = [simulation.id('site', 'ball'), simulation.id('site', 'target')];
  const arm = armJoints.map((joint) => simulation.id('joint', joint));
  const ballIds = ballJoints.map((joint) => simulation.id('joint', joint));
  const position = (joint: number) =>
    simulation.data('qpos')[simulation.model('jnt_qposadr')[joint] as number] as number;
  const velocity = (joint: number) =>
    simulation.data('qvel')[simulation.model('jnt_dofadr')[joint] as number] as number;
  /** x, z and, of the rotation about y, the quaternion's w and y. */
  const pose = (id: number) => {
    const quaternion = simulation.data('xquat').subarray(4 * id);
    return [
      simulation.bodyPosition(id, 0),
      simulation.bodyPosition(id, 2),
      quaternion[0] as number,
      quaternion[2] as number,
    ];
  };
  const ballToTarget = () =>
    Math.hypot(
      ...[0, 1, 2].map(
        (axis) => simulation.sitePosition(targetSite, axis) - simulation.sitePosition(ballSite, axis),
      ),
    );

  return {
    initialise: (random) =>
      untilNothingTouches(simulation, () => {
        poseArm(simulation, random, arm);
        const place = placeTarget(simulation, random, target);
        placeBall(simulation, random, ballIds, place);
      }),
    observe: () => ({
      arm_pos: arm.flatMap((joint) => [Math.sin(position(joint)), Math.cos(position(joint))]),
      arm_vel: arm.map(velocity),
      touch: touchSensors.map((sensor) => Math.log1p(simulation.sensor(sensor)[0] as number)),
      hand_pos: pose(hand),
      object_pos: pose(ball),
      object_vel: ballIds.map(velocity),
      target_pos: pose(target),
    }),
    reward: () => tolerance(ballToTarget(), { bounds: [0, close], margin: 2 * close }),
  };
}

/** In the plane of the arm: metres, and radians about y. */
interface Place {
  readonly x: number;
  readonly z: number;
  readonly angle: number;
}

/** Angles uniform in the joints' ranges, finger and thumb alike. */
function poseArm(simulation: Simulation, random: Generator, joints: readonly number[]): void {
  const qpos = simulation.data('qpos');
  const ranges = simulation.model('jnt_range');
  const addresses = simulation.model('jnt_qposadr');
  for (const joint of joints) {
    const [low, high] = simulation.model('jnt_limited')[joint]
      ? ranges.subarray(2 * joint, 2 * joint + 2)
      : [-Math.PI, Math.PI];
    qpos[addresses[joint] as number] = random.uniform(low, high);
  }
  const address = (joint: string) => addresses[simulation.id('joint', joint)] as number;
  qpos[address('finger')] = qpos[address('thumb')] as number;
}

function placeTarget(simulation: Simulation, random: Generator, body: number): Place {
  const place = {
    x: random.uniform(...targetX),
    z: random.uniform(...targetZ),
    angle: random.uniform(-Math.PI, Math.PI),
  };
  const positions = simulation.model('body_pos');
  positions[3 * body] = place.x;
  positions[3 * body + 2] = place.z;
  const quaternions = simulation.model('body_quat');
  quaternions[4 * body] = Math.cos(place.angle / 2);
  quaternions[4 * body + 2] = Math.sin(place.angle / 2);
  return place;
}

function placeBall(
  simulation: Simulation,
  random: Generator,
  joints: readonly number[],
  target: Place,
): void {
  const kind = random.uniform();
  let place: Place;
  if (kind < inHandShare) place = grasp(simulation);
  else if (kind < inHandShare + inTargetShare) place = target;
  else {
    place = {
      x: random.uniform(...ballX),
      z: random.uniform(...ballZ),
      angle: random.uniform(0, 2 * Math.PI),
    };
    // A pose that is drawn again keeps this speed, even for a ball in the hand: so it is in the suite.
    const dof = simulation.model('jnt_dofadr')[joints[0] as number] as number;
    simulation.data('qvel')[dof] = random.uniform(-ballSpeed, ballSpeed);
  }
  const qpos = simulation.data('qpos');
  [place.x, place.z, place.angle].forEach((value, i) => {
    qpos[simulation.model('jnt_qposadr')[joints[i] as number] as number] = value;
  });
}

/** Where the hand, posed as it now is, would hold the ball. */
function grasp(simulation: Simulation): Place {
  simulation.forward();
  const site = simulation.id('site', 'grasp');
  const rotation = simulation.data('site_xmat').subarray(9 * site);
  return {
    x: simulation.sitePosition(site, 0),
    z: simulation.sitePosition(site, 2),
    angle: Math.PI - Math.atan2(rotation[6] as number, rotation[0] as number),
  };
}
