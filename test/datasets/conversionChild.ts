/** A conversion that kills its own process: arguments SOURCE OUT UNITS (0: not at all). */
import { convert } from '../../datasets/converters/conversion.js';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';

const [, , source = '', out = '', killAfter = '0'] = process.argv;
await convert(await openVd4rl(source, { task: 'walker-walk' }), {
  out,
  onProblem: 'quarantine',
  dryRun: false,
  command: { format: 'vd4rl' },
  shardBytes: 4000,
  onProgress: (done) => {
    if (done === Number(killAfter)) process.kill(process.pid, 'SIGKILL');
  },
});
