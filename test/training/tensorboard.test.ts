import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32c, encodeRecord, maskedCrc32c } from '../../src/files/tfRecord.js';
import { EventFile } from '../../src/training/tensorboard.js';
import { temporaryFolder } from './smallRun.js';

test('crc32c gives the published check values', () => {
  // RFC 3720, appendix B.4, and the catalogue of CRC parameters.
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

test('a record is length, masked crc, payload, masked crc', () => {
  const record = encodeRecord(Uint8Array.of(1, 2, 3));
  const view = new DataView(record.buffer);
  assert.equal(record.length, 19);
  assert.equal(view.getUint32(0, true), 3);
  // The mask undone: subtract the constant, rotate left by 15.
  const unmask = (masked: number) => {
    const rotated = (masked - 0xa282ead8) >>> 0;
    return ((rotated << 15) | (rotated >>> 17)) >>> 0;
  };
  assert.equal(unmask(view.getUint32(8, true)), crc32c(record.subarray(0, 8)));
  assert.equal(unmask(view.getUint32(15, true)), crc32c(Uint8Array.of(1, 2, 3)));
});

test('the bytes are those that TensorBoard’s own writer would produce', async (context) => {
  const path = join(await temporaryFolder(context), 'events.out.tfevents.1');
  const events = await EventFile.open(path);
  const start = events.bytes;
  await events.write({ wallTime: 1.5, step: 300, scalars: { 'a/b': 0.25 } });
  await events.close();
  const bytes = await readFile(path);
  assert.equal(bytes.length, events.bytes);
  assert.match(bytes.subarray(0, start).toString('latin1'), /brain\.Event:2/);
  const payload = bytes.subarray(start + 12, bytes.length - 4);
  // Event{wall_time: 1.5, step: 300, summary{value{tag: "a/b", simple_value: 0.25}}}
  assert.equal(payload.toString('hex'), `09${'000000000000f83f'}10ac022a0c0a0a0a03${'612f62'}150000803e`);
  assert.equal(bytes.readUInt32LE(bytes.length - 4), maskedCrc32c(payload));
});

test('opened at a position, a file goes on there and what lay behind is gone', async (context) => {
  const path = join(await temporaryFolder(context), 'events.out.tfevents.1');
  const first = await EventFile.open(path);
  await first.write({ wallTime: 1, step: 1, scalars: { x: 1 } });
  const kept = first.bytes;
  await first.write({ wallTime: 2, step: 2, scalars: { x: 2 } });
  await first.close();
  const again = await EventFile.open(path, kept);
  await again.write({ wallTime: 2, step: 2, scalars: { x: 2 } });
  await again.close();
  const bytes = await readFile(path);
  assert.equal(bytes.length, first.bytes);
});
