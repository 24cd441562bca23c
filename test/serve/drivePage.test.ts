/** The drive view in a real browser: what keys, sticks and the mouse do there reaches a dataset, and a training. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Episode } from '../../datasets/episode.js';
import { openDataset } from '../../datasets/reader.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { DriverPage } from '../../scripts/driverPage.js';
import { DriverSeat, seatFacts } from '../../src/drive/driverSeat.js';
import { type Driven, drive } from '../../src/drive/recordDriven.js';
import { PriorInterventions } from '../../src/replay/priorInterventions.js';
import type { ReplayStep } from '../../src/replay/replayBuffer.js';
import { type PageServer, servePage } from '../../src/serve/server.js';
import { collect } from '../../src/training/collect.js';
import { train } from '../../src/training/train.js';
import { temporaryFolder } from '../datasets/samples.js';
import { rlpd } from '../scripts/commandLine.js';
import { smallConfig } from '../training/smallRun.js';
import {
  assertClean,
  needingBrowser,
  openBrowser,
  sideways,
  type Visit,
  visit,
  waitForText,
} from './browser.js';

/** A gamepad that a test holds: `pad` is its buttons and axes, null where none is plugged in. */
const gamepad = `
  window.pad = null;
  navigator.getGamepads = () => window.pad === null ? [null] : [null, {
    connected: true,
    buttons: window.pad.buttons.map((value) => ({ value, pressed: value > 0 })),
    axes: window.pad.axes,
  }];
`;

const task = 'arm-reach_dense';

/** What `rlpd drive` does, without its command line. */
class Session {
  readonly out: string;
  readonly server: PageServer;
  readonly #environment: EnvironmentWorker;
  readonly #stop = new AbortController();
  readonly #driven: Promise<Driven>;

  private constructor(out: string, seat: DriverSeat, server: PageServer, environment: EnvironmentWorker) {
    this.out = out;
    this.server = server;
    this.#environment = environment;
    const record = { folder: out, command: { seed: 0 } };
    this.#driven = drive({ environment, task, seat, record, signal: this.#stop.signal });
  }

  static async open(out: string): Promise<Session> {
    const options = { observations: 'both', imageSize: 16, frameStack: 1 } as const;
    const environment = await EnvironmentWorker.create(task, options);
    const seat = new DriverSeat(seatFacts(environment, out), 'ready');
    return new Session(out, seat, await servePage({ folders: [out], port: 0, seat }), environment);
  }

  /** The episode that was kept last. */
  async last(): Promise<Episode> {
    const dataset = await openDataset(this.out);
    return dataset.episode(dataset.length - 1);
  }

  async end(): Promise<Driven> {
    this.#stop.abort();
    const driven = await this.#driven;
    await this.server.close();
    await this.#environment.close();
    return driven;
  }
}

/** The numbers of the actions, a row for each step. */
function rowsOf({ actions, length }: Episode): number[][] {
  return Array.from({ length }, (_, i) => [...actions.subarray(4 * i, 4 * i + 4)]);
}

/** Waits until it is true of the page, whose policy lets nothing in it wait for that. */
async function until(page: Page, condition: string): Promise<void> {
  while (!(await page.evaluate(condition))) await page.waitForTimeout(20);
}

/** Waits until so many steps of the episode have been taken. */
function waitForSteps(page: Page, least: number): Promise<void> {
  return until(
    page,
    `Number(/^\\d+/.exec(document.querySelector('.stand').textContent)?.[0] ?? 0) >= ${least}`,
  );
}

/** Waits until what the hands do now has been done for a while. */
async function waitForMoreSteps(page: Page): Promise<void> {
  const words = await page.locator('.stand').textContent();
  await waitForSteps(page, Number.parseInt(words ?? '', 10) + 4);
}

/** Waits until the picture of the camera shows more than one colour. */
function isDrawn(page: Page, camera: string): Promise<void> {
  return until(
    page,
    `(() => {
      const canvas = document.querySelector('canvas[data-camera="${camera}"]');
      const data = canvas?.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      return data.some((value, i) => i % 4 < 3 && value !== data[i % 4]);
    })()`,
  );
}

