/**
 * The pose behind a recorded state, where it can be told. A state is what the task observes, not MuJoCo's qpos: some
 * tasks observe angles as cosine and sine, some leave the horizontal position out, some observe neither the target
 * nor the root's orientation. Only those whose picture follows from the state are here.
 */

export interface PoseReader {
  /** S of the states it reads. */
  readonly stateSize: number;
  /** False where the state lacks the horizontal position: it is 0 at an episode's start, and unknown later. */
  readonly knowsPlace: boolean;
  /** `[S]` to qpos `[nq]`. */
  readonly qpos: (state: Float32Array) => number[];
}

/** Height of the walker's torso at qpos 0, in metres. */
const walkerTorsoHeight = 1.3;

const readers: Readonly<Record<string, PoseReader>> = {
  cartpole: {
    stateSize: 5,
    knowsPlace: true,
    qpos: ([cart = 0, cosine = 1, sine = 0]) => [cart, Math.atan2(sine, cosine)],
  },
  pendulum: { stateSize: 3, knowsPlace: true, qpos: ([cosine = 1, sine = 0]) => [Math.atan2(sine, cosine)] },
  cheetah: { stateSize: 17, knowsPlace: false, qpos: (state) => [0, ...state.subarray(0, 8)] },
  hopper: { stateSize: 15, knowsPlace: false, qpos: (state) => [0, ...state.subarray(0, 6)] },
  walker: { stateSize: 24, knowsPlace: false, qpos: walkerPose },
};

/** @param task such as `walker-walk` @returns null where the picture does not follow from the state */
export function poseReader(task: string, stateSize: number): PoseReader | null {
  const reader = readers[task.split('-')[0] ?? ''];
  return reader?.stateSize === stateSize ? reader : null;
}

/** Pitches of torso and of each leg's thigh, shin and foot; a joint turns against its parent, about −y. */
function walkerPose(state: Float32Array): number[] {
  const pitch = (body: number): number =>
    Math.atan2(state[2 * body + 1] as number, state[2 * body] as number);
  const torso = pitch(0);
  const leg = (thigh: number): number[] => [
    torso - pitch(thigh),
    pitch(thigh) - pitch(thigh + 1),
    pitch(thigh + 1) - pitch(thigh + 2),
  ];
  const height = state[14] as number;
  return [height - walkerTorsoHeight, 0, torso, ...leg(1), ...leg(4)];
}
