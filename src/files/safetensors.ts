/**
 * The safetensors file format: eight bytes with the header's length (little endian), a JSON header that gives each
 * tensor's dtype, shape and byte range, then the tensors' bytes, without gaps. Nothing in it can be executed, and
 * other programs read it: `safetensors.numpy.load_file` in Python, for one.
 * Specification: https://github.com/huggingface/safetensors
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { InputError } from '../errors.js';
import { writeFileAtomic } from './atomicFile.js';
import { sha256Of } from './sha256.js';

export interface FloatTensor {
  readonly dtype?: 'F32';
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface ByteTensor {
  readonly dtype: 'U8';
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, FloatTensor | ByteTensor>;
  /** Free text beside the tensors (`__metadata__`). */
  readonly metadata: Readonly<Record<string, string>>;
}

const METADATA = '__metadata__';
/** The limit of the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
const itemBytes = { F32: 4, U8: 1 } as const;

const count = z.int().min(0);
const entrySchema = z.object({
  dtype: z.enum(['F32', 'U8'], { error: 'only F32 and U8 tensors are read here' }),
  shape: z.array(count),
  data_offsets: z.tuple([count, count]),
});
const headerSchema = z
  .object({ [METADATA]: z.record(z.string(), z.string()).default({}) })
  .catchall(entrySchema);

/** The file's bytes. Tensors are laid out in the map's order, the header padded so that they start at 8·n. */
export function encodeSafetensors({ tensors, metadata }: SafetensorsFile): Uint8Array {
  const header: Record<string, unknown> = { [METADATA]: metadata };
  let end = 0;
  for (const [name, { dtype = 'F32', shape, data }] of tensors) {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== data.length)
      throw new RangeError(
        `Tensor "${name}" has ${data.length} numbers, its shape [${shape}] says ${elements}.`,
      );
    header[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + end).fill(0x20, 8, 8 + headerBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(text, 8);
  let offset = 8 + headerBytes;
  for (const { data } of tensors.values()) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

/**
 * @param where the file's name, for messages
 * @throws InputError where the bytes are not a whole safetensors file
 */
export function decodeSafetensors(file: Uint8Array, where: string): SafetensorsFile {
  const refuse = (what: string): never => {
    throw new InputError(`${where} is not a readable safetensors file: ${what}.`);
  };
  if (file.length < 8) refuse(`it has ${file.length} bytes`);
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > file.length)
    refuse(`its header claims ${headerBytes} bytes and the file has ${file.length}`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(file.subarray(8, 8 + headerBytes)));
  } catch (error) {
    refuse(`its header is not JSON (${(error as Error).message})`);
  }
  const header = headerSchema.safeParse(json);
  if (!header.success) {
    const issue = header.error.issues[0];
    return refuse(`its header is wrong at "${issue?.path.join('.')}" (${issue?.message})`);
  }
  const { [METADATA]: metadata, ...entries } = header.data;
  const body = file.subarray(8 + headerBytes);
  const tensors = new Map<string, FloatTensor | ByteTensor>();
  let covered = 0;
  const byPlace = Object.entries(entries).sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0]);
  for (const [name, { dtype, shape, data_offsets: range }] of byPlace) {
    const [begin, end] = range;
    const size = shape.reduce((product, n) => product * n, itemBytes[dtype]);
    if (begin !== covered || end - begin !== size || end > body.length)
      refuse(
        `tensor "${name}" of shape [${shape}] lies at bytes ${begin} to ${end}, expected ${covered} to ${covered + size} of ${body.length}`,
      );
    covered = end;
    // A copy, also where the file is a Node Buffer, whose own slice shares memory: the bytes may not be aligned for
    // floats, and the file's buffer can go.
    const bytes = new Uint8Array(body.subarray(begin, end));
    tensors.set(
      name,
      dtype === 'U8' ? { dtype, shape, data: bytes } : { dtype, shape, data: new Float32Array(bytes.buffer) },
    );
  }
  if (covered !== body.length) refuse(`${body.length - covered} bytes after its last tensor belong to none`);
  return { tensors, metadata };
}

/** Writes the file as a whole or not at all. Returns its SHA-256, in hexadecimal digits. */
export async function writeSafetensors(path: string, file: SafetensorsFile): Promise<string> {
  const bytes = encodeSafetensors(file);
  await writeFileAtomic(path, bytes);
  return sha256Of(bytes);
}

/**
 * @param sha256 what `writeSafetensors` returned, where that was kept: a flipped bit of a weight shows in nothing else
 * @throws InputError where there is no such file or it is damaged
 */
export async function readSafetensors(path: string, sha256?: string): Promise<SafetensorsFile> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EISDIR')
      throw new InputError(`${path} is not a file: expected a .safetensors file.`);
    throw error;
  });
  if (sha256 !== undefined && sha256Of(bytes) !== sha256)
    throw new InputError(`${path} is damaged: its bytes are not those that were written (SHA-256).`);
  return decodeSafetensors(bytes, path);
}

/**
 * What a program of ours keeps beside the tensors, as JSON under a key of its own: the format's metadata is text alone.
 * @param what the file is, for messages
 * @param absent what is said of a file without the key
 * @throws InputError where it is absent, or not what `schema` asks for
 */
export function readMetadata<T>(
  file: SafetensorsFile,
  options: {
    readonly path: string;
    readonly key: string;
    readonly schema: z.ZodType<T>;
    readonly what: string;
    readonly absent: string;
  },
): T {
  const { path, key, schema, what, absent } = options;
  const text = file.metadata[key];
  if (text === undefined) throw new InputError(`${path} ${absent}.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new InputError(`${path} says what it holds in a form that is not JSON.`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new InputError(`${path} is not a readable ${what}: "${issue?.path.join('.')}": ${issue?.message}.`);
}

/** The float tensors alone, as an agent takes them. */
export function floatTensors(file: SafetensorsFile): Map<string, { shape: number[]; data: Float32Array }> {
  const floats = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, tensor] of file.tensors) {
    if (tensor.dtype !== 'U8') floats.set(name, { shape: [...tensor.shape], data: tensor.data });
  }
  return floats;
}
