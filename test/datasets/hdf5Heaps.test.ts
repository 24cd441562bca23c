/** Rows of their own length lie in heaps that the HDF5 library walks without end where they are damaged. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { openMinari } from '../../datasets/converters/minari.js';
import { golden, temporaryFolder } from './samples.js';

for (const { name, index } of [
  { name: 'free space', index: 0 },
  { name: 'an object', index: 1 },
])
  test(`a heap in which ${name} ends nowhere is refused in a sentence`, async (t) => {
    const folder = join(temporaryFolder(t), 'data');
    cpSync(join(golden, 'minari', 'dict-v0', 'data'), folder, { recursive: true });
    const file = join(folder, 'main_data.hdf5');
    const bytes = readFileSync(file);
    const start = bytes.indexOf('GCOL');
    let at = start + 16;
    while (bytes.readUInt16LE(at) !== index)
      at += 16 + Math.ceil(Number(bytes.readBigUInt64LE(at + 8)) / 8) * 8;
    // Free space without a length: its reader would stay where it is. An object that ends beyond its collection.
    bytes.writeBigUInt64LE(index === 0 ? 0n : 1n << 40n, at + 8);
    writeFileSync(file, bytes);
    await assert.rejects(openMinari(folder, { stateKeys: ['state'] }), {
      name: 'InputError',
      message: new RegExp(`main_data.hdf5 is damaged: the heap at byte ${start}, .* Bring the file anew`),
    });
  });
