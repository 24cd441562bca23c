/** Policies' pages in a headless Chromium. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { makeEnv } from '../../envs/makeEnv.js';
import { taskTemplate } from '../../scripts/taskTemplate.js';
import { RlpdAgent } from '../../src/agent/agent.js';
import { selectBackend } from '../../src/backend/select.js';
import { agentSettings, type RunConfig } from '../../src/training/config.js';
import { environmentOptions } from '../../src/training/environmentOptions.js';
import { policyAgent, readPolicy, writePolicy } from '../../src/training/policyFile.js';
import { rollout } from '../../src/training/rollout.js';
import type { PlayedEpisode, PolicyPage } from '../../src/web/content.js';
import { rlpd, rlpdIn } from '../scripts/commandLine.js';
import { needingBrowser, openBrowser, visit } from '../serve/browser.js';
import { smallConfig, temporaryFolder } from '../training/smallRun.js';

const walker = fileURLToPath(
  new URL('../../datasets/experts/walker-walk/step-00320000.safetensors', import.meta.url),
);
const golden = fileURLToPath(new URL('../../../test/golden/renderer/assets/', import.meta.url));
const steps = 8;

/** A policy of random weights, as a file. */
async function freshPolicy(folder: string, settings: Partial<RunConfig>): Promise<string> {
  await selectBackend({ backend: 'wasm' });
  const config = smallConfig(settings);
  const environment = await makeEnv(config.task, environmentOptions(config));
  const { observationSpace, spec } = environment;
  const agent = RlpdAgent.create({
    config: agentSettings(config),
    observationSpace,
    actionSize: spec.actionSize,
    seed: 7,
  });
  const file = join(folder, 'policy.safetensors');
  await writePolicy(file, { config, envFrames: 0, return: null, tensors: await agent.policyTensors() });
  agent.dispose();
  environment.close();
  return file;
}

/** What the policy itself earns here. */
async function returnHere(file: string, seed: number): Promise<number> {
  await selectBackend({ backend: 'wasm' });
  const policy = await readPolicy(file);
  const environment = await makeEnv(policy.config.task, environmentOptions(policy.config));
  const agent = policyAgent(policy, environment, 0);
  const act = (observation: Parameters<typeof agent.act>[0]) => agent.act(observation, 'mean');
  const episode = await rollout({ environment, policy: act, seed, maxSteps: steps });
  agent.dispose();
  environment.close();
  return episode?.return ?? Number.NaN;
}

/** @param options further flags; the command runs in the folder */
async function written(policy: string, folder: string, ...options: readonly string[]): Promise<string> {
  const out = join(folder, 'web');
  const { status, stderr } = await rlpdIn(folder, 'export', policy, '--web', out, '--check', '0', ...options);
  assert.equal(status, 0, stderr);
  return join(out, 'index.html');
}

/** Opens the page, plays there and here, and looks at what it asked for. */
async function holds(context: TestContext, policy: string, url: string): Promise<void> {
  const browser = await openBrowser();
  context.after(() => browser.close());
  const { page, requests, complaints } = await visit(context, browser, url);
  await page.waitForSelector('body[data-ready]');
  const seed = 3;
  const played = await page.evaluate<PlayedEpisode, readonly [number, number]>(
    ([first, most]) => (globalThis as unknown as { page: PolicyPage }).page.play(first, most),
    [seed, steps],
  );
  assert.equal(played.steps, steps);
  const expected = await returnHere(policy, seed);
  assert.ok(Math.abs(played.return - expected) < 1e-4 * steps, `${played.return} there, ${expected} here`);
  // Of the episode on show, after its first picture.
  await page.waitForFunction("/ [1-9]\\d*\\.\\d s/.test(document.getElementById('said').textContent)");
  await page.click('#pause');
  const own = await thumbnail(page);
  const { x = 0, y = 0, width = 0, height = 0 } = (await page.locator('#picture').boundingBox()) ?? {};
  await page.mouse.move(x + 0.05 * width, y + 0.1 * height);
  await page.mouse.down();
  await page.mouse.move(x + 0.45 * width, y + 0.3 * height, { steps: 3 });
  await page.mouse.up();
  assert.ok(difference(own, await thumbnail(page)) > 8, 'dragging beside the bodies turns the camera');
  await page.click('#look');
  assert.ok(difference(own, await thumbnail(page)) < 4, 'the camera comes back');
  assert.deepEqual(
    requests.filter((request) => !/^(data|blob):/.test(request)),
    [url],
  );
  assert.deepEqual(complaints, []);
}

