// Runs the compiled tests (dist/test/**/*.test.js) with Node's own runner, prints its report (failures once more
// at the end) and closes with one plain line: "N passed, N failed". Arguments choose files by part of their path.
import { setMaxListeners } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

/** Files that take long come first: one that began last would be waited for alone. */
const long = [
  'training/resume',
  'study/runStudy',
  'training/players',
  'training/pixelRun',
  'training/runData',
  'training/torchResume',
  'backend/portable',
  'agent/memory',
  'training/success',
  'training/collectResume',
  'training/ibrlRun',
  'fleet/learner',
  'web/page',
  'serve/page',
  'setup/package',
  'parity/physics',
].map((name) => join(`${name}.test.js`));
/** A test that takes longer has hung, and so has a file whose process lives on that long after its last result. */
const patienceSeconds = 300;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const testFolder = join(root, 'dist', 'test');
const wanted = process.argv.slice(2);
const files = (existsSync(testFolder) ? readdirSync(testFolder, { recursive: true }) : [])
  .filter((name) => name.endsWith('.test.js'))
  .map((name) => join(testFolder, name))
  .filter((file) => wanted.length === 0 || wanted.some((word) => relative(root, file).includes(word)))
  .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
if (files.length === 0) {
  const reason =
    wanted.length > 0 ? `No test file's path contains ${wanted.join(' or ')}` : 'No compiled test';
  console.error(`${reason} in ${testFolder}; run "npm run build" first.`);
  process.exit(2);
}

// Until the runner says otherwise: a runner that dies must not look like a success.
process.exitCode = 1;
const count = { passed: 0, failed: 0, skipped: 0 };
const hung = new AbortController();
// The runner listens once for each file.
setMaxListeners(0, hung.signal);
let watchdog;
const restartWatchdog = () => {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => hung.abort(), (patienceSeconds + 10) * 1000);
};
restartWatchdog();

function rank(file) {
  const place = long.indexOf(relative(testFolder, file));
  return place < 0 ? long.length : place;
}

const events = run({
  files,
  // One more than there are cores: browsers, servers and child processes are waited for in between.
  concurrency: availableParallelism() + 1,
  timeout: patienceSeconds * 1000,
  signal: hung.signal,
});
events.on('test:pass', (data) => {
  restartWatchdog();
  // Describe blocks, and files that hold no test, report like tests.
  if (data.details.type === 'suite' || files.includes(data.name)) return;
  if (data.skip !== undefined || data.todo !== undefined) count.skipped++;
  else count.passed++;
});
events.on('test:fail', (data) => {
  restartWatchdog();
  // A parent that fails through its children is not one failure more; a file that crashed is one.
  if (data.details.error?.failureType === 'subtestsFailed') return;
  if (data.todo !== undefined) count.skipped++;
  else count.failed++;
});
events.on('end', () => {
  clearTimeout(watchdog);
  process.exitCode = count.failed > 0 || count.passed === 0 ? 1 : 0;
});
events.compose(new spec()).pipe(process.stdout, { end: false });
process.on('exit', () => {
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
  process.stdout.write(`\n${count.passed} passed, ${count.failed} failed${skipped}\n`);
});
