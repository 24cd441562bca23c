/** Tiny recordings in other people's formats, written byte by byte: pictures that carry their number, rows that carry theirs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import h5wasm from 'h5wasm/node';
import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import sharp from 'sharp';
import { npyHeader } from '../../datasets/sources/npy.js';

export type Numbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** An array in C order. */
export interface Block {
  readonly shape: readonly number[];
  readonly data: Numbers;
}

export const HEIGHT = 6;
export const WIDTH = 8;

/** Picture `t` of episode `e`, RGB: no two pixels, rows or channels of it are alike. */
export function picture(t: number, e = 0, height = HEIGHT, width = WIDTH): Uint8Array {
  const pixels = new Uint8Array(height * width * 3);
  for (let i = 0; i < pixels.length; i++) {
    const [y, x, c] = [Math.floor(i / (width * 3)), Math.floor(i / 3) % width, i % 3];
    pixels[i] = (16 * e + t + 5 * x + 11 * y + 60 * c) % 256;
  }
  return pixels;
}

/** Pictures 0 … rows − 1, `[rows, H, W, 3]`. */
export function pictures(rows: number, e = 0): Block {
  const data = Buffer.concat(Array.from({ length: rows }, (_, t) => picture(t, e)));
  return { shape: [rows, HEIGHT, WIDTH, 3], data: new Uint8Array(data) };
}

/** Row t is ((t + 1) / 16, −(t + 1) / 32). */
export function actions(rows: number): Block {
  const data = Float32Array.from({ length: rows * 2 }, (_, i) =>
    i % 2 === 0 ? (i / 2 + 1) / 16 : -((i - 1) / 2 + 1) / 32,
  );
  return { shape: [rows, 2], data };
}

export function column(
  values: readonly number[],
  Kind: new (values: number[]) => Numbers = Float32Array,
): Block {
  return { shape: [values.length], data: new Kind([...values]) };
}

/** The rows' axes in another order, as `numpy.transpose` and a copy give it. */
export function transposed({ shape, data }: Block, axes: readonly number[]): Block {
  const out = axes.map((axis) => shape[axis] as number);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const copy = data.slice();
  for (let i = 0; i < copy.length; i++) {
    let [rest, from] = [i, 0];
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      from += (rest % (out[axis] as number)) * (strides[axes[axis] as number] as number);
      rest = Math.floor(rest / (out[axis] as number));
    }
    copy[i] = data[from] as never;
  }
  return { shape: out, data: copy };
}

/** With a fourth channel that falls from left to right. */
export function withAlpha({ shape, data }: Block): Block {
  const [rows = 0, height = 0, width = 0] = shape;
  const out = new Uint8Array(rows * height * width * 4);
  for (let i = 0; i < rows * height * width; i++)
    out.set(
      [Number(data[3 * i]), Number(data[3 * i + 1]), Number(data[3 * i + 2]), 255 - 30 * (i % width)],
      4 * i,
    );
  return { shape: [rows, height, width, 4], data: out };
}

// HDF5

