/** Random joint positions, as the suite's tasks start with. */
import type { Generator } from '../../src/random/generator.js';
import type { Simulation } from '../mujoco.js';

const [free, ball, slide, hinge] = [0, 1, 2, 3];

/**
 * Limited hinges and slides uniform in their range, unlimited hinges uniform in (−π, π), free joints' orientation
 * uniform(0, 1)⁴ normalised, unlimited ball joints uniform over orientations; positions of free joints stay.
 */
export function randomiseJoints(simulation: Simulation, random: Generator): void {
  const types = simulation.model('jnt_type');
  const limited = simulation.model('jnt_limited');
  const ranges = simulation.model('jnt_range');
  const addresses = simulation.model('jnt_qposadr');
  const qpos = simulation.data('qpos');
  for (let joint = 0; joint < types.length; joint++) {
    const type = types[joint];
    const address = addresses[joint] as number;
    if (type === hinge || type === slide) {
      if (limited[joint]) qpos[address] = random.uniform(ranges[2 * joint], ranges[2 * joint + 1]);
      else if (type === hinge) qpos[address] = random.uniform(-Math.PI, Math.PI);
    } else if (type === free) {
      writeNormalised(qpos, address + 3, () => random.uniform());
    } else if (type === ball && !limited[joint]) {
      writeNormalised(qpos, address, () => random.normal());
    }
  }
}

function writeNormalised(qpos: Float64Array, address: number, draw: () => number): void {
  const quaternion = [draw(), draw(), draw(), draw()];
  const length = Math.hypot(...quaternion);
  for (let i = 0; i < 4; i++) qpos[address + i] = (quaternion[i] as number) / length;
}

/** Poses that are rejected before a model is taken to have none without contact. */
const mostAttempts = 1000;

/** Writes poses until nothing touches, then leaves that one. @throws Error when that never happens. */
export function untilNothingTouches(simulation: Simulation, writePose: (attempt: number) => void): void {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    writePose(attempt);
    simulation.forward();
    if (simulation.contactCount === 0) return;
  }
  throw new Error(`None of ${mostAttempts} poses was free of contact.`);
}

/** `randomiseJoints`, again and again until nothing touches. */
export function randomiseJointsWithoutContact(simulation: Simulation, random: Generator): void {
  untilNothingTouches(simulation, () => randomiseJoints(simulation, random));
}
