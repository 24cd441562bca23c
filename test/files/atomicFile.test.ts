import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { InputError } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/files/atomicFile.js';

test('a file takes the place of a file, and of nothing else', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'rlpd-file-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a.txt');
  for (const text of ['one', 'two']) {
    await writeFileAtomic(path, text);
    assert.equal(readFileSync(path, 'utf8'), text);
  }
  for (const [there, message] of [
    [folder, /is a folder: give the name of a file/],
    ['/dev/null', /is no plain file: give the name of a file/],
  ] as const) {
    if (there === '/dev/null' && process.platform === 'win32') continue;
    await assert.rejects(writeFileAtomic(there, 'x'), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, message);
      return true;
    });
  }
});
