/**
 * NumPy's `.npy`: a header (a Python dict of dtype, order and shape) and the bytes of one array. Arrays of Python
 * objects are pickles, which can run code: they are refused.
 */
import { InputError } from '../../src/errors.js';
import { fortranStride, inCOrder } from './memoryOrder.js';

export interface NpyHeader {
  /** NumPy's type string: `|u1`, `<f4`, … */
  readonly dtype: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the data begins. */
  readonly dataOffset: number;
}

export interface NpyArray extends NpyHeader {
  /** The array's bytes, as many as dtype and shape say. */
  readonly data: Buffer;
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const HEADER =
  /^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d,\s]*)\),?\s*\}\s*$/;

type NumberReader = (view: DataView, at: number, littleEndian: boolean) => number;
const readers: Readonly<Record<string, NumberReader>> = {
  b1: (view, at) => view.getUint8(at),
  u1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  u2: (view, at, le) => view.getUint16(at, le),
  i2: (view, at, le) => view.getInt16(at, le),
  u4: (view, at, le) => view.getUint32(at, le),
  i4: (view, at, le) => view.getInt32(at, le),
  u8: (view, at, le) => Number(view.getBigUint64(at, le)),
  i8: (view, at, le) => Number(view.getBigInt64(at, le)),
  f2: (view, at, le) => halfFloat(view.getUint16(at, le)),
  f4: (view, at, le) => view.getFloat32(at, le),
  f8: (view, at, le) => view.getFloat64(at, le),
};

/** @throws InputError with a clause such as "it is not an .npy file". */
export function parseNpyHeader(file: Buffer): NpyHeader {
  if (file.length < 10 || !file.subarray(0, 6).equals(MAGIC)) throw new InputError('it is not an .npy file');
  const version = file[6] as number;
  if (version < 1 || version > 3) throw new InputError(`it is .npy version ${version}, expected 1 to 3`);
  const lengthBytes = version === 1 ? 2 : 4;
  const headerStart = 8 + lengthBytes;
  if (file.length < headerStart) throw new InputError('its .npy header is cut short');
  const dataOffset = headerStart + (version === 1 ? file.readUInt16LE(8) : file.readUInt32LE(8));
  if (dataOffset > file.length) throw new InputError('its .npy header is cut short');
  const match = HEADER.exec(file.toString('latin1', headerStart, dataOffset));
  if (match === null) throw new InputError('its .npy header is not a plain dtype, order and shape');
  const [, dtype = '', order, dimensions = ''] = match;
  if (dtype.includes('O'))
    throw new InputError('it holds pickled Python objects, which are never loaded; save plain arrays');
  const shape = dimensions
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map(Number);
  if (!shape.every(Number.isSafeInteger)) throw new InputError(`its shape (${dimensions}) is out of range`);
  return { dtype, fortranOrder: order === 'True', shape, dataOffset };
}

/**
 * @param name what the sentence calls it
 * @throws InputError where the bytes are not one whole array of numbers
 */
export function parseNpy(file: Buffer, name: string): NpyArray {
  try {
    const header = parseNpyHeader(file);
    const expected = header.shape.reduce((product, size) => product * size, itemBytes(header.dtype));
    const data = file.subarray(header.dataOffset);
    if (data.length !== expected)
      throw new InputError(
        `it has ${data.length} bytes of data, expected ${expected} for ${header.dtype} of shape [${header.shape}]`,
      );
    return { ...header, data };
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The numbers in C order as doubles (booleans as 0 and 1). */
export function npyNumbers(array: NpyArray): Float64Array {
  const read = readerOf(array.dtype);
  const size = itemBytes(array.dtype);
  const littleEndian = !array.dtype.startsWith('>');
  const view = new DataView(array.data.buffer, array.data.byteOffset, array.data.byteLength);
  const numbers = new Float64Array(array.data.length / size);
  for (let i = 0; i < numbers.length; i++) numbers[i] = read(view, i * size, littleEndian);
  return array.fortranOrder ? inCOrder(numbers, array.shape, fortranStride(array.shape)) : numbers;
}

/** A version 1 header as NumPy writes it: the data begins at a multiple of 64 bytes. */
export function npyHeader(dtype: string, shape: readonly number[]): Buffer {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const start = Buffer.from([...MAGIC, 1, 0, length & 255, length >> 8]);
  return Buffer.concat([start, Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1')]);
}

function itemBytes(dtype: string): number {
  readerOf(dtype);
  return Number(dtype.slice(2));
}

function readerOf(dtype: string): NumberReader {
  const read = /^[<>|=]/.test(dtype) ? readers[dtype.slice(1)] : undefined;
  if (read === undefined) throw new InputError(`its type ${dtype} is not one of numbers`);
  return read;
}

/** IEEE 754 binary16. */
function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
