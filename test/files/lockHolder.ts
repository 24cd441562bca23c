/** A process that takes the lock at the given path, says so, and lives until it is killed. */
import { acquireLock } from '../../src/files/lock.js';

const answer = await acquireLock(process.argv[2] ?? '', 'It').then(
  () => 'mine',
  () => 'refused',
);
process.send?.(answer);
setInterval(() => {}, 1000);
