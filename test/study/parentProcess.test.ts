/** What a process has still to do when the one that started it was killed a moment ago. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../training/smallRun.js';

const orphan = fileURLToPath(new URL('./orphan.js', import.meta.url));

test('a word for a parent that was killed a moment ago does not end the child', async (context) => {
  const wentOn = join(await temporaryFolder(context), 'went-on.json');
  const start = `
    const { fork } = require('node:child_process');
    const child = fork(${JSON.stringify(orphan)}, [${JSON.stringify(wentOn)}], { stdio: 'ignore' });
    const die = () => process.kill(process.pid, 'SIGKILL');
    child.once('message', () => child.send(process.pid, die));`;
  const parent = spawn(process.execPath, ['-e', start], { stdio: 'ignore' });
  assert.deepEqual(await once(parent, 'exit'), [null, 'SIGKILL']);
  let text = '';
  for (let tries = 0; text === '' && tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    text = await readFile(wentOn, 'utf8').catch(() => '');
  }
  assert.deepEqual(text && JSON.parse(text), { couldKnow: false });
});
