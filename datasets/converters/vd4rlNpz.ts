/** V-D4RL's 64 px files: one episode an `.npz`, with the quirks of the published ones. */
import { InputError } from '../../src/errors.js';
import { sha256Of } from '../../src/files/sha256.js';
import type { Episode, ExtraLayout } from '../episode.js';
import { BufferPool } from '../sources/bufferPool.js';
import { bufferSource, FileSource } from '../sources/byteSource.js';
import { type NpyArray, npyNumbers, parseNpy } from '../sources/npy.js';
import { ZipArchive } from '../sources/zip.js';
import { looksLikeAnEnd } from './columnNames.js';
import type { ConversionSource, SourceEpisode, SourceProblem, UnitContent } from './conversionSource.js';
import { joinRows } from './joinRows.js';
import {
  type PlaneLayout,
  plainPixels,
  plainShape,
  planeLayout,
  type Scale,
  scaleOf,
} from './pictureArrays.js';
import { Remarks } from './remarks.js';
import type { SourceFile } from './sourceFiles.js';
import { suiteFacts } from './suiteFacts.js';
import { Treatment } from './treatment.js';
import { discreteActions, VD4RL_ACTION_REPEAT, type Vd4rlPlace } from './vd4rlPlace.js';

/** One episode is a few megabytes; these bound what a hostile file can make us read or unpack. */
const MAX_FILE_BYTES = 2 ** 30;
const MAX_IMAGE_BYTES = 2 ** 29;
const MAX_ARRAY_BYTES = 2 ** 26;
const IMAGE = 'image';
const FLAGS = ['discount', 'is_first', 'is_last', 'is_terminal'];
const KNOWN = [IMAGE, 'action', 'reward', ...FLAGS];

export async function openVd4rlNpz(
  files: readonly SourceFile[],
  options: Vd4rlPlace,
): Promise<ConversionSource> {
  const first = files[0] as SourceFile;
  const pool = new BufferPool();
  const npz = await readNpz(first, pool);
  const { rows, plane, type } = imagesOf(npz.image, first.name);
  const { height, width } = plane;
  const { channels } = plainShape(plane, 1);
  const { controlTimestep, image } = suiteFacts(options.task);
  const remarks = new Remarks();
  const treatment = new Treatment(options.pictures ?? {}, [image], remarks);
  const action = required(npz, 'action', first.name);
  if (/^[biu]/.test(action.dtype.slice(1))) throw discreteActions(first.name, action.dtype);
  const layout: NpzLayout = {
    image,
    treatment,
    shape: [height, width, channels],
    scale: type === 'uint8' ? 'byte' : scaleOf(npyNumbers(npz.image), type),
    remarks,
    actionSize: rowSize(action),
    stateKeys: options.stateKeys ?? [],
    stateSize: (options.stateKeys ?? []).reduce(
      (sum, key) => sum + rowSize(required(npz, key, first.name)),
      0,
    ),
    extra: extraLayout(npz, rows, options.stateKeys ?? [], remarks),
  };
  npz.release();
  const size = treatment.sizeOf({ height, width }, image);
  const isTreated = !treatment.isIdentity({ height, width });
  return {
    name: 'V-D4RL 64 px',
    place: options.place,
    header: {
      task: options.task,
      actionRepeat: options.actionRepeat ?? VD4RL_ACTION_REPEAT,
      controlTimestep,
      images: [
        {
          name: layout.image,
          height: size.height,
          width: size.width,
          channels,
        },
      ],
      renderer: 'MuJoCo OpenGL',
      actionSize: layout.actionSize,
      stateSize: layout.stateSize,
      extra: layout.extra,
    },
    actionBox: null,
    remarks,
    // The compressed images are copied as they are: nothing packs them faster.
    defaultCodec: isTreated ? 'brotli' : 'npy-deflate',
    details: { level: options.level },
    units: files.map((file) => ({
      name: file.name.replace(/\.npz$/i, ''),
      read: () => readUnit(file, layout, pool),
    })),
    close: async () => {},
  };
}

