/** The page in a real browser. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { openDataset } from '../../datasets/reader.js';
import { verifyDataset } from '../../datasets/verify.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { servePage } from '../../src/serve/server.js';
import { sampleEpisode, sampleHeader, sideImage, temporaryFolder, wristImage } from '../datasets/samples.js';
import { assertClean, needingBrowser, openBrowser, sideways, visit, waitForText } from './browser.js';
import { manifestOf } from './sampleManifest.js';
import { lockedBy, report, sampleRun } from './sampleRuns.js';

const images = [sideImage, wristImage];

async function sampleDataset(folder: string, episodes: number): Promise<void> {
  const writer = await DatasetWriter.create(folder, sampleHeader({ images }));
  for (let number = 0; number < episodes; number++)
    await writer.append({ ...sampleEpisode(number, 5 + (number % 8), images), success: number % 2 === 0 });
  await writer.close();
}

/** A folder with two seeds of a run and a dataset, and its server. */
async function sampleServer(t: TestContext): Promise<{ readonly folder: string; readonly url: string }> {
  const folder = temporaryFolder(t);
  for (const seed of [0, 1]) {
    const run = sampleRun(join(folder, 'runs', `seed-${seed}`), { seed });
    for (const frames of [0, 1000, 2000]) report(run, frames, 10 * (seed + 1) + frames / 100);
  }
  lockedBy(join(folder, 'runs', 'seed-0'), process.pid);
  await sampleDataset(join(folder, 'data'), 12);
  const server = await servePage({ folders: [folder], port: 0 });
  t.after(() => server.close());
  return { folder, url: server.url };
}

