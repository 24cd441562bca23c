/** A process that tells its parent something before it can have heard that the parent is gone, and then goes on. */
import { writeFileSync } from 'node:fs';
import { tellParent } from '../../src/study/parentProcess.js';

const [wentOn = ''] = process.argv.slice(2);

process.on('message', (parent: number) => {
  // No event comes through meanwhile.
  while (isThere(parent));
  const couldKnow = !process.connected;
  tellParent({ kind: 'note' });
  setTimeout(() => writeFileSync(wentOn, JSON.stringify({ couldKnow })), 100);
});

tellParent({ kind: 'ready' });

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
