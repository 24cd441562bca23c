import assert from 'node:assert/strict';
import { statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from '../../src/files/makeFolder.js';
import { rejection, temporaryFolder } from '../datasets/samples.js';

test('a folder is made with those above it, and may be there already', async (t) => {
  const root = temporaryFolder(t);
  const path = join(root, 'a', 'b', 'c');
  await Promise.all([makeFolder(path), makeFolder(path), makeFolder(join(root, 'a', 'd'))]);
  await makeFolder(path);
  assert.ok(statSync(path).isDirectory());
  assert.ok(statSync(join(root, 'a', 'd')).isDirectory());
});

test('a file in the way is the system’s own error, with its path', async (t) => {
  const root = temporaryFolder(t);
  const file = join(root, 'file');
  writeFileSync(file, '');
  for (const [path, code, named] of [
    [file, 'EEXIST', file],
    [join(file, 'below'), 'ENOTDIR', join(file, 'below')],
    [join(file, 'below', 'it'), 'ENOTDIR', join(file, 'below')],
  ] as const) {
    const error: NodeJS.ErrnoException = await rejection(makeFolder(path));
    assert.deepEqual([error.code, error.path], [code, named]);
  }
});

test('a link to a folder is a folder', { skip: process.platform === 'win32' }, async (t) => {
  const root = temporaryFolder(t);
  symlinkSync(root, join(root, 'link'));
  await makeFolder(join(root, 'link', 'inside'));
  assert.ok(statSync(join(root, 'inside')).isDirectory());
});