interface NpzLayout {
  /** What the images are called. */
  readonly image: string;
  /** Height, width, channels of the source's images. */
  readonly shape: readonly [number, number, number];
  readonly scale: Scale;
  readonly remarks: Remarks;
  readonly actionSize: number;
  readonly stateKeys: readonly string[];
  readonly stateSize: number;
  readonly extra: Readonly<Record<string, ExtraLayout>>;
  readonly treatment: Treatment;
}

interface Npz {
  readonly image: NpyArray;
  /** The deflated image member, where it is one. */
  readonly packedImage: Buffer | null;
  /** Gives the memory in which file and image lie back to the pool. */
  readonly release: () => void;
  /** Every array but the image. */
  readonly arrays: ReadonlyMap<string, NpyArray>;
  readonly bytes: number;
  readonly sha256: string;
}

async function readNpz(file: SourceFile, pool: BufferPool): Promise<Npz> {
  const taken: Buffer[] = [];
  const take = (bytes: number): Buffer => {
    const room = pool.take(bytes);
    taken.push(room);
    return room;
  };
  const release = (): void => {
    for (const room of taken) pool.give(room);
  };
  try {
    const buffer = await readWhole(file, take);
    const archive = await ZipArchive.open(bufferSource(buffer));
    const imageEntry = archive.entries.get(`${IMAGE}.npy`);
    if (imageEntry === undefined)
      throw new InputError(`it has no array "${IMAGE}" (it has ${[...archive.entries.keys()].join(', ')})`);
    const packed = await archive.compressed(imageEntry);
    const room = take(Math.min(imageEntry.bytes, MAX_IMAGE_BYTES));
    const image = parseNpy(await archive.unpack(imageEntry, packed, MAX_IMAGE_BYTES, room), imageEntry.name);
    const arrays = new Map<string, NpyArray>();
    for (const entry of archive.entries.values()) {
      if (entry === imageEntry) continue;
      arrays.set(
        entry.name.replace(/\.npy$/, ''),
        parseNpy(await archive.read(entry, MAX_ARRAY_BYTES), entry.name),
      );
    }
    return {
      image,
      packedImage: imageEntry.method === 'deflated' ? packed : null,
      release,
      arrays,
      bytes: buffer.length,
      sha256: sha256Of(buffer),
    };
  } catch (error) {
    release();
    if (error instanceof InputError)
      throw new InputError(`${file.name} cannot be read: ${error.message}.`, { cause: error });
    throw error;
  }
}

async function readWhole(file: SourceFile, take: (bytes: number) => Buffer): Promise<Buffer> {
  const source = await FileSource.open(file.path);
  try {
    if (source.bytes > MAX_FILE_BYTES)
      throw new InputError(`it has ${source.bytes} bytes, more than an episode may have`);
    return await source.read(0, source.bytes, take(source.bytes));
  } finally {
    await source.close();
  }
}

async function readUnit(file: SourceFile, layout: NpzLayout, pool: BufferPool): Promise<UnitContent> {
  const npz = await readNpz(file, pool);
  const images = imagesOf(npz.image, file.name);
  const { rows } = images;
  const { height, width, channels } = plainShape(images.plane, rows);
  const name = file.name.replace(/\.npz$/i, '');
  const files = [{ file: file.name, bytes: npz.bytes, sha256: npz.sha256 }];
  const problems: SourceProblem[] = [];
  const usable = usableRows(npz, rows, [height, width, channels], layout, problems);
  const { scale, remarks, image } = layout;
  const values = images.type !== 'uint8' || npz.image.fortranOrder ? npyNumbers(npz.image) : npz.image.data;
  const pixels = plainPixels(values, images, scale, remarks, image, `${file.name}: ${IMAGE}`);
  const flags = flagRows(npz, rows, problems);
  const starts = [
    0,
    ...flags.first.flatMap((isFirst, row) => (isFirst && row > 0 && row < usable ? [row] : [])),
  ];
  const episodes = starts.map((start, i): Promise<SourceEpisode> => {
    const id = i === 0 ? name : `${name}#${i}`;
    const end = starts[i + 1] ?? usable;
    return segment(npz, layout, pixels, { id, file: file.name, start, end, rows }, flags, problems);
  });
  return { episodes: await Promise.all(episodes), files, release: npz.release };
}

