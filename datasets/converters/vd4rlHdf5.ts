/**
 * V-D4RL's 84 px files: several HDF5 files, each with the rows of many episodes one after the other, images as
 * single CHW frames, `step_type` 0 (first), 1 (mid), 2 (last). A file may begin or stop in the middle of an episode.
 */
import { InputError } from '../../src/errors.js';
import type { Episode } from '../episode.js';
import { Hdf5File } from '../sources/hdf5.js';
import type { ConversionSource, ConversionUnit, SourceProblem } from './conversionSource.js';
import { type PlaneLayout, plainPixels, plainShape, planeLayout } from './pictureArrays.js';
import { Remarks } from './remarks.js';
import type { SourceFile } from './sourceFiles.js';
import { hashOnce } from './sourceHash.js';
import { suiteFacts } from './suiteFacts.js';
import { Treatment } from './treatment.js';
import { discreteActions, VD4RL_ACTION_REPEAT, type Vd4rlPlace } from './vd4rlPlace.js';

const FIRST = 0;
const MID = 1;
const LAST = 2;

export async function openVd4rlHdf5(
  files: readonly SourceFile[],
  options: Vd4rlPlace,
): Promise<ConversionSource> {
  const opened: Hdf5File[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened) file.close();
  };
  try {
    const units: ConversionUnit[] = [];
    const remarks = new Remarks();
    const { controlTimestep, image } = suiteFacts(options.task);
    const treatment = new Treatment(options.pictures ?? {}, [image], remarks);
    for (const file of files) {
      const hdf5 = await Hdf5File.open(file.path, file.name);
      opened.push(hdf5);
      units.push(...fileUnits(hdf5, file, options, treatment, remarks));
    }
    const first = opened[0] as Hdf5File;
    const { plane } = imageShape(first);
    const { type } = first.requiredDataset('action');
    if (/^(u?int|bool)/.test(type)) throw discreteActions(first.name, type);
    const { channels } = plainShape(plane, 1);
    const { height, width } = treatment.sizeOf(plane, image);
    return {
      name: 'V-D4RL 84 px',
      place: options.place,
      header: {
        task: options.task,
        actionRepeat: options.actionRepeat ?? VD4RL_ACTION_REPEAT,
        controlTimestep,
        images: [{ name: image, height, width, channels }],
        renderer: 'MuJoCo OpenGL',
        actionSize: first.requiredDataset('action').rowSize,
      },
      actionBox: null,
      remarks,
      defaultCodec: 'brotli',
      details: { level: options.level },
      units,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Segment {
  readonly start: number;
  /** One past its last row. */
  readonly end: number;
  readonly beginsInside: boolean;
  readonly hasLast: boolean;
}

function fileUnits(
  hdf5: Hdf5File,
  file: SourceFile,
  options: Vd4rlPlace,
  treatment: Treatment,
  remarks: Remarks,
): ConversionUnit[] {
  const rows = imageShape(hdf5).rows;
  const stepTypes = hdf5.requiredDataset('step_type');
  const hash = hashOnce(file);
  const lengths = ['action', 'reward', 'step_type'].map(
    (key) => [key, hdf5.requiredDataset(key).rows] as const,
  );
  const uneven = lengths.filter(([, length]) => length !== rows);
  if (uneven.length > 0)
    throw new InputError(
      `${file.name}: observation has ${rows} rows, ${uneven.map(([key, length]) => `${key} ${length}`).join(', ')}; as many are expected.`,
    );
  const types = stepTypes.floats(0, rows);
  const strange = types.findIndex((type) => type !== FIRST && type !== MID && type !== LAST);
  if (strange >= 0)
    throw new InputError(
      `${file.name}: step_type holds ${types[strange]} in row ${strange}; 0 (first), 1 (mid) or 2 (last) is expected.`,
    );
  const segments = splitEpisodes(types);
  return segments.map((segment, number) => {
    const name = `${file.name.replace(/\.hdf5$/i, '')}#${number}`;
    return {
      name,
      read: async () => ({
        episodes: [await readSegment(hdf5, file, name, segment, options, treatment, remarks)],
        files: [await hash()],
      }),
    };
  });
}

/** An episode runs from a first row to its last, or to the next first, or to the end of the file. */
function splitEpisodes(stepTypes: Float32Array): Segment[] {
  const segments: Segment[] = [];
  let start = 0;
  stepTypes.forEach((type, row) => {
    const next = stepTypes[row + 1];
    if (type !== LAST && next !== FIRST && next !== undefined) return;
    segments.push({
      start,
      end: row + 1,
      beginsInside: stepTypes[start] !== FIRST,
      hasLast: type === LAST,
    });
    start = row + 1;
  });
  return segments;
}

async function readSegment(
  hdf5: Hdf5File,
  file: SourceFile,
  id: string,
  { start, end, beginsInside, hasLast }: Segment,
  { task }: Vd4rlPlace,
  treatment: Treatment,
  remarks: Remarks,
) {
  const { plane } = imageShape(hdf5);
  const bytes = hdf5.requiredDataset('observation').bytes(start, end);
  const { image } = suiteFacts(task);
  const frames = plainPixels(bytes, { plane, type: 'uint8' }, 'byte', remarks, image, `${id}: observation`);
  const shape = plainShape(plane, end - start);
  const rows = (key: string): Float32Array => hdf5.requiredDataset(key).floats(start + 1, end);
  const discount = hdf5.dataset('discount')?.floats(end - 1, end)[0];
  if (hasLast && Number.isNaN(discount))
    throw new InputError(
      `${id}: discount holds NaN in its last row: 0, where the task ended there, or 1 is expected.`,
    );
  const terminated = hasLast && discount === 0;
  const episode: Episode = {
    id,
    length: end - start - 1,
    images: {
      [image]: await treatment.ofFrames(frames, shape, id),
    },
    // The action and the reward of a row belong to the step that led to it.
    actions: rows('action'),
    rewards: rows('reward'),
    terminated,
    truncated: hasLast && !terminated,
    source: { file: file.name, rows: [start, end] },
  };
  const problems: SourceProblem[] = beginsInside
    ? [
        {
          kind: 'begins-inside',
          severity: 'suspicion',
          message: 'The file begins in the middle of this episode; its first steps are missing.',
          repaired: true,
        },
      ]
    : [];
  return { episode, problems };
}

function imageShape(hdf5: Hdf5File): { rows: number; plane: PlaneLayout } {
  const images = hdf5.requiredDataset('observation');
  const [rows = 0, ...shape] = images.shape;
  if (!images.isBytes || shape.length !== 3)
    throw new InputError(
      `${hdf5.name} cannot be read: its "observation" is ${images.type} of shape [${images.shape}], expected uint8 images [rows, channels, height, width].`,
    );
  return { rows, plane: planeLayout(shape, `${hdf5.name}: observation`) };
}
