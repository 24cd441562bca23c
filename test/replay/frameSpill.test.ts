import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Generator } from '../../src/random/generator.js';
import type { BatchObservation } from '../../src/replay/batch.js';
import { FrameSpill } from '../../src/replay/frameSpill.js';
import { PriorInterventions } from '../../src/replay/priorInterventions.js';
import { ReplayBuffer, type ReplayLayout } from '../../src/replay/replayBuffer.js';
import { SymmetricSampler } from '../../src/replay/symmetricSampler.js';

const layout: ReplayLayout = {
  images: [
    { name: 'image', height: 2, width: 2, channels: 3, frameStack: 3 },
    { name: 'wrist', height: 1, width: 1, channels: 3, frameStack: 1 },
  ],
  stateSize: 0,
  actionSize: 1,
};
const frameBytes = 12;
const stacks = layout.images.map(({ frameStack }) => frameStack);
const lengths = [4, 1, 30, 2, 9];
const rows = lengths.reduce((sum, length) => sum + length + 1, 0);
const batchRows = 64;

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rlpd-spill-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function fill(buffer: ReplayBuffer): ReplayBuffer {
  for (const length of lengths) {
    const first = buffer.written;
    buffer.addEpisode({
      length,
      images: {
        image: Uint8Array.from(
          { length: (length + 1) * frameBytes },
          (_, i) => 5 * (first + Math.floor(i / frameBytes)) + (i % 5),
        ),
        // Of one frame a stack, and smaller.
        wrist: Uint8Array.from({ length: (length + 1) * 3 }, (_, i) => 7 * first + i),
      },
      actions: new Float32Array(length),
      rewards: Float32Array.from({ length }, (_, t) => first + t),
      terminated: false,
    });
  }
  return buffer;
}

/** Room for what a person does, behind the datasets. */
const room = 20;

function sampler(offline: ReplayBuffer): SymmetricSampler {
  const interventions = new PriorInterventions(offline);
  interventions.addEpisode({
    length: 12,
    images: {
      image: Uint8Array.from({ length: 13 * frameBytes }, (_, i) => 255 - Math.floor(i / frameBytes)),
      wrist: Uint8Array.from({ length: 13 * 3 }, (_, i) => 200 - i),
    },
    actions: new Float32Array(12),
    rewards: Float32Array.from({ length: 12 }, (_, t) => -t),
    terminated: false,
    interventions: Uint8Array.from({ length: 12 }, (_, t) => (t === 0 || t > 6 ? 1 : 0)),
  });
  assert.equal(interventions.count, 6);
  return new SymmetricSampler({
    interventions,
    online: fill(new ReplayBuffer(layout, rows)),
    offline,
    offlineShare: 0.5,
    batchSize: batchRows / 2,
    minibatches: 2,
    discount: 0.99,
    randomShiftPad: 4,
    generator: new Generator(5),
  });
}

/** The images of a batch as a gather reads them, row by row. */
function images(observation: BatchObservation): string[] {
  assert.equal(observation.images.length, 2);
  return observation.images.flatMap(({ memories, counts, frames }, image) => {
    const perMinibatch = counts.reduce((sum, count) => sum + count, 0);
    return Array.from(frames, (number, i) => {
      const row = Math.floor(i / (stacks[image] as number)) % perMinibatch;
      const memory = row < (counts[0] as number) ? 0 : 1;
      return Buffer.from(memories[memory]?.view(number) ?? []).toString('hex');
    });
  });
}

test('however few frames are in memory, the same batches come out, byte for byte', async (context) => {
  const folder = temporaryFolder(context);
  for (const resident of [0, 1, 17, 33, rows - 1]) {
    const spills = [frameBytes, 3].map(
      (bytes, i) =>
        new FrameSpill({
          frameBytes: bytes,
          resident,
          batchRows,
          framesPerRow: (stacks[i] as number) + 1,
          path: join(folder, `frames-${i}`),
        }),
    );
    assert.deepEqual(readdirSync(folder), [], 'the files have no names that could stay behind');
    const [spilled, whole] = [
      sampler(fill(new ReplayBuffer(layout, rows + room, 0, spills))),
      sampler(fill(new ReplayBuffer(layout, rows + room))),
    ];
    for (let i = 0; i < 6; i++) {
      const offlineOnly = i % 3 === 2;
      const [found, expected] = [
        await (offlineOnly ? spilled.sampleOffline() : spilled.sample()),
        await (offlineOnly ? whole.sampleOffline() : whole.sample()),
      ];
      assert.deepEqual(images(found.observation), images(expected.observation));
      assert.deepEqual(images(found.nextObservation), images(expected.nextObservation));
      assert.deepEqual(found.rewards, expected.rewards);
      assert.deepEqual(found.observation.images[1]?.shifts, expected.observation.images[1]?.shifts);
    }
    spilled.close();
  }
});

test('a process that samples a dataset four times its budget stays within it', async () => {
  const child = fileURLToPath(new URL('./spillChild.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child]);
  const { budget, grown } = JSON.parse(stdout) as { budget: number; grown: number };
  // The budget is 64 MB of 256: half as much again is what else a process may need meanwhile.
  assert.ok(grown < 1.5 * budget, `${grown / 1e6} MB for a budget of ${budget / 1e6} MB`);
});
