/**
 * What takes too long for a test: a thousand runs and ten thousand episodes in a list, a run that reports every second.
 *     node dist/test/serve/soak.js [MINUTES]
 * prints seconds until the list and the curves are there, the frames drawn while scrolling, and the memory of page and
 * server as time goes by.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { servePage } from '../../src/serve/server.js';
import { openBrowser } from './browser.js';
import { manifestOf } from './sampleManifest.js';
import { lockedBy, report, sampleRun } from './sampleRuns.js';

const minutes = Number(process.argv[2] ?? 60);
const folder = mkdtempSync(join(tmpdir(), 'rlpd-soak-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
for (let number = 0; number < 1000; number++) {
  const run = sampleRun(join(folder, `run-${String(number).padStart(4, '0')}`), {
    seed: number,
    envFrames: 10_000_000,
  });
  for (let frames = 0; frames <= 20_000; frames += 1000) report(run, frames, frames / 100);
}
const data = join(folder, 'data');
manifestOf(data, 10_000);
const live = join(folder, 'run-0500');
lockedBy(live, process.pid);

const server = await servePage({ folders: [folder], port: 0 });
const browser = await openBrowser();
const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
const session = await page.context().newCDPSession(page);

const seconds = async (place: string, selector: string): Promise<string> => {
  const start = performance.now();
  await page.goto(server.url + place);
  await page.locator(selector).first().waitFor();
  return ((performance.now() - start) / 1000).toFixed(2);
};
console.log(`1,000 runs: the list is there after ${await seconds('#/runs', '.row')} s`);
await page.goto('about:blank');
const dataset = `#/dataset?dataset=${encodeURIComponent(data)}`;
console.log(`10,000 episodes: the list is there after ${await seconds(dataset, '.side .row')} s`);
await page.goto('about:blank');
console.log(
  `and with the curves of one after ${await seconds(`#/runs?run=${encodeURIComponent(live)}`, '[data-measure="return"] canvas')} s`,
);
const frames = await page.evaluate(`new Promise((done) => {
  const list = document.querySelector('.list'), times = [];
  let last = performance.now();
  requestAnimationFrame(function step(now) {
    times.push(now - last);
    last = now;
    list.scrollTop += 300;
    if (times.length < 200) requestAnimationFrame(step);
    else done(times.sort((a, b) => a - b).filter((_, i) => i === 100 || i === 190).map((time) => time.toFixed(1)));
  });
})`);
console.log(`scrolling by 300 px a frame: median and 95% of a frame's milliseconds ${String(frames)}`);

for (let second = 0; second <= 60 * minutes; second++) {
  report(live, 21_000 + 1000 * second, second);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  if (second % 60 !== 0) continue;
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { rss } = process.memoryUsage();
  console.log(
    `minute ${second / 60}: page ${(usedSize / 1e6).toFixed(1)} MB, server ${(rss / 1e6).toFixed(0)} MB`,
  );
}
await browser.close();
await server.close();
