import assert from 'node:assert/strict';
import test from 'node:test';
import { checkPages } from '../../datasets/sources/parquetPages.js';

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** Field of an i32, its number one more than the field before: Thrift's compact protocol writes them zigzag. */
const i32 = (value: number): number[] => [0x15, ...varint(2 * value)];

/** One data page (version 1) of an optional column: a run of definition levels, then values. */
function chunk(count: number, run: readonly number[], values: readonly number[], encoding = 0): Uint8Array {
  const page = [run.length, 0, 0, 0, ...run, ...values];
  const dataPage = [...i32(count), ...i32(encoding), ...i32(3), ...i32(3), 0];
  return Uint8Array.of(...i32(0), ...i32(page.length), ...i32(page.length), 0x2c, ...dataPage, 0, ...page);
}

function check(bytes: Uint8Array): Promise<void> {
  const read = async (start: number, length: number) => bytes.subarray(start, start + length);
  return checkPages(read, { start: 0, bytes: bytes.length }, 'UNCOMPRESSED', {
    repetition: 0,
    definition: 1,
  });
}

test('pages whose runs make up their values are let through', async () => {
  await check(chunk(5, [...varint(2 * 5), 1], [1, 2, 3, 4, 5]));
  // Bit-packed by eights, of which five count.
  await check(chunk(5, [2 * 1 + 1, 0b11111], [1, 2, 3, 4, 5]));
  // Numbers of a dictionary's entries, two bits each.
  await check(chunk(5, [...varint(2 * 5), 1], [2, ...varint(2 * 5), 3], 8));
});

test('a run of more values than its page has left is refused, and a page of more than can be', async () => {
  const billion = 2 ** 30;
  await assert.rejects(check(chunk(5, [...varint(2 * billion), 1], [1])), /a run of 1073741824 values/);
  await assert.rejects(
    check(chunk(5, [...varint(2 * 5), 1], [2, ...varint(2 * billion), 3], 8)),
    /a run of 1073741824 values/,
  );
  await assert.rejects(check(chunk(billion, [...varint(2 * billion), 1], [1])), /claims 1073741824 values/);
});

test('a page that is cut short is refused', async () => {
  const whole = chunk(5, [...varint(2 * 5), 1], [1, 2, 3, 4, 5]);
  for (let length = 2; length < whole.length; length++)
    await assert.rejects(check(whole.subarray(0, length)));
});
