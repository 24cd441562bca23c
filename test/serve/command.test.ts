/** `rlpd serve` and `rlpd dataset serve`, as they are started and stopped. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { temporaryFolder } from '../datasets/samples.js';
import { rlpd, rlpdIn } from '../scripts/commandLine.js';
import { manifestOf } from './sampleManifest.js';

const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));

/** Starts it, and stops it by Ctrl-C once it has said where the page is. */
async function started(
  t: TestContext,
  folder: string,
  ...args: string[]
): Promise<{ url: string; status: unknown }> {
  const child = spawn(process.execPath, [program, ...args, '--port', '0', '--json'], { cwd: folder });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const { url } = z.object({ url: z.string() }).parse(JSON.parse(said.toString()));
  assert.equal((await fetch(url)).status, 200);
  child.kill('SIGINT');
  const [status] = await ended;
  return { url, status };
}

test('the page is served until Ctrl-C, of what lies in the usual folders', async (t) => {
  const folder = temporaryFolder(t);
  manifestOf(join(folder, 'data', 'walker'), 2);
  const { url, status } = await started(t, folder, 'serve');
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.equal(status, 0);
});

test('a single dataset is served at its own address', async (t) => {
  const folder = temporaryFolder(t);
  manifestOf(join(folder, 'data', 'walker'), 2);
  const { url, status } = await started(t, folder, 'dataset', 'serve', 'data/walker');
  assert.match(url, /\/#\/dataset\?dataset=data\/walker$/);
  assert.equal(status, 0);
});

test('where there is nothing to serve a sentence says what to name, exit code 2', async (t) => {
  const folder = temporaryFolder(t);
  const nothing = await rlpdIn(folder, 'serve');
  assert.equal(nothing.status, 2);
  assert.match(nothing.stderr, /There is no runs, no data, no results here: name a folder/);
  const noDataset = await rlpd('dataset', 'serve', folder);
  assert.equal(noDataset.status, 2);
  assert.match(noDataset.stderr, /is not a dataset/);
});
