/** Where a picture is taken from, and how a camera is moved around what it looks at. */

/** Position, orthonormal axes, half the image's height at distance 1, and the distance nearer than which nothing is seen. */
export interface View {
  x: number;
  y: number;
  z: number;
  rightX: number;
  rightY: number;
  rightZ: number;
  upX: number;
  upY: number;
  upZ: number;
  forwardX: number;
  forwardY: number;
  forwardZ: number;
  halfHeight: number;
  /** Along the forward axis. */
  near: number;
}

/** A camera moved on a sphere around what it looks at, in its own axes. */
export interface CameraOffset {
  /** Radians around the camera's up axis. */
  readonly azimuth: number;
  /** Radians around its right axis, upwards; cut off where the camera would sink below what it looks at. */
  readonly elevation: number;
  /** Radians around its line of sight. */
  readonly roll: number;
  /** Factor on the distance. */
  readonly distance: number;
}

/** Radians above the horizon of what it looks at, below which a camera does not sink. */
const leastElevation = 0.05;

/** @param depth distance, along the view, of the point that the camera turns around. */
export function orbit(view: View, depth: number, offset: CameraOffset): View {
  const pivotX = view.x + depth * view.forwardX;
  const pivotY = view.y + depth * view.forwardY;
  const pivotZ = view.z + depth * view.forwardZ;
  let right: Axis = [view.rightX, view.rightY, view.rightZ];
  let up: Axis = [view.upX, view.upY, view.upZ];
  let forward: Axis = [view.forwardX, view.forwardY, view.forwardZ];
  const ownElevation = Math.asin(Math.max(-1, Math.min(1, -forward[2])));
  const lowest = Math.min(0, leastElevation - ownElevation);
  // Rising by an angle, the eye looks down by it: forward turns away from up.
  [forward, up] = turn(forward, up, -Math.max(lowest, offset.elevation));
  [right, forward] = turn(right, forward, offset.azimuth);
  [right, up] = turn(right, up, offset.roll);
  const distance = depth * offset.distance;
  return {
    x: pivotX - distance * forward[0],
    y: pivotY - distance * forward[1],
    z: pivotZ - distance * forward[2],
    rightX: right[0],
    rightY: right[1],
    rightZ: right[2],
    upX: up[0],
    upY: up[1],
    upZ: up[2],
    forwardX: forward[0],
    forwardY: forward[1],
    forwardZ: forward[2],
    halfHeight: view.halfHeight,
    near: view.near,
  };
}

type Axis = readonly [number, number, number];

/** Two orthonormal axes turned in their plane, the first towards the second. */
function turn(first: Axis, second: Axis, angle: number): [Axis, Axis] {
  const cosine = Math.cos(angle);
  const sine = Math.sin(angle);
  const mix = (a: number, b: number): Axis => [
    a * first[0] + b * second[0],
    a * first[1] + b * second[1],
    a * first[2] + b * second[2],
  ];
  return [mix(cosine, sine), mix(-sine, cosine)];
}
