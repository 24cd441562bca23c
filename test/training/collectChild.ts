/** A recording that kills its own process: arguments OUT EPISODES, after which it does. */
import { collect } from '../../src/training/collect.js';

const [, , folder = '', killAfter = '1'] = process.argv;
await collect({
  task: 'cartpole-swingup',
  folder,
  behaviours: new Array<undefined>(21).fill(undefined),
  mode: 'sample',
  environment: { actionRepeat: 50, imageSize: 8 },
  seed: 3,
  workers: 1,
  details: { level: 'random' },
  onEpisode: (done) => {
    if (done === Number(killAfter)) process.kill(process.pid, 'SIGKILL');
  },
});
