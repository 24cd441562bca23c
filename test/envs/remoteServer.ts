/**
 * A small server of version 1 of the remote protocol for the tests, in a thread of its own: calls to a remote
 * environment block the thread they are made in. State is [seed, steps since the reset]; the picture's first byte is
 * the step. The reward is an action's second element; where that is "mischievous", the first says what the server does
 * wrong.
 */
import { parentPort } from 'node:worker_threads';
import { listen, Raw, type Session } from './remoteWire.js';

export const mischievous = -0.5;
/** First elements of an action that the server answers badly then. */
export const mischief = { drop: 0.1, hang: 0.2, huge: 0.3, nonsense: 0.4, fail: 0.5, nan: 0.6, short: 0.7 };

/** The second element of an action at and beyond which the server says whether it succeeded: only in a third step. */
export const saysSuccess = 0.875;

const size = { height: 4, width: 6 };
export const token = 'open sesame';

function session(): Session {
  let [seed, steps] = [0, 0];
  const observed = () => {
    const state = Float32Array.of(seed, steps);
    const pixels = new Uint8Array(size.height * size.width * 3).fill(9);
    pixels[0] = steps;
    return { state: new Uint8Array(state.buffer), pixels };
  };
  return (message, socket) => {
    if (message.op === 'hello') {
      if (message.token !== token) return { error: 'the token is wrong', isInput: true };
      if (message.protocol !== 1)
        return { error: 'version 1 of the protocol is spoken here, and begins with a hello', isInput: true };
      const facts = { protocol: 1, name: 'Count-v0', renderer: 'test', actionSize: 2, stateSize: 2 };
      const pixels = [size.height, size.width, 3];
      return { ...facts, pixels, renders: true, maxSteps: 10, timestep: 0.05 };
    }
    if (message.op === 'render') return { pixels: observed().pixels, shape: [size.height, size.width, 3] };
    if (message.op === 'reset') {
      [seed, steps] = [message.seed ?? 0, 0];
      return observed();
    }
    const action = Buffer.from(message.action ?? []);
    const wrong = action.readFloatLE(4) === mischievous ? Number(action.readFloatLE(0).toFixed(1)) : 0;
    if (wrong === mischief.hang) return undefined;
    if (wrong === mischief.nonsense) return new Raw(Buffer.from([0xd9]));
    if (wrong === mischief.fail) return { error: 'the arm fell off' };
    if (wrong === mischief.drop || wrong === mischief.huge) {
      if (wrong === mischief.drop) socket.destroy();
      else socket.write(Buffer.from([255, 255, 255, 255]));
      return undefined;
    }
    steps += message.repeat ?? 1;
    const result = { ...observed(), terminated: false, truncated: false, steps: message.repeat };
    const reward = wrong === mischief.nan ? Number.NaN : action.readFloatLE(4);
    const success = reward >= saysSuccess && { success: steps >= 3 };
    return {
      ...result,
      reward,
      ...success,
      ...(wrong === mischief.short && { state: new Uint8Array(4) }),
    };
  };
}

if (parentPort !== null) listen(parentPort, session);
