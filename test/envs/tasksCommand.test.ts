import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { taskNames } from '../../envs/makeEnv.js';

it('rlpd tasks lists every task and writes a sheet of pictures', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rlpd-tasks-'));
  try {
    const sheet = join(folder, 'tasks.png');
    const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));
    const output = execFileSync(
      process.execPath,
      [program, 'tasks', '--sheet', sheet, '--size', '32', '--json'],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const result = JSON.parse(output) as { tasks: { task: string; stateSize: number }[] };
    assert.deepEqual(
      result.tasks.map(({ task }) => task),
      taskNames(),
    );
    assert.equal(result.tasks.find(({ task }) => task === 'humanoid-walk')?.stateSize, 67);
    assert.ok(((await sharp(sheet).metadata()).width ?? 0) > 6 * 32);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