/** The page's picture after its next frame, in 8×6 pixels: whatever size it is drawn in. */
function thumbnail(page: Page): Promise<number[]> {
  return page.evaluate(`new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => {
    const small = Object.assign(document.createElement('canvas'), { width: 8, height: 6 });
    const context = small.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(document.getElementById('picture'), 0, 0, 8, 6);
    resolve([...context.getImageData(0, 0, 8, 6).data]);
  })))`);
}

/** Mean, in grey levels. */
function difference(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, value, i) => sum + Math.abs(value - (other[i] as number)), 0) / one.length;
}

describe("a policy's page", needingBrowser, () => {
  test('of a state, opened from a file: walks as here, and asks for nothing else', async (context) => {
    const file = await written(walker, await temporaryFolder(context));
    await holds(context, walker, pathToFileURL(file).href);
    const text = await readFile(file, 'utf8');
    assert.doesNotMatch(text, new RegExp(process.cwd()));
  });

  test('of one camera, from a static server', async (context) => {
    const folder = await temporaryFolder(context);
    const policy = await freshPolicy(folder, {
      task: 'walker-walk',
      obs: 'pixels',
      imageSize: 40,
      actionRepeat: 2,
    });
    const page = await readFile(await written(policy, folder));
    const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(page));
    server.listen(0, '127.0.0.1');
    context.after(() => server.close());
    await once(server, 'listening');
    await holds(context, policy, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });

  test("of two cameras and the state, in a task of one's own with a mesh and a module beside it", async (context) => {
    const folder = await temporaryFolder(context);
    const { module, model } = taskTemplate('lift', './tasks/lift.mjs');
    await mkdir(join(folder, 'tasks/meshes'), { recursive: true });
    await cp(join(golden, 'gem.stl'), join(folder, 'tasks/meshes/gem.stl'));
    await writeFile(join(folder, 'tasks/tolerances.mjs'), 'export const tolerance = 0.03;\n');
    await writeFile(
      join(folder, 'tasks/lift.mjs'),
      `import { tolerance } from './tolerances.mjs';\n${module.replace('const tolerance = 0.03;', '')}`,
    );
    await writeFile(
      join(folder, 'tasks/lift.xml'),
      model
        .replace(
          '<option timestep="0.01"/>',
          '<option timestep="0.01"/><compiler meshdir="meshes"/><asset><mesh name="gem" file="gem.stl" scale="0.2 0.2 0.2"/></asset>',
        )
        .replace(
          '<geom name="floor"',
          '<camera name="front" pos="2.2 0 0.7" xyaxes="0 1 0 0 0 1"/><geom type="mesh" mesh="gem" pos="0.5 0 0.3" contype="0" conaffinity="0"/><geom name="floor"',
        ),
    );
    const policy = await freshPolicy(folder, {
      task: join(folder, 'tasks/lift.mjs'),
      obs: 'both',
      cameras: ['side', 'front'],
      imageSize: 'side=48x40,front=36',
      actionRepeat: 2,
    });
    await holds(
      context,
      policy,
      pathToFileURL(await written(policy, folder, '--task', './tasks/lift.mjs')).href,
    );
  });
});

test('a task that a browser cannot run, and one that is not simulated here, are refused in a sentence', async (context) => {
  const folder = await temporaryFolder(context);
  const { module, model } = taskTemplate('lift', './lift.mjs');
  await writeFile(join(folder, 'lift.xml'), model);
  await writeFile(
    join(folder, 'lift.mjs'),
    `import { readFileSync } from 'node:fs';\n${module.replace('bind(simulation) {', 'bind(simulation) {\n    readFileSync(new URL(import.meta.url));')}`,
  );
  const policy = await freshPolicy(folder, { task: join(folder, 'lift.mjs'), actionRepeat: 2 });
  const nodeTask = await rlpd('export', policy, '--web', join(folder, 'web'), '--check', '0');
  assert.equal(nodeTask.status, 2, nodeTask.stderr);
  assert.match(nodeTask.stderr, /lift\.mjs cannot run in a browser: .*node:fs/);
  const away = await rlpd('export', walker, '--task', 'remote:127.0.0.1:1', '--web', join(folder, 'web'));
  assert.deepEqual([away.status, /a server runs/.test(away.stderr)], [2, true]);
  const nowhere = await rlpd('export', walker);
  assert.deepEqual([nowhere.status, /--out FILE\.onnx, or --web DIR/.test(nowhere.stderr)], [2, true]);
});
