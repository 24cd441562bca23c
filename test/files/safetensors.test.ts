import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeSafetensors, encodeSafetensors, readSafetensors } from '../../src/files/safetensors.js';

/** A file written by hand after the specification: header length, JSON header, bytes. */
function byHand(header: string, body: readonly number[]): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setUint32(0, text.length, true);
  return Uint8Array.from([...length, ...text, ...body]);
}

const oneFloat = (value: number) => [...new Uint8Array(Float32Array.of(value).buffer)];

test('what is written is read back, bit for bit, with its metadata', () => {
  const tensors = new Map([
    ['weights', { shape: [2, 3], data: Float32Array.of(1, -0, Number.NaN, 1e-40, 3e38, -2.5) }],
    ['frames', { dtype: 'U8' as const, shape: [3], data: Uint8Array.of(0, 128, 255) }],
    ['empty', { shape: [0, 4], data: new Float32Array(0) }],
    ['scalar', { shape: [], data: Float32Array.of(7) }],
  ]);
  const file = decodeSafetensors(encodeSafetensors({ tensors, metadata: { note: 'größer' } }), 'x');
  assert.deepEqual(file.metadata, { note: 'größer' });
  for (const [name, { shape, data }] of tensors) {
    assert.deepEqual(file.tensors.get(name)?.shape, shape);
    assert.deepEqual(file.tensors.get(name)?.data, data);
  }
});

test('a file made by hand after the specification is read, also from the middle of a Node buffer', () => {
  const bytes = byHand(
    '{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  ',
    [...oneFloat(1.5), ...oneFloat(-3)],
  );
  const pool = Buffer.concat([Buffer.from([1, 2, 3]), bytes]);
  const { tensors } = decodeSafetensors(pool.subarray(3), 'x');
  assert.deepEqual([...(tensors.get('a')?.data ?? [])], [1.5]);
  assert.deepEqual([...(tensors.get('b')?.data ?? [])], [-3]);
});

test('the tensors begin at a multiple of eight bytes', () => {
  const bytes = encodeSafetensors({
    tensors: new Map([['w', { shape: [1], data: Float32Array.of(1) }]]),
    metadata: {},
  });
  assert.equal(new DataView(bytes.buffer).getUint32(0, true) % 8, 0);
});

test('a damaged file is refused with a sentence', () => {
  const entry = (offsets: string, shape = '[1]') =>
    `{"a":{"dtype":"F32","shape":${shape},"data_offsets":${offsets}}}`;
  const damaged: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(3), /3 bytes/],
    ['huge header', Uint8Array.from([255, 255, 255, 255, 255, 0, 0, 0]), /header claims/],
    ['no JSON', byHand('{"a"', []), /not JSON/],
    ['past the end', byHand(entry('[0,8]', '[2]'), oneFloat(1)), /lies at bytes/],
    ['gap', byHand(entry('[4,8]'), [...oneFloat(1), ...oneFloat(1)]), /lies at bytes/],
    ['shape and bytes disagree', byHand(entry('[0,4]', '[2]'), oneFloat(1)), /lies at bytes/],
    ['bytes of no tensor', byHand(entry('[0,4]'), [...oneFloat(1), 0]), /belong to none/],
    ['other dtype', byHand(entry('[0,4]').replace('F32', 'I64'), oneFloat(1)), /only F32 and U8/],
  ];
  for (const [what, bytes, message] of damaged)
    assert.throws(() => decodeSafetensors(bytes, 'w.safetensors'), { name: 'InputError', message }, what);
});

test('a missing file is the user’s to put right', async () => {
  await assert.rejects(readSafetensors('/nowhere/w.safetensors'), { name: 'InputError' });
});
