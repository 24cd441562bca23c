/** A camera led around what it looks at with its horizon level, put into the words of a camera's offset (view.ts). */
import { type CameraOffset, orbit, type View } from '../../../envs/renderer/view.js';

export interface Turn {
  /** Radians around the vertical. */
  readonly around: number;
  /** Radians upwards. */
  readonly above: number;
  /** Factor on the distance. */
  readonly distance: number;
}

export const unturned: Turn = { around: 0, above: 0, distance: 1 };

/** Radians above and below the horizon of what is looked at. */
const [lowest, highest] = [0.03, 1.5];

/** @param own the camera's view as the task has it */
export function offsetOf(own: View, { around, above, distance }: Turn): CameraOffset {
  if (around === 0 && above === 0) return { azimuth: 0, elevation: 0, roll: 0, distance };
  const elevation = Math.asin(Math.max(-1, Math.min(1, -own.forwardZ)));
  const wanted = Math.min(highest, Math.max(Math.min(lowest, elevation), elevation + above));
  // One that looks straight down has the top of its picture ahead.
  const isSteep = Math.abs(own.forwardZ) > 0.999;
  const [aheadX, aheadY] = isSteep ? [own.upX, own.upY] : [own.forwardX, own.forwardY];
  const heading = Math.atan2(aheadY, aheadX) + around;
  const x = Math.cos(wanted) * Math.cos(heading);
  const y = Math.cos(wanted) * Math.sin(heading);
  const z = -Math.sin(wanted);
  // In the camera's own axes, forward is cos a (cos e · forward − sin e · up) − sin a · right.
  const right = x * own.rightX + y * own.rightY + z * own.rightZ;
  const up = x * own.upX + y * own.upY + z * own.upZ;
  const forward = x * own.forwardX + y * own.forwardY + z * own.forwardZ;
  const angle = Math.atan2(-up, forward);
  const turned: CameraOffset = {
    azimuth: Math.asin(Math.max(-1, Math.min(1, -right))),
    // As a turn upwards all the way round: below a limit of its own an offset sinks no further.
    elevation: angle < 0 ? angle + 2 * Math.PI : angle,
    roll: 0,
    distance,
  };
  const { rightZ, upZ } = orbit(own, 1, turned);
  return { ...turned, roll: Math.atan2(-rightZ, upZ) };
}