/** Rows that every array of the episode has; what disagrees is a problem, repaired by cutting to the shortest. */
function usableRows(
  npz: Npz,
  rows: number,
  shape: readonly number[],
  layout: NpzLayout,
  problems: SourceProblem[],
): number {
  if (shape.join() !== layout.shape.join())
    problems.push({
      kind: 'shape',
      severity: 'fault',
      message: `Its images are [${shape}], those of the first file [${layout.shape}].`,
      repaired: false,
    });
  let usable = rows;
  const needed: [string, number][] = [
    ['action', layout.actionSize],
    ['reward', 1],
    ...[...layout.stateKeys, ...Object.keys(layout.extra)].map((key): [string, number] => [
      key,
      rowSize(npz.arrays.get(key)),
    ]),
  ];
  for (const [key, size] of needed) {
    const array = npz.arrays.get(key);
    const length = array?.shape[0] ?? 0;
    const fits = array !== undefined && rowSize(array) === (layout.extra[key]?.size ?? size);
    if (fits && length === rows) continue;
    problems.push({
      kind: fits ? 'length' : 'shape',
      severity: 'fault',
      message: fits
        ? `${key} has ${length} rows for ${rows} images.`
        : `${key} is ${array === undefined ? 'missing' : `of shape [${array.shape}]`}, unlike in the first file.`,
      repaired: fits,
    });
    usable = Math.min(usable, length);
  }
  return usable;
}

interface Flags {
  readonly first: readonly boolean[];
  readonly last: readonly boolean[];
  readonly terminal: readonly boolean[];
}

/** Flags are optional, and one published file has a row of them too many: `rows` of images are what counts. */
function flagRows(npz: Npz, rows: number, problems: SourceProblem[]): Flags {
  const read = (key: string): Float64Array | null => {
    const array = npz.arrays.get(key);
    if (array === undefined) return null;
    const values = npyNumbers(array);
    if (values.length !== rows)
      problems.push({
        kind: 'flags',
        severity: 'suspicion',
        message: `${key} has ${values.length} rows for ${rows} images; the images count.`,
        repaired: true,
      });
    const strange = values.findIndex(
      (value) => Number.isNaN(value) || (key !== 'discount' && value !== 0 && value !== 1),
    );
    if (strange >= 0)
      problems.push({
        kind: 'flags',
        severity: 'fault',
        message: `${key} holds ${values[strange]} in row ${strange}; ${key === 'discount' ? 'a number' : '0 or 1'} is expected.`,
        repaired: false,
      });
    return values;
  };
  const [discount, first, last, terminal] = FLAGS.map(read);
  const isTerminal = (row: number): boolean =>
    terminal ? terminal[row] === 1 : discount !== null && discount !== undefined && discount[row] === 0;
  return {
    first: Array.from({ length: rows }, (_, row) => first?.[row] === 1),
    last: Array.from({ length: rows }, (_, row) => last?.[row] === 1),
    terminal: Array.from({ length: rows }, (_, row) => isTerminal(row)),
  };
}

interface Segment {
  readonly id: string;
  readonly file: string;
  readonly start: number;
  /** One past its last row. */
  readonly end: number;
  /** Images in the file. */
  readonly rows: number;
}

