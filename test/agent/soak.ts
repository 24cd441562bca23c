/**
 * `node dist/test/agent/soak.js [--updates N] [--precision float32|bfloat16]`: what takes too long for the tests. A
 * small agent with images makes N recorded updates, twice from the same seed. After the first tenth the process's
 * memory may not grow, every weight must be finite, and both runs' weights equal to the last bit. Ends with exit code
 * 1 where they are not.
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { selectBackend } from '../../src/backend/select.js';
import { BatchSource, smallAgent } from './syntheticBatch.js';

/** Growth of the process that counts as a leak. */
const allowedMegabytes = 32;
/** Batches made once and used in turn. */
const variety = 50;

const { values } = parseArgs({
  options: {
    updates: { type: 'string', default: '100000' },
    precision: { type: 'string', default: 'float32' },
  },
});
const updates = Number(values.updates);
const { note } = await selectBackend({
  backend: 'torch',
  precision: values.precision === 'bfloat16' ? 'bfloat16' : 'float32',
});
console.log(note);

const first = await soak();
const second = await soak();
const isGood =
  first.digest === second.digest && first.areFinite && Math.max(first.grown, second.grown) < allowedMegabytes;
console.log(
  `${updates} updates at ${first.milliseconds.toFixed(2)} ms: memory grew by ${first.grown.toFixed(1)} MB, then by ${second.grown.toFixed(1)} MB; ` +
    `weights ${first.areFinite ? 'finite' : 'NOT FINITE'}, ${first.digest === second.digest ? 'the same' : 'NOT THE SAME'} in both runs (${first.digest.slice(0, 12)}).`,
);
process.exitCode = isGood ? 0 : 1;

async function soak(): Promise<{ digest: string; areFinite: boolean; grown: number; milliseconds: number }> {
  const source = new BatchSource('both', 2);
  const batches = Array.from({ length: variety }, () => source.next(1));
  const agent = smallAgent('both', { ensembleSize: 3, hiddenLayers: 2 });
  let before = 0;
  const started = performance.now();
  for (let i = 0; i < updates; i++) {
    if (i === Math.floor(updates / 10)) before = megabytes();
    await agent.update(batches[i % variety] as (typeof batches)[number]);
  }
  const milliseconds = (performance.now() - started) / updates;
  const grown = megabytes() - before;
  const hash = createHash('sha256');
  let areFinite = true;
  for (const [name, { data }] of await agent.tensors()) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    areFinite &&= data.every(Number.isFinite);
  }
  agent.dispose();
  return { digest: hash.digest('hex'), areFinite, grown, milliseconds };
}

function megabytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss / 2 ** 20;
}