describe('the page', needingBrowser, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  test('a curve moves while metrics are appended, and no request leaves the machine', async (t) => {
    const { folder, url } = await sampleServer(t);
    const run = join(folder, 'runs', 'seed-0');
    const seen = await visit(t, browser, `${url}#/runs?run=${encodeURIComponent(run)}`);
    const { page } = seen;
    const chart = '[data-measure="return"]';
    await waitForText(page, chart, '30 at 2,000 env frames');
    await waitForText(page, '.stand', /running · 2,000 of 10,000 env frames/);
    const canvas = page.locator(`${chart} canvas`);
    const first = await canvas.screenshot();
    report(run, 3000, 77);
    await waitForText(page, chart, '77 at 3,000 env frames');
    assert.notDeepEqual(await canvas.screenshot(), first);
    await waitForText(page, '.stand', /3,000 of 10,000/);
    // What a pointer shows is drawn, too, without styles that the policy refuses.
    await canvas.hover();
    assertClean(seen, url);
  });

  test('the latest evaluation is a film beside the curve, older ones come by a click, new ones by themselves', async (t) => {
    const { folder, url } = await sampleServer(t);
    const run = join(folder, 'runs', 'seed-1');
    const films = await DatasetWriter.create(join(run, 'films'), sampleHeader({ images }));
    const keep = async (number: number): Promise<void> => {
      const id = `step-${String(1000 * number).padStart(8, '0')}`;
      await films.append({ ...sampleEpisode(number, 5 + number, images), id });
      await films.flush();
    };
    for (const number of [0, 1, 2]) await keep(number);
    const seen = await visit(t, browser, `${url}#/runs?run=${encodeURIComponent(run)}`);
    const { page } = seen;
    const caption = '.evaluation figcaption';
    await waitForText(page, caption, 'latest evaluation 2,000 env frames: 40 over ');
    const canvas = page.locator('.evaluation canvas').first();
    const shown = () => canvas.getAttribute('aria-label');
    assert.equal(await shown(), 'side, step 0');
    await page.locator('.evaluation').getByRole('button', { name: 'Play' }).click();
    await waitForText(page, '.evaluation .badge', 'end');
    await page.locator('.evaluation').getByRole('button', { name: 'Stop' }).click();
    const chart = page.locator('[data-measure="return"] canvas');
    const { width = 0 } = (await chart.boundingBox()) ?? {};
    // In the middle between the axis and the right edge.
    await chart.click({ position: { x: 58 + (width - 72) / 2, y: 60 } });
    await waitForText(page, caption, /^evaluation 1,000 env frames: 30 over /);
    await page.waitForURL(/film=1/);
    await page.getByRole('button', { name: 'Evaluation before' }).press('Enter');
    await waitForText(page, caption, /^evaluation 0 env frames/);
    for (const _ of [0, 0]) await page.getByRole('button', { name: 'Next evaluation' }).press('Enter');
    await waitForText(page, caption, /^latest evaluation 2,000/);
    await keep(3);
    report(run, 3000, 77);
    await waitForText(page, caption, /^latest evaluation 3,000 env frames: 77 over /);
    await page.getByRole('link', { name: 'step by step' }).click();
    await waitForText(page, '.stand', 'Step 0 of 8');
    assertClean(seen, url);
  });

  test('runs that are ticked are drawn together: seeds as one curve, or each by itself', async (t) => {
    const { folder, url } = await sampleServer(t);
    const seen = await visit(t, browser, url);
    const { page } = seen;
    await page.locator('.tick').first().click();
    await page.locator('.tick').nth(1).click();
    await waitForText(page, 'h2', '2 runs together');
    await waitForText(page, 'th', /^seed$/);
    await page.getByText('each run by itself').click();
    for (const seed of [0, 1]) await waitForText(page, '.legend', join(folder, 'runs', `seed-${seed}`));
    await page.locator('.controls select').selectOption('minutes');
    assert.match(page.url(), /x=minutes&each=1/);
    assertClean(seen, url);
  });

  test('an address opens an episode at its step, with its action, reward and every image', async (t) => {
    const { folder, url } = await sampleServer(t);
    const data = join(folder, 'data');
    const seen = await visit(
      t,
      browser,
      `${url}#/dataset?dataset=${encodeURIComponent(data)}&episode=7&step=3`,
    );
    const { page } = seen;
    const { actions, rewards } = sampleEpisode(7, 12, images);
    const action = [...actions.subarray(6, 8)].map((value) => value.toFixed(2)).join(', ');
    await waitForText(
      page,
      '.stand',
      `Step 3 of 12 · action ${action} · reward that follows ${rewards[3]?.toFixed(3)}`,
    );
    const sizes = await page.evaluate(
      '[...document.querySelectorAll(".cameras canvas")].map((canvas) => [canvas.width, canvas.height])',
    );
    assert.deepEqual(sizes, [
      [7, 9],
      [8, 5],
    ]);
    const shown = await page.evaluate(
      '[...document.querySelector(".cameras canvas").getContext("2d").getImageData(2, 4, 1, 1).data]',
    );
    const at = 3 * 9 * 7 * 3 + (4 * 7 + 2) * 3;
    const { side } = sampleEpisode(7, 12, images).images;
    assert.deepEqual(shown, [...(side?.subarray(at, at + 3) ?? []), 255]);
    assert.equal(await page.locator('.row[aria-selected=true] .name').textContent(), 'episode-7');
    assertClean(seen, url);
  });

  test('a film plays to its end, which is marked as its start is', async (t) => {
    const { folder, url } = await sampleServer(t);
    const data = encodeURIComponent(join(folder, 'data'));
    const seen = await visit(t, browser, `${url}#/dataset?dataset=${data}&episode=6`);
    const { page } = seen;
    await waitForText(page, '.stand', 'Step 0 of 11');
    await waitForText(page, '.badge', 'start');
    const canvas = page.locator('.cameras canvas').first();
    const first = await canvas.screenshot();
    await page.getByRole('button', { name: 'Play' }).click();
    await waitForText(page, '.stand', 'Step 11 of 11 · end: terminated, success');
    await waitForText(page, '.badge', 'end: terminated, success');
    assert.notDeepEqual(await canvas.screenshot(), first);
    await page.getByRole('button', { name: 'Play' }).waitFor();
    await page.waitForURL(/episode=6&step=11/);
    assertClean(seen, url);
  });

  test('episodes are sorted, filtered and found by name', async (t) => {
    const { folder, url } = await sampleServer(t);
    const data = encodeURIComponent(join(folder, 'data'));
    const { page } = await visit(t, browser, `${url}#/dataset?dataset=${data}`);
    const names = () => page.locator('.row .name').allTextContents();
    await waitForText(page, '.side [role=status]', '12 episodes');
    await page.getByLabel('Order').selectOption('longest');
    await waitForText(page, '.row[aria-posinset="1"]', 'episode-7');
    await page.getByLabel('Show').selectOption('failure');
    await waitForText(page, '.side [role=status]', /^6 episodes/);
    await page.getByLabel("Part of an episode's name").fill('-1');
    await waitForText(page, '.side [role=status]', /^2 episodes/);
    assert.deepEqual(await names(), ['episode-11', 'episode-1']);
  });

  test('everything can be reached and played by the keyboard alone', async (t) => {
    const { url } = await sampleServer(t);
    const { page } = await visit(t, browser, `${url}#/datasets`);
    const press = async (...keys: string[]): Promise<void> => {
      for (const key of keys) await page.keyboard.press(key);
    };
    const focused = () => page.evaluate('document.activeElement?.getAttribute("aria-label")');
    const tabTo = async (label: string): Promise<void> => {
      for (let presses = 0; (await focused()) !== label; presses++) {
        assert.ok(presses < 20, `Tab does not reach ${label}`);
        await press('Tab');
      }
    };
    await page.locator('.row').first().waitFor();
    await tabTo('Datasets');
    await press('Enter');
    await waitForText(page, '.stand', 'Step 0 of 5');
    await tabTo('Episodes');
    await press('ArrowDown', 'ArrowDown', 'Enter');
    await waitForText(page, '.stand', 'Step 0 of 7');
    await press('ArrowRight', 'ArrowRight');
    await waitForText(page, '.stand', 'Step 2 of 7');
    await press('Tab', 'Shift+Tab', 'ArrowLeft');
    await waitForText(page, '.stand', 'Step 1 of 7');
    await press('n');
    await waitForText(page, '.stand', 'Step 0 of 8');
    await press('p');
    await waitForText(page, '.stand', 'Step 0 of 7');
    await tabTo('Step');
    await press('End');
    await waitForText(page, '.stand', 'Step 7 of 7');
    await page.goto(`${url}#/runs`);
    await page.locator('.row').first().waitFor();
    await tabTo('Runs');
    await press('Space', 'ArrowDown', 'Space');
    await waitForText(page, 'h2', '2 runs together');
  });

  test('episodes are marked and cut by keys, buttons and handles, beside the dataset, and the selection is written', async (t) => {
    const { folder, url } = await sampleServer(t);
    const data = join(folder, 'data');
    const before = readFileSync(join(data, 'manifest.json'));
    const place = `${url}#/dataset?dataset=${encodeURIComponent(data)}`;
    const seen = await visit(t, browser, `${place}&episode=2`);
    const { page } = seen;
    const marked = (words: string) => waitForText(page, '.labels [role=status]', words);
    await waitForText(page, '.stand', 'Step 0 of 7');
    await page.locator('h1').click();
    for (const key of ['g', 'ArrowRight', '[', 'End', 'ArrowLeft', ']', 'ArrowLeft', 'd'])
      await page.keyboard.press(key);
    await marked('Marked: good · success from step 5 · steps 1 to 6 kept.');
    await waitForText(page, '.row[aria-selected=true] .facts.good', 'good');
    // A handle does not pass the other one; its step is shown.
    await page.getByLabel('Last step that is kept').press('Home');
    await marked('steps 1 to 2 kept');
    await waitForText(page, '.stand', 'Step 2 of 7');
    for (const _ of [0, 0, 0, 0]) await page.keyboard.press('ArrowRight');
    await marked('steps 1 to 6 kept');
    for (const key of ['n', 'f', 'p']) await page.keyboard.press(key);
    await marked('Marked: good');
    await page.keyboard.press('n');
    await marked('Marked: no success.');
    await page.getByRole('button', { name: 'Bad' }).click();
    await marked('Marked: bad · no success.');
    const kept = () => JSON.parse(readFileSync(join(data, 'labels.json'), 'utf8')).episodes;
    // Marks are sent one after the other: this is the last.
    while (kept()['episode-3']?.quality !== 'bad') await page.waitForTimeout(20);
    assert.deepEqual(kept(), {
      'episode-2': { quality: 'good', success: true, successFrom: 5, cut: [1, 6] },
      'episode-3': { quality: 'bad', success: false },
    });
    await page.reload();
    await marked('Marked: bad · no success.');
    await page.getByLabel('Show').selectOption('notBad');
    await waitForText(page, '.side [role=status]', /^11 episodes/);
    await page.getByLabel('Show').selectOption('good');
    await page.getByText('Write 1 episode as a dataset').click();
    await page.getByLabel('Name', { exact: true }).fill('../elsewhere');
    await page.getByRole('button', { name: 'Write' }).click();
    await waitForText(page, '.write [role=status]', "cannot be a folder's name here");
    await page.getByLabel('Name', { exact: true }).fill('chosen');
    await page.getByText('reward 1 for success').click();
    await page.getByRole('button', { name: 'Write' }).click();
    await waitForText(page, '.write [role=status]', 'Written: chosen (1 episode, 5 steps)');
    await page.getByRole('link', { name: 'chosen' }).click();
    await waitForText(page, '.stand', 'Step 0 of 5');
    assert.equal((await verifyDataset(join(folder, 'chosen'))).ok, true);
    const [only] = [await (await openDataset(join(folder, 'chosen'))).episode(0)];
    assert.deepEqual([only.id, only.success, ...only.rewards], ['episode-2', true, 0, 0, 0, 0, 1]);
    assert.deepEqual(readFileSync(join(data, 'manifest.json')), before);
    const complaints = seen.complaints.filter((words) => !words.includes('422'));
    assertClean({ ...seen, complaints }, url);
  });

  test('where nothing can be kept beside a dataset, one sentence says so, and nothing is marked', async (t) => {
    const { folder, url } = await sampleServer(t);
    const data = join(folder, 'data');
    const { page } = await visit(t, browser, `${url}#/dataset?dataset=${encodeURIComponent(data)}&episode=1`);
    await waitForText(page, '.labels [role=status]', 'Not marked');
    // In the place of the file; a folder of which root itself could not write into is hard to come by.
    mkdirSync(join(data, 'labels.json'));
    await page.getByRole('button', { name: 'Good' }).click();
    await waitForText(page, '.detail .keys', /labels\.json/);
    assert.equal(await page.locator('.marks').count(), 0);
  });

  test('of ten thousand episodes a few dozen rows are drawn, and the last is reached', async (t) => {
    const folder = temporaryFolder(t);
    manifestOf(folder, 10_000);
    const server = await servePage({ folders: [folder], port: 0 });
    t.after(() => server.close());
    const { page } = await visit(t, browser, `${server.url}#/dataset?dataset=${encodeURIComponent(folder)}`);
    await waitForText(page, '.side [role=status]', '10,000 episodes');
    assert.ok((await page.locator('.row').count()) < 60);
    await page.getByRole('listbox').press('End');
    await waitForText(page, '.row.active', 'episode-9999');
    assert.ok((await page.locator('.row').count()) < 60);
  });

  for (const colorScheme of ['light', 'dark'] as const)
    test(`at a width of 400 px nothing is wider than the window (${colorScheme})`, async (t) => {
      const { folder, url } = await sampleServer(t);
      const options = { viewport: { width: 400, height: 800 }, colorScheme };
      const seen = await visit(t, browser, `${url}#/runs`, options);
      const { page } = seen;
      const places = [
        ['#/runs', '.row'],
        [
          `#/runs?run=${encodeURIComponent(join(folder, 'runs', 'seed-1'))}`,
          '[data-measure="return"] canvas',
        ],
        ['#/datasets', '.row'],
        [`#/dataset?dataset=${encodeURIComponent(join(folder, 'data'))}`, '.row'],
        [`#/dataset?dataset=${encodeURIComponent(join(folder, 'data'))}&episode=2`, '.plot canvas'],
      ] as const;
      for (const [place, selector] of places) {
        await page.goto(url + place);
        await page.locator(selector).first().waitFor();
        assert.deepEqual(await sideways(page), [], place);
      }
      const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      const [red = 0] = String(ground).match(/\d+/g)?.map(Number) ?? [];
      assert.equal(red < 128, colorScheme === 'dark', String(ground));
      await page.getByText('← Episodes').click();
      await page.locator('.row').first().click();
      await waitForText(page, '.stand', 'Step 0 of 5');
      assertClean(seen, url);
    });
});