describe('the drive view', needingBrowser, () => {
  let browser: Browser;
  let session: Session;
  before(async () => {
    browser = await openBrowser();
    session = await Session.open(await mkdtemp(join(tmpdir(), 'rlpd-drive-')));
  });
  after(async () => {
    await session.end();
    await rm(session.out, { recursive: true });
    await browser.close();
  });

  const open = async (t: TestContext, url: string, options = {}): Promise<Visit> => {
    const seen = await visit(t, browser, 'about:blank', options);
    await seen.page.addInitScript(gamepad);
    await seen.page.goto(`${url}#/drive`);
    await seen.page.locator('.stand').waitFor();
    return seen;
  };

  test('what keys, a stick and the mouse do is executed, and recorded', async (t) => {
    const { url } = session.server;
    const seen = await open(t, url);
    const { page } = seen;
    await waitForText(page, '.stand', 'Ready');
    for (const camera of ['scene', 'wrist']) await isDrawn(page, camera);
    await page.keyboard.press('Enter');
    await page.keyboard.down('ArrowRight');
    await page.keyboard.down('s');
    await waitForSteps(page, 6);
    await page.keyboard.up('ArrowRight');
    await page.keyboard.up('s');
    await page.evaluate('window.pad = { buttons: [], axes: [0, -0.56, 0, 0] }');
    await waitForText(page, '.now', '0.5');
    await waitForMoreSteps(page);
    await page.evaluate('window.pad = null');
    const picture = await page.locator('.large').boundingBox();
    assert.ok(picture !== null);
    const [x, y] = [picture.x + picture.width / 2, picture.y + picture.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x - picture.height, y);
    await waitForText(page, '.now', '-1');
    await waitForMoreSteps(page);
    await page.mouse.up();
    await waitForText(page, '.badge', 'recording');
    await page.keyboard.press('m');
    await waitForText(page, '.badge', 'keep it?');
    await page.getByRole('button', { name: 'Keep' }).click();
    await waitForText(page, '.note', /^Kept as/);
    await waitForText(page, '.time', /20 actions a second · step \d+ of 50 ms · input to picture \d+ ms/);
    assertClean(seen, url);
    const episode = await session.last();
    const rows = rowsOf(episode);
    assert.equal(episode.success, true);
    assert.ok(rows.some(([right, , up]) => right === 1 && up === -1));
    assert.ok(rows.some(([, away = 0]) => Math.abs(away - 0.5) < 1e-6));
    assert.ok(rows.some(([right]) => right === -1));
    assert.ok(rows.every((row) => row[3] === 0));
  });

  test('the mapping is taught by keys alone, and remembered; an episode is driven so', async (t) => {
    const { url } = session.server;
    const seen = await open(t, url);
    const { page } = seen;
    const focused = () => page.evaluate('document.activeElement?.getAttribute("aria-label")');
    const tabTo = async (label: string): Promise<void> => {
      for (let presses = 0; (await focused()) !== label; presses++) {
        assert.ok(presses < 60, `Tab does not reach ${label}`);
        await page.keyboard.press('Tab');
      }
    };
    await tabTo('Add an input: action 3 down');
    await page.keyboard.press('Enter');
    await waitForText(page, '.input', 'press, pull or push');
    // A key that means something else here is not taken.
    await page.keyboard.press('m');
    await page.keyboard.press('z');
    await waitForText(page, '.input', /^Z$/);
    await tabTo('action 3 stays where it was put');
    await page.keyboard.press('Space');
    await page.reload();
    await waitForText(page, '.input', /^Z$/);
    assert.equal(await page.getByLabel('action 3 stays where it was put').isChecked(), true);
    await waitForText(page, '.stand', 'Ready');
    await page.keyboard.press('Enter');
    await page.keyboard.press('z', { delay: 100 });
    await waitForSteps(page, 4);
    await waitForMoreSteps(page);
    await page.keyboard.press('Enter');
    await waitForText(page, '.badge', 'keep it?');
    await page.keyboard.press('Enter');
    await waitForText(page, '.note', /^Kept as/);
    await waitForText(page, '.stand', 'Ready');
    assertClean(seen, url);
    assert.equal(rowsOf(await session.last()).at(-1)?.[3], -1, 'the gripper stays closed');
  });

  test('at a width of 400 px it is driven by touch; a second page looks on until the first has gone', async (t) => {
    const { url } = session.server;
    const narrow = { viewport: { width: 400, height: 800 }, hasTouch: true };
    const [seen, other] = [await open(t, url, narrow), await open(t, url)];
    const { page } = seen;
    await isDrawn(page, 'scene');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await sideways(page), [], colorScheme);
    }
    await waitForText(other.page, '.problem', 'Somebody else drives');
    await other.page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Practise' }).click();
    const picture = await page.locator('.large').boundingBox();
    assert.ok(picture !== null);
    await page.mouse.move(200, picture.y + 100);
    await page.mouse.down();
    await page.mouse.move(200, picture.y + 10);
    await waitForText(page, '.now', /^0\.\d/);
    await waitForSteps(other.page, 2);
    await page.mouse.up();
    await page.locator('.others button').click();
    await waitForText(page, 'h2', 'wrist');
    assert.match(page.url(), /#\/drive\?camera=wrist$/);
    assertClean(seen, url);
    await page.close();
    await other.page.locator('.problem').waitFor({ state: 'detached' });
    await other.page.keyboard.press('r');
    await waitForText(other.page, '.stand', 'Ready');
    assertClean(other, url);
  });

  test('what was driven is sound, and RLPD learns from it', async (t) => {
    const { added, episodes } = await session.end();
    assert.deepEqual([added, episodes], [2, 2]);
    const { out } = session;
    assert.equal((await rlpd('dataset', 'verify', out)).status, 0);
    const doctor = await rlpd('dataset', 'doctor', out, '--task', task, '--image-size', '16');
    assert.equal(doctor.status, 0, doctor.stdout);
    const config = smallConfig({
      ...{ task, obs: 'state', dataset: [out], offlineMode: 'symmetric', actionRepeat: 1, batchSize: 4 },
      ...{ envFrames: 12, randomSteps: 6, evaluationInterval: 1000, evaluationEpisodes: 1 },
    });
    const { updates } = await train({ run: join(temporaryFolder(t), 'run'), config });
    assert.ok(updates > 0);
  });

  test('what a person does during a training is marked in its replay, and in its prior data', async (t) => {
    const folder = temporaryFolder(t);
    const [data, run] = [join(folder, 'data'), join(folder, 'run')];
    const environment = { imageSize: 4 };
    await collect({ task, folder: data, behaviours: [undefined], environment, workers: 1 });
    const added: number[][] = [];
    t.mock.method(PriorInterventions.prototype, 'add', (_: number, { action }: ReplayStep) =>
      added.push([...action]),
    );
    const page = new DriverPage(0, [run]);
    t.after(() => page.close());
    const stop = new AbortController();
    const config = smallConfig({
      ...{ task, dataset: [data], offlineMode: 'symmetric', actionRepeat: 1, envFrames: 100_000 },
      ...{ randomSteps: 1e6, replayCapacity: 1000, evaluationInterval: 1e6, checkpointInterval: 1e6 },
    });
    let [steps, last] = [0, Number.POSITIVE_INFINITY];
    let opened: (url: string) => void = () => {};
    const address = new Promise<string>((resolve) => {
      opened = resolve;
    });
    const training = train({
      ...{ run, config, signal: stop.signal },
      takeOver: async (...made) => {
        const driven = await page.takeOver(...made);
        opened(page.url ?? '');
        return driven;
      },
      onProgress: (progress) => {
        page.follow(progress);
        steps = progress.agentSteps;
        if (steps >= last) stop.abort();
      },
    });
    t.after(() => {
      stop.abort();
      return training.catch(() => {});
    });
    const url = await address;
    const seen = await open(t, url);
    await waitForText(seen.page, '.stand', /by you/);
    await isDrawn(seen.page, 'scene');
    await seen.page.keyboard.down('ArrowUp');
    await waitForText(seen.page, '.badge', 'you drive');
    await waitForText(seen.page, '.stand', /· [1-9]\d* by you/);
    await seen.page.keyboard.up('ArrowUp');
    await seen.page.locator('.badge').waitFor({ state: 'detached' });
    assertClean(seen, url);
    await seen.page.close();
    // Nobody looks on any more: it goes as fast as it can to the end of this episode, which the replay then holds.
    last = steps + 121;
    await training;
    const replay = await openDataset(join(run, 'replay'));
    const episodes = await Promise.all(Array.from({ length: replay.length }, (_, i) => replay.episode(i)));
    const marked = episodes.flatMap((episode) =>
      rowsOf(episode).filter((_, step) => episode.interventions?.[step] === 1),
    );
    assert.ok(marked.length > 0);
    for (const action of marked) assert.deepEqual(action, [0, 1, 0, 0]);
    assert.deepEqual(added, marked);
  });
});
