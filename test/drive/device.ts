/** The source of a small task of one's own, which goes on from a saved state: two numbers of action, a picture of 2 px. */
export const device = `
export default function make({ seed = 0 }) {
  let [t, random] = [0, seed % 97];
  const observe = () => ({ images: { eye: new Uint8Array(4).fill(t) }, state: Float32Array.of(random / 97, t / 40) });
  return {
    observationSpace: { images: [{ name: 'eye', height: 2, width: 2, channels: 1, frameStack: 1 }], state: { shape: [2], low: -Infinity, high: Infinity, dtype: 'float32' } },
    actionSpace: { shape: [2], low: -1, high: 1, dtype: 'float32' },
    spec: {
      task: 'device', actionRepeat: 1, controlTimestep: 0.004, maxEnvFrames: 12, actionSize: 2,
      actionBox: { low: [-1, -1], high: [1, 1] }, actionNames: ['near', 'far'], stateSize: 2, camera: 'eye', renderer: 'none',
    },
    reset(options = {}) {
      if (options.seed !== undefined) random = options.seed % 97;
      t = 0;
      return { observation: observe(), info: {} };
    },
    step(action) {
      t++;
      return { observation: observe(), reward: action[0] - Math.abs(action[1]), terminated: false, truncated: false, info: {} };
    },
    render: () => { throw new Error('nothing to see'); },
    saveState: () => ({ t, random }),
    restoreState: (state) => { ({ t, random } = state); },
    close() {},
  };
}
`;
