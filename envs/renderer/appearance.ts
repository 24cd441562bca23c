/** How a picture may differ from the model's own look without touching the simulation. */
import type { View } from './scene.js';

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

export interface Appearance {
  /**
   * RGB offsets, three numbers a colour, added to the colours of materials (and of shapes without one), which take
   * them in turn; the sums are kept within [0, 1].
   */
  readonly colours?: ArrayLike<number>;
  readonly camera?: CameraOffset;
  readonly background?: {
    /** RGB bytes `[height, width, 3]` that stand in for the sky; valid until the next call. */
    picture(width: number, height: number): Uint8Array;
    /** Share of floors and walls in what is seen through them, from 0 (glass) to 1. */
    readonly floorOpacity: number;
  };
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
