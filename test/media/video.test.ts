import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import type { Image } from '../../src/media/image.js';
import { writeVideo } from '../../src/media/video.js';

const folder = mkdtempSync(join(tmpdir(), 'rlpd-video-'));
after(() => rmSync(folder, { recursive: true }));

/** A red square that moves right by two pixels a frame over a blue ground. */
function frame(number: number, width = 48, height = 32): Image {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = x >= 2 * number && x < 2 * number + 8 && y >= 8 && y < 16;
      data.set(inside ? [220, 30, 30] : [20, 40, 160], (y * width + x) * 3);
    }
  }
  return { width, height, channels: 3, data };
}

async function* streamed(count: number): AsyncGenerator<Image> {
  for (let i = 0; i < count; i++) yield frame(i);
}

/** Mean absolute difference between a decoded page and the frame that went in. */
async function difference(path: string, page: number): Promise<number> {
  const { data, info } = await sharp(path, { page })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const expected = frame(page, info.width, info.height).data;
  return expected.reduce((sum, value, i) => sum + Math.abs(value - (data[i] as number)), 0) / expected.length;
}

for (const ending of ['webp', 'gif']) {
  test(`a .${ending} decodes to the frames that went in, in order and at their pace`, async () => {
    const path = join(folder, `video.${ending}`);
    const written = await writeVideo(path, streamed(12), { fps: 12.5 });
    assert.deepEqual({ ...written, bytes: 0 }, { path, frames: 12, width: 48, height: 32, bytes: 0 });
    const { pages, delay, loop } = await sharp(path, { animated: true }).metadata();
    assert.equal(pages, 12);
    assert.equal(loop, 0);
    assert.deepEqual([...new Set(delay)], [80]);
    for (const page of [0, 5, 11]) assert.ok((await difference(path, page)) < 4, `page ${page}`);
  });
}

interface Box {
  readonly type: string;
  readonly body: Buffer;
}

/** ISO 14496-12: size, type, body. */
function boxes(file: Buffer): Box[] {
  const found: Box[] = [];
  for (let at = 0; at < file.length; ) {
    const size = file.readUInt32BE(at);
    found.push({ type: file.toString('latin1', at + 4, at + 8), body: file.subarray(at + 8, at + size) });
    at += size;
  }
  return found;
}

function box(file: Buffer, ...path: string[]): Buffer {
  return path.reduce((body, type) => {
    const match = boxes(body).find((candidate) => candidate.type === type);
    assert.ok(match, `no ${type} box`);
    return match.body;
  }, file);
}

test('an .mp4 holds one H.264 track of the frames’ count, pace and size, an odd size made even', async () => {
  const path = join(folder, 'video.mp4');
  const frames = Array.from({ length: 25 }, (_, i) => frame(i % 12, 47, 31));
  const written = await writeVideo(path, frames, { fps: 12.5 });
  const file = readFileSync(path);
  assert.equal(written.bytes, file.length);
  assert.equal(box(file, 'ftyp').toString('latin1', 0, 3), 'mp4');
  const media = box(file, 'moov', 'trak', 'mdia');
  const samples = box(media, 'minf', 'stbl');
  assert.equal(box(samples, 'stsz').readUInt32BE(8), 25);
  const entry = box(box(samples, 'stsd').subarray(8), 'avc1');
  assert.deepEqual([entry.readUInt16BE(24), entry.readUInt16BE(26)], [48, 32]);
  const seconds = box(media, 'mdhd').readUInt32BE(16) / box(media, 'mdhd').readUInt32BE(12);
  assert.ok(Math.abs(seconds - 2) < 0.1, `${seconds} s`);
});

test('another ending, no frame, frames of two sizes and a pace of zero are each refused in a sentence', async () => {
  const refused = (path: string, frames: Image[], message: RegExp, fps = 20) =>
    assert.rejects(writeVideo(join(folder, path), frames, { fps }), { name: 'InputError', message });
  await refused('video.avi', [frame(0)], /video\.avi: its name has to end in \.mp4, \.webp or \.gif/);
  await refused('empty.mp4', [], /no frame/);
  await refused('sizes.gif', [frame(0), frame(1, 50, 32)], /frame 1 is 50×32, the first is 48×32/);
  await refused('pace.webp', [frame(0)], /0 frames per second/, 0);
});

test('videos can be written at the same time without disturbing one another', async () => {
  const paths = [0, 1, 2].map((i) => join(folder, `parallel-${i}.mp4`));
  await Promise.all(paths.map((path) => writeVideo(path, streamed(10))));
  // The pictures alone: the headers carry the time of writing.
  const [first, ...others] = paths.map((path) => box(readFileSync(path), 'mdat'));
  for (const other of others) assert.deepEqual(other, first);
});