async function segment(
  npz: Npz,
  layout: NpzLayout,
  images: Uint8Array,
  { id, file, start, end: lastRow, rows }: Segment,
  flags: Flags,
  fileProblems: readonly SourceProblem[],
): Promise<SourceEpisode> {
  const problems = [...fileProblems];
  const terminal = flags.terminal.indexOf(true, start + 1);
  const ends = [terminal, flags.last.indexOf(true, start + 1)].filter((row) => row >= 0 && row < lastRow);
  const end = ends.length > 0 ? Math.min(...ends) + 1 : lastRow;
  if (end < lastRow)
    problems.push({
      kind: 'rows-after-end',
      severity: 'fault',
      message: `It ends at row ${end - 1}, and ${lastRow - end} rows follow.`,
      repaired: true,
    });
  const steps = Math.max(0, end - start - 1);
  const [height, width, channels] = layout.shape;
  const frame = height * width * channels;
  const source = images.subarray(start * frame, (start + steps + 1) * frame);
  const pixels = problems.some((problem) => problem.kind === 'shape')
    ? source
    : await layout.treatment.ofFrames(source, { frames: steps + 1, height, width, channels }, id);
  // The action and the reward of a row belong to the step that led to it.
  const perAction = (key: string): Float32Array =>
    floatRows(npz.arrays.get(key), start + 1, start + 1 + steps);
  const perObservation = (key: string): Float32Array =>
    floatRows(npz.arrays.get(key), start, start + steps + 1);
  const extra = Object.fromEntries(Object.keys(layout.extra).map((key) => [key, perObservation(key)]));
  const episode: Episode = {
    id,
    length: steps,
    images: { [layout.image]: pixels },
    ...(layout.stateKeys.length > 0 && {
      state: joinRows(layout.stateKeys.map(perObservation), steps + 1),
    }),
    actions: perAction('action'),
    rewards: perAction('reward'),
    terminated: terminal === end - 1 && terminal > start,
    // A file is a whole recording: what does not end by itself was stopped by the time limit.
    truncated: !(terminal === end - 1 && terminal > start),
    ...(Object.keys(extra).length > 0 && { extra }),
    source: { file, rows: [start, end] },
  };
  // Packed bytes go on as they are, with the shape that stands before them.
  const isPlain =
    images === npz.image.data && pixels === source && npz.image.shape.slice(1).join() === layout.shape.join();
  const whole = start === 0 && end === rows && isPlain && npz.packedImage !== null;
  return {
    episode,
    problems,
    ...(whole && { packed: { codec: 'npy-deflate', images: { [layout.image]: npz.packedImage as Buffer } } }),
  };
}

/** What the images of a file are; [rows, height, width, channels] is what V-D4RL writes. */
interface NpzImages {
  readonly rows: number;
  readonly plane: PlaneLayout;
  readonly type: string;
}

/** @throws InputError for what are no pictures */
function imagesOf(image: NpyArray, name: string): NpzImages {
  const [rows = 0, ...shape] = image.shape;
  const type = typeNames[image.dtype.slice(1)];
  if (type === undefined || rows === 0 || shape.length < 2)
    throw new InputError(
      `${name} cannot be read: its images are ${image.dtype} of shape [${image.shape}], expected |u1 of shape [rows, height, width, channels].`,
    );
  return { rows, plane: planeLayout(shape, `${name}: ${IMAGE}`), type };
}

/** NumPy's letters and its names. */
const typeNames: Readonly<Record<string, string>> = {
  u1: 'uint8',
  i1: 'int8',
  u2: 'uint16',
  i2: 'int16',
  u4: 'uint32',
  i4: 'int32',
  u8: 'uint64',
  i8: 'int64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

function required(npz: Npz, key: string, name: string): NpyArray {
  const array = npz.arrays.get(key);
  if (array === undefined)
    throw new InputError(`${name} has no array "${key}" (it has ${[...npz.arrays.keys()].join(', ')}).`);
  return array;
}

/** Numeric arrays beside the known ones, with a row for each image: kept under their own names. */
function extraLayout(
  npz: Npz,
  rows: number,
  stateKeys: readonly string[],
  remarks: Remarks,
): Record<string, ExtraLayout> {
  const extra: Record<string, ExtraLayout> = {};
  for (const [key, array] of [...npz.arrays].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (KNOWN.includes(key) || stateKeys.includes(key)) continue;
    if (looksLikeAnEnd(key))
      remarks.add(
        `"${key}" looks like the end of an episode and is not read: V-D4RL's own are ${FLAGS.join(', ')}; it is kept as an array beside the others.`,
      );
    if (array.shape[0] !== rows) {
      remarks.add(`"${key}" has ${array.shape[0] ?? 0} rows for ${rows} images, and is left out.`);
      continue;
    }
    extra[key] = { per: 'observation', size: rowSize(array) };
  }
  return extra;
}

function rowSize(array: NpyArray | undefined): number {
  return array?.shape.slice(1).reduce((product, size) => product * size, 1) ?? 0;
}

function floatRows(array: NpyArray | undefined, from: number, to: number): Float32Array {
  if (array === undefined) return new Float32Array(0);
  const size = rowSize(array);
  return new Float32Array(npyNumbers(array).subarray(from * size, to * size));
}
