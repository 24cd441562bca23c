/** One process at a time has a lock; the lock of one that is gone is taken over, by one of several. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { acquireLock, isLocked, LockedError } from '../../src/files/lock.js';
import { temporaryFolder } from '../training/smallRun.js';

const holder = fileURLToPath(new URL('./lockHolder.js', import.meta.url));

/** A process that takes the lock and says whether it has it. */
async function takeElsewhere(path: string) {
  const child = fork(holder, [path]);
  const [answer] = (await once(child, 'message')) as [string];
  return { child, answer };
}

test('a lock is held until it is released, also against the process that holds it', async (context) => {
  const path = join(await temporaryFolder(context), 'lock.json');
  const lock = await acquireLock(path, 'The run x');
  assert.equal(await isLocked(path), true);
  await assert.rejects(acquireLock(path, 'The run x'), (error: Error) => {
    assert.ok(error instanceof LockedError);
    assert.match(error.message, new RegExp(`^The run x is in use by process ${process.pid} on .* since .*`));
    return true;
  });
  await lock.release();
  await lock.release();
  assert.equal(await isLocked(path), false);
  await (await acquireLock(path, 'The run x')).release();
  assert.deepEqual(await readdir(join(path, '..')), []);
});

test('another process is refused while the holder lives, and takes over once it was killed', async (context) => {
  const path = join(await temporaryFolder(context), 'lock.json');
  const first = await takeElsewhere(path);
  assert.equal(first.answer, 'mine');
  await assert.rejects(acquireLock(path, 'The run'), LockedError);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  assert.equal(await isLocked(path), false);
  await (await acquireLock(path, 'The run')).release();
});

test('of several that find a lock whose process is gone exactly one takes it over', async (context) => {
  for (let round = 0; round < 5; round++) {
    const path = join(await temporaryFolder(context), 'lock.json');
    const dead = await takeElsewhere(path);
    dead.child.kill('SIGKILL');
    await once(dead.child, 'exit');
    const others = await Promise.all(Array.from({ length: 4 }, () => takeElsewhere(path)));
    const answers = others.map(({ answer }) => answer);
    for (const { child } of others) child.kill('SIGKILL');
    await Promise.all(others.map(({ child }) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
    assert.deepEqual(answers.sort(), ['mine', 'refused', 'refused', 'refused']);
  }
});

test('a number that another process has by now does not keep a lock, and another machine does', async (context) => {
  const path = join(await temporaryFolder(context), 'lock.json');
  const lock = await acquireLock(path, 'The run');
  const content = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await lock.release();
  if (content.processStart !== null) {
    await writeFile(path, JSON.stringify({ ...content, processStart: '1' }));
    assert.equal(await isLocked(path), false);
  }
  await writeFile(path, JSON.stringify({ ...content, host: `not-${hostname()}`, pid: 1 }));
  await assert.rejects(
    acquireLock(path, 'The run'),
    /on another machine: if it no longer runs there, delete/,
  );
});