export interface Hdf5Content {
  readonly arrays: Readonly<Record<string, Block>>;
  /** By the path of what they belong to. */
  readonly attributes?: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
  /** Lists of names, such as robomimic's masks. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
}

export async function writeHdf5(
  path: string,
  { arrays, attributes = {}, names = {} }: Hdf5Content,
): Promise<void> {
  await h5wasm.ready;
  mkdirSync(dirname(path), { recursive: true });
  const file = new h5wasm.File(path, 'w');
  const group = (name: string): void => {
    if (name !== '' && file.get(name) === null) {
      group(name.split('/').slice(0, -1).join('/'));
      file.create_group(name);
    }
  };
  for (const [name, { shape, data }] of Object.entries(arrays)) {
    group(name.split('/').slice(0, -1).join('/'));
    file.create_dataset({ name, data, shape: [...shape] });
  }
  for (const [name, values] of Object.entries(names)) {
    group(name.split('/').slice(0, -1).join('/'));
    file.create_dataset({ name, data: [...values] });
  }
  for (const [name, values] of Object.entries(attributes))
    for (const [key, value] of Object.entries(values)) {
      const found = name === '/' ? file : file.get(name);
      if (found === null || !('create_attribute' in found)) throw new Error(`There is no ${name}.`);
      found.create_attribute(key, value);
    }
  file.close();
}

// zarr, version 2

const zarrTypes = new Map<unknown, string>([
  [Uint8Array, '|u1'],
  [Int8Array, '|i1'],
  [Uint16Array, '<u2'],
  [Int32Array, '<i4'],
  [BigInt64Array, '<i8'],
  [Float32Array, '<f4'],
  [Float64Array, '<f8'],
]);

function typeOf(data: Numbers): string {
  return zarrTypes.get(data.constructor) as string;
}

/** One chunk for each `chunkRows` rows, not compressed. */
export function writeZarr(
  folder: string,
  arrays: Readonly<Record<string, Block>>,
  { chunkRows = 4, order = 'C', attributes = {} as Readonly<Record<string, unknown>> } = {},
): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '.zgroup'), '{"zarr_format": 2}');
  for (const [key, { shape, data }] of Object.entries(arrays)) {
    const [rows = 0, ...row] = shape;
    const rowSize = row.reduce((a, b) => a * b, 1);
    mkdirSync(join(folder, key), { recursive: true });
    const metadata = {
      zarr_format: 2,
      shape,
      chunks: [chunkRows, ...row],
      dtype: typeOf(data),
      compressor: null,
      fill_value: 0,
      order,
      filters: null,
    };
    writeFileSync(join(folder, key, '.zarray'), JSON.stringify(metadata));
    const own = attributes[key];
    if (own !== undefined) writeFileSync(join(folder, key, '.zattrs'), JSON.stringify(own));
    for (let chunk = 0; chunk * chunkRows < rows; chunk++) {
      const part = data.slice(chunk * chunkRows * rowSize, (chunk + 1) * chunkRows * rowSize);
      const whole = new (data.constructor as new (size: number) => Numbers)(chunkRows * rowSize);
      whole.set(part as never);
      const laid =
        order === 'F'
          ? transposed({ shape: [chunkRows, ...row], data: whole }, [...shape.keys()].reverse()).data
          : whole;
      const name = [chunk, ...row.map(() => 0)].join('.');
      writeFileSync(join(folder, key, name), new Uint8Array(laid.buffer));
    }
  }
}

// npz

/** A zip of stored or deflated members, each an .npy file. */
export function writeNpz(
  path: string,
  arrays: Readonly<Record<string, Block>>,
  { order = 'C', isDeflated = true } = {},
): void {
  mkdirSync(dirname(path), { recursive: true });
  const [members, directory]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const [key, block] of Object.entries(arrays)) {
    const laid = order === 'F' ? transposed(block, [...block.shape.keys()].reverse()).data : block.data;
    const header = npyHeader(typeOf(block.data), block.shape).toString('latin1');
    const own = order === 'F' ? header.replace("'fortran_order': False,", "'fortran_order': True, ") : header;
    const bytes = Buffer.concat([
      Buffer.from(own, 'latin1'),
      Buffer.from(laid.buffer, laid.byteOffset, laid.byteLength),
    ]);
    const packed = isDeflated ? deflateRawSync(bytes) : bytes;
    const name = Buffer.from(`${key}.npy`);
    const fixed = Buffer.alloc(26);
    fixed.writeUInt16LE(20, 0);
    fixed.writeUInt16LE(isDeflated ? 8 : 0, 4);
    fixed.writeUInt32LE(crc32(bytes), 10);
    fixed.writeUInt32LE(packed.length, 14);
    fixed.writeUInt32LE(bytes.length, 18);
    fixed.writeUInt16LE(name.length, 22);
    members.push(Buffer.from('PK\x03\x04', 'latin1'), fixed, name, packed);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fixed, tail, name);
    offset += 30 + name.length + packed.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(Object.keys(arrays).length, 8);
  end.writeUInt16LE(Object.keys(arrays).length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(offset, 16);
  writeFileSync(path, Buffer.concat([...members, listed, end]));
}

// PNG files

/** @param pixels `[height, width, channels]`, or `[height, width]` of one */
export function png(pixels: Uint8Array | Uint16Array, height = HEIGHT, width = WIDTH): Promise<Buffer> {
  const channels = (pixels.length / height / width) as 1 | 2 | 3 | 4;
  const image = sharp(pixels, { raw: { height, width, channels } });
  return (pixels instanceof Uint16Array ? image.toColourspace('grey16') : image).png().toBuffer();
}

/** Of pictures 0 … rows − 1. */
export function pngs(rows: number, e = 0): Promise<Buffer[]> {
  return Promise.all(Array.from({ length: rows }, (_, t) => png(picture(t, e))));
}

/** @param files by name @param table of `steps.csv`, or of a file of another name */
export function writeFrames(
  folder: string,
  files: Readonly<Record<string, Buffer>>,
  table: string,
  name = 'steps.csv',
): void {
  mkdirSync(folder, { recursive: true });
  for (const [file, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), bytes);
  }
  writeFileSync(join(folder, name), table);
}

