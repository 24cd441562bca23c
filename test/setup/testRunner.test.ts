import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = mkdtempSync(join(tmpdir(), 'rlpd-runner-'));
after(() => rmSync(folder, { recursive: true }));
cpSync(
  fileURLToPath(new URL('../../../scripts/test.mjs', import.meta.url)),
  join(folder, 'scripts/test.mjs'),
);
writeFileSync(join(folder, 'package.json'), '{"type":"module"}');

/** Runs the project's test runner over the given test files; returns its exit status and closing line. */
function runTests(files: Record<string, string>, ...commandLine: string[]): [number | null, string] {
  rmSync(join(folder, 'dist'), { recursive: true, force: true });
  mkdirSync(join(folder, 'dist/test'), { recursive: true });
  for (const [name, body] of Object.entries(files))
    writeFileSync(
      join(folder, 'dist/test', `${name}.test.js`),
      `import { before, describe, test } from 'node:test'; ${body}`,
    );
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, ['scripts/test.mjs', ...commandLine], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return [status, stdout.trimEnd().split('\n').at(-1) ?? ''];
}

const passing = `test('a', () => {});`;
const failing = `test('b', () => { throw new Error('broken'); });`;

test('passing tests are counted one by one, blocks and files not', () => {
  const block = `describe('block', () => { test('c', () => {}); describe('inner', () => { test('d', () => {}); }); });`;
  assert.deepEqual(runTests({ one: passing + block, two: passing, none: '' }), [0, '4 passed, 0 failed']);
});

test('a failing test counts once, however deep it lies, and fails the run', () => {
  const block = `describe('block', () => { describe('inner', () => { ${failing} }); });`;
  const parent = `test('parent', async (t) => { await t.test('child', () => { throw new Error('broken'); }); });`;
  assert.deepEqual(runTests({ one: passing, two: block, three: parent }), [1, '1 passed, 2 failed']);
});

test('a file that crashes as it loads, and a test that ends the process, are failures', () => {
  assert.deepEqual(runTests({ crash: `throw new Error('at load');`, fine: passing }), [
    1,
    '1 passed, 1 failed',
  ]);
  const [status, line] = runTests({ exit: `test('e', () => { process.exit(3); });`, fine: passing });
  assert.deepEqual([status, line], [1, '1 passed, 1 failed']);
});

test('a hook that fails is a failure', () => {
  const [status, line] = runTests({
    hook: `describe('hooked', () => { before(() => { throw new Error('hook'); }); test('f', () => {}); });`,
    fine: passing,
  });
  assert.equal(status, 1);
  assert.match(line, /^1 passed, [12] failed$/);
});

test('a test that times out is a failure, a skipped one is neither', () => {
  const slow = `test('slow', { timeout: 50 }, () => new Promise((resolve) => setTimeout(resolve, 1000)));`;
  const skipped = `test('later', { skip: 'no GPU' }, () => {});`;
  assert.deepEqual(runTests({ slow, fine: passing + skipped }), [1, '1 passed, 1 failed, 1 skipped']);
  assert.deepEqual(runTests({ fine: passing + skipped }), [0, '1 passed, 0 failed, 1 skipped']);
});

test('a part of a file’s path chooses it; a part that no file has, or no test at all, is not a success', () => {
  assert.deepEqual(runTests({ chosen: passing, other: failing }, 'chosen'), [0, '1 passed, 0 failed']);
  assert.equal(runTests({ chosen: passing }, 'nowhere')[0], 2);
  assert.deepEqual(runTests({ empty: '' }), [1, '0 passed, 0 failed']);
});
