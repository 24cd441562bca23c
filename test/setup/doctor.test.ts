import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));
const resultSchema = z.object({
  ok: z.boolean(),
  findings: z.array(
    z.object({
      name: z.string(),
      verdict: z.enum(['good', 'slow', 'wrong']),
      found: z.string().min(1),
      fix: z.string().min(1).optional(),
    }),
  ),
});

test('the doctor finds a machine that runs these tests fit, and names a fix for whatever is slow', () => {
  // A number of threads that is no number, for one finding that is certain to be slow.
  const { status, stdout } = spawnSync(process.execPath, [program, 'doctor', '--json'], {
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '0' },
  });
  const { ok, findings } = resultSchema.parse(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? ''));
  assert.deepEqual([status, ok], [0, true]);
  const verdicts = new Map(findings.map(({ name, verdict }) => [name, verdict]));
  for (const name of ['Node', 'WebAssembly engine', 'MuJoCo', 'images'])
    assert.equal(verdicts.get(name), 'good');
  assert.equal(verdicts.get('threads'), 'slow');
  assert.ok(verdicts.has('native engine'));
  for (const { name, verdict, fix } of findings) assert.equal(fix !== undefined, verdict !== 'good', name);
});