/** `frame_0000.png` … */
export function numbered(files: readonly Buffer[]): Record<string, Buffer> {
  return Object.fromEntries(files.map((file, t) => [`frame_${String(t).padStart(4, '0')}.png`, file]));
}

/** A table with the actions of `rows` rows, and these columns. */
export function csv(rows: number, columns: Readonly<Record<string, readonly (number | string)[]>>): string {
  const { data } = actions(rows);
  const header = ['action_0', 'action_1', ...Object.keys(columns)].join(',');
  const lines = Array.from({ length: rows }, (_, t) =>
    [data[2 * t], data[2 * t + 1], ...Object.values(columns).map((values) => values[t])].join(','),
  );
  return `${[header, ...lines].join('\n')}\n`;
}

// TFRecord

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);
}

const crcTable = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

function maskedCrc(bytes: Buffer): Buffer {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 255] as number);
  crc = ~crc >>> 0;
  const masked = Buffer.alloc(4);
  masked.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return masked;
}

/** Files, quantities, or whole numbers. */
export type Feature = readonly Buffer[] | Float32Array | Int32Array;

function tfFeature(feature: Feature): Buffer {
  if (feature instanceof Float32Array)
    return field(2, field(1, Buffer.from(feature.buffer, feature.byteOffset, feature.byteLength)));
  if (feature instanceof Int32Array) return field(3, field(1, Buffer.concat([...feature].map(varint))));
  return field(1, Buffer.concat(feature.map((bytes) => field(1, bytes))));
}

/** @param episodes of each the features by name, such as `steps/action` */
export function writeTfRecords(path: string, episodes: readonly Readonly<Record<string, Feature>>[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const records = episodes.map((features) => {
    const entries = Object.entries(features).map(([name, feature]) =>
      field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, tfFeature(feature))])),
    );
    const content = field(1, Buffer.concat(entries));
    const length = Buffer.alloc(8);
    length.writeUInt32LE(content.length);
    return Buffer.concat([length, maskedCrc(length), content, maskedCrc(content)]);
  });
  writeFileSync(path, Buffer.concat(records));
}

// LeRobot

export interface LerobotColumn {
  readonly type: 'FLOAT' | 'INT64' | 'BOOLEAN' | 'image';
  /** Rows; lists of numbers where there are several in one. */
  readonly values: readonly unknown[];
}

/** Files of v2.1, an episode each: `episode_index` is counted where it is not given. */
export function writeLerobot(
  folder: string,
  files: readonly Readonly<Record<string, LerobotColumn>>[],
  info: Readonly<Record<string, unknown>> = {},
): void {
  const [first = {}] = files;
  const features = Object.fromEntries(
    Object.entries(first).map(([name, { type, values }]) => {
      const size = Array.isArray(values[0]) ? values[0].length : 1;
      const dtype = { FLOAT: 'float32', INT64: 'int64', BOOLEAN: 'bool', image: 'image' }[type];
      return [name, { dtype, shape: type === 'image' ? [HEIGHT, WIDTH, 3] : [size], names: null }];
    }),
  );
  mkdirSync(join(folder, 'meta'), { recursive: true });
  writeFileSync(
    join(folder, 'meta', 'info.json'),
    JSON.stringify({ codebase_version: 'v2.1', fps: 10, total_episodes: files.length, features, ...info }),
  );
  for (const [number, columns] of files.entries()) {
    const path = join(folder, 'data', 'chunk-000', `episode_${String(number).padStart(6, '0')}.parquet`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, new Uint8Array(parquetWriteBuffer(parquetOf(columns))));
  }
}

function parquetOf(columns: Readonly<Record<string, LerobotColumn>>) {
  const schema: SchemaElement[] = [{ name: 'schema', num_children: Object.keys(columns).length }];
  for (const [name, { type, values }] of Object.entries(columns)) {
    if (type === 'image')
      schema.push(
        { name, repetition_type: 'OPTIONAL', num_children: 1 },
        { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
      );
    else if (Array.isArray(values[0]))
      schema.push(
        { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', type, repetition_type: 'OPTIONAL' },
      );
    else schema.push({ name, type, repetition_type: 'OPTIONAL' });
  }
  return {
    schema,
    columnData: Object.entries(columns).map(([name, { type, values }]) => ({
      name,
      data:
        type === 'image'
          ? values.map((bytes) => ({ bytes }))
          : type === 'INT64'
            ? values.map((value) =>
                Array.isArray(value) ? value.map(BigInt) : value === null ? null : BigInt(value as number),
              )
            : [...values],
    })),
  };
}
