/**
 * A small server of version 2 of the remote protocol for the tests: a robot with two cameras, a box of actions that is
 * not symmetric, and a person beside it. State is [seed, steps since the reset]. In steps 3 to 5 of every episode, and
 * in the first of those whose seed is odd, the person takes over.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { listen, Raw, type Session } from './remoteWire.js';

/** What is to be different from the robot as it is: facts of the hello, fields of a step's answer. */
export interface RobotChanges {
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly step?: Readonly<Record<string, unknown>>;
  readonly reset?: Readonly<Record<string, unknown>>;
  /** What a hello is answered with instead: bytes. */
  readonly hello?: Uint8Array;
  /** Never takes over, and says nothing of it. */
  readonly alone?: boolean;
}

/** In the robot's own units: steer, gas, brake. */
export const executed = [0, 0.5, 0];
export const box = { low: [-1, 0, 0], high: [1, 1, 1] };
export const episodeSteps = 10;

const facts = {
  protocol: 2,
  name: 'Robot-v0(task=stack)',
  renderer: 'test',
  actionSize: 3,
  actionLow: box.low,
  actionHigh: box.high,
  actionNames: ['steer', 'gas', 'brake'],
  stateSize: 2,
  images: [
    { key: 'pixels/front', shape: [4, 6, 3] },
    { key: 'pixels/wrist', shape: [2, 2, 1] },
  ],
  renders: false,
  maxSteps: episodeSteps,
  timestep: 0.05,
  instruction: 'stack the cubes',
};

function session(): Session {
  const changes = workerData as RobotChanges;
  let [seed, steps] = [0, 0];
  const observed = () => {
    const state = Float32Array.of(seed % 1024, steps);
    return {
      state: new Uint8Array(state.buffer),
      images: {
        'pixels/front': new Uint8Array(4 * 6 * 3).fill(steps),
        'pixels/wrist': new Uint8Array(4).fill(100 + steps),
      },
    };
  };
  return ({ op, protocol, seed: wanted, action, repeat = 1 }) => {
    if (op === 'hello' && changes.hello !== undefined) return new Raw(changes.hello);
    if (op === 'hello')
      return protocol === 2
        ? { ...facts, ...changes.facts }
        : { error: 'version 2 of the protocol is spoken here', isInput: true };
    if (op === 'reset') {
      [seed, steps] = [wanted ?? 0, 0];
      const instruction = 'stack them the other way round';
      return { ...observed(), ...(seed % 2 === 1 && { instruction }), ...changes.reset };
    }
    const gas = Buffer.from(action ?? []).readFloatLE(4);
    const from = steps;
    steps += repeat;
    const takesOver = (from < 5 && steps >= 3) || (from === 0 && seed % 2 === 1);
    return {
      ...observed(),
      reward: gas,
      rewardTerms: { gas, penalty: -0.25 * repeat },
      terminated: false,
      truncated: false,
      steps: repeat,
      success: steps >= 8,
      ...(changes.alone !== true && {
        executed: takesOver ? new Uint8Array(Float32Array.from(executed).buffer) : null,
      }),
      ...changes.step,
    };
  };
}

if (parentPort !== null) listen(parentPort, session);
