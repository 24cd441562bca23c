import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { convert } from '../../datasets/converters/conversion.js';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';
import { lockDataset } from '../../datasets/datasetLock.js';
import { golden, temporaryFolder } from './samples.js';

const child = fileURLToPath(new URL('./conversionChild.js', import.meta.url));

/** Runs a conversion in its own process, which kills itself after so many units. */
function run(source: string, out: string, killAfter: number): NodeJS.Signals | null {
  const { signal, status, stderr } = spawnSync(process.execPath, [child, source, out, String(killAfter)]);
  assert.ok(signal === 'SIGKILL' || status === 0, stderr.toString());
  return signal;
}

function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files
      .map(
        ({ parentPath, name }) =>
          [join(parentPath, name).slice(folder.length), readFileSync(join(parentPath, name), 'hex')] as const,
      )
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

test('a conversion killed again and again ends in the same bytes as an undisturbed one', (t) => {
  const folder = temporaryFolder(t);
  const source = join(folder, 'source');
  mkdirSync(source);
  const samples = ['two/episode-9.npz', 'bad/a-action.npz', 'bad/f-good.npz', 'old/episode-6.npz'];
  for (let i = 0; i < 12; i++)
    copyFileSync(
      join(golden, 'vd4rl', samples[i % 4] as string),
      join(source, `e${String(i).padStart(2, '0')}.npz`),
    );
  assert.equal(run(source, join(folder, 'undisturbed'), 0), null);
  for (const killAfter of [1, 6, 11]) assert.equal(run(source, join(folder, 'killed'), killAfter), 'SIGKILL');
  assert.equal(run(source, join(folder, 'killed'), 0), null);
  assert.deepEqual(contents(join(folder, 'killed')), contents(join(folder, 'undisturbed')));
});

test('a dataset that another process writes is not converted into, and is afterwards', async (t) => {
  const out = join(temporaryFolder(t), 'out');
  const options = { out, onProblem: 'quarantine', dryRun: false, command: { format: 'vd4rl' } } as const;
  const open = () => openVd4rl(join(golden, 'vd4rl/two'), { task: 'walker-walk' });
  const lock = await lockDataset(out);
  await assert.rejects(convert(await open(), options), {
    name: 'InputError',
    message: /is in use by process/,
  });
  await lock.release();
  assert.equal(existsSync(out), false);
  const { episodes } = await convert(await open(), options);
  assert.ok(episodes > 0);
  assert.equal(existsSync(join(out, 'lock.json')), false);
});
