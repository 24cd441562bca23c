/** Fills and samples a spilled buffer of 256 MB under a budget of 64 MB, and prints by how much the process grew. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Generator } from '../../src/random/generator.js';
import { FrameSpill } from '../../src/replay/frameSpill.js';
import { ReplayBuffer, type ReplayLayout } from '../../src/replay/replayBuffer.js';
import { SymmetricSampler } from '../../src/replay/symmetricSampler.js';

const size = 64;
const layout: ReplayLayout = {
  images: [{ name: 'image', height: size, width: size, channels: 3, frameStack: 3 }],
  stateSize: 0,
  actionSize: 1,
};
const frameBytes = size * size * 3;
const [budget, total] = [64e6, 256e6];
const batchRows = 256;
const length = 99;
const rows = Math.floor(total / frameBytes / (length + 1)) * (length + 1);
const framesPerRow = 3 + 1;
const slots = batchRows * framesPerRow;

const folder = mkdtempSync(join(tmpdir(), 'rlpd-spill-'));
const before = process.memoryUsage().rss;
const spill = new FrameSpill({
  frameBytes,
  resident: Math.floor(budget / frameBytes) - slots,
  batchRows,
  framesPerRow,
  path: join(folder, 'frames'),
});
const offline = new ReplayBuffer(layout, rows, 0, [spill]);
const pixels = new Uint8Array((length + 1) * frameBytes);
for (let row = 0; row < rows; row += length + 1) {
  const [actions, rewards] = [new Float32Array(length), new Float32Array(length)];
  offline.addEpisode({ length, images: { image: pixels.fill(row) }, actions, rewards, terminated: false });
}
const online = new ReplayBuffer(layout, 2);
const sampler = new SymmetricSampler({
  online,
  offline,
  offlineShare: 1,
  batchSize: batchRows,
  minibatches: 1,
  discount: 0.99,
  randomShiftPad: 0,
  generator: new Generator(0),
});
for (let i = 0; i < 50; i++) await sampler.sample();
const grown = process.memoryUsage().rss - before;
sampler.close();
rmSync(folder, { recursive: true });
console.log(JSON.stringify({ budget, grown }));
