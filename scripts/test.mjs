// Runs the compiled tests (dist/test/**/*.test.js) with Node's own runner, prints its report and closes with
// one plain line: "N passed, N failed". Arguments that are given choose files by substring.
import { readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const wanted = process.argv.slice(2);
const files = testFiles(join(root, 'dist', 'test')).filter(
  (file) => wanted.length === 0 || wanted.some((word) => relative(root, file).includes(word)),
);
if (files.length === 0) {
  console.error(
    `No test file matches ${JSON.stringify(wanted)}. Run "npm run build" first, then give a part of a file's name.`,
  );
  process.exit(2);
}

const count = { passed: 0, failed: 0, skipped: 0 };
const events = run({ files, concurrency: availableParallelism(), timeout: 300_000 });
// A describe block or a file reports like a test; only the leaves are counted.
const isLeaf = (data) => data.details?.type !== 'suite' && !files.includes(data.name);
events.on('test:pass', (data) => {
  if (data.skip !== undefined) count.skipped++;
  else if (isLeaf(data)) count.passed++;
});
events.on('test:fail', (data) => {
  if (isLeaf(data) || data.details?.type !== 'suite') count.failed++;
});
events.compose(spec).pipe(process.stdout);
events.on('end', () => {
  process.exitCode = count.failed > 0 || count.passed === 0 ? 1 : 0;
  setImmediate(() => {
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    console.log(`\n${count.passed} passed, ${count.failed} failed${skipped}`);
  });
});

function testFiles(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return testFiles(path);
    return name.endsWith('.test.js') ? [path] : [];
  });
}
