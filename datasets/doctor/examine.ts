/**
 * `rlpd dataset doctor`: a dataset against the environment it is meant for. First what its manifest says (which is
 * what `rlpd train` looks at, too), then a sample of its episodes: values, pictures, motion.
 */
import { cameraImages } from '../../envs/cameraImages.js';
import type { ImageSize, PerImage } from '../../envs/environment.js';
import { imageSpaces } from '../../envs/imageSpaces.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { findSimulatedTask, suiteNames } from '../../envs/suite/registry.js';
import { ownActionRepeat, type SuiteTask } from '../../envs/suite/task.js';
import { SuiteEnvironment } from '../../envs/suiteEnvironment.js';
import type { FrameLayout } from '../episode.js';
import { matchImages } from '../imageMatching.js';
import type { Manifest } from '../manifest.js';
import { type Dataset, openDataset } from '../reader.js';
import type { Finding, Target } from './finding.js';
import { manifestFindings } from './manifestFindings.js';
import { compareMotion, type MotionComparison } from './motion.js';
import { comparePictures, type PictureComparison } from './pictures.js';
import { examineValues, type Values } from './valueFindings.js';

export interface ExamineOptions {
  readonly task: string;
  /** Control steps for each action in the environment; default: the task's own, or the dataset's where it has none. */
  readonly actionRepeat?: number | undefined;
  readonly imageSize?: PerImage<ImageSize>;
  readonly cameras?: readonly (string | number)[];
  readonly observations: 'pixels' | 'state' | 'both';
  /** Episodes to read, spread evenly over the dataset. */
  readonly episodes: number;
}

export interface Examination {
  readonly task: string;
  /** True where nothing keeps a run from using the data; doubts may remain. */
  readonly fits: boolean;
  readonly findings: readonly Finding[];
  readonly episodesRead: number;
  readonly values: Omit<Values, 'findings'> | null;
  readonly pictures: Omit<PictureComparison, 'findings'> | null;
  readonly motion: Omit<MotionComparison, 'findings'> | null;
  /** What could not be looked at, and why: sentences. */
  readonly skipped: readonly string[];
}

/**
 * @throws InputError for a folder that is no dataset, a damaged episode, an unknown task or camera, or a server that does
 *   not answer
 */
export async function examineDataset(folder: string, options: ExamineOptions): Promise<Examination> {
  const dataset = await openDataset(folder);
  const simulated = await findSimulatedTask(options.task);
  const { actionRepeat, notCompared } = repeatFor(dataset.manifest, options, simulated);
  if (simulated === undefined) {
    const target = await targetElsewhere({ ...options, actionRepeat });
    return examine(dataset, options, target, async () => ({
      ...nothingSeen,
      skipped: [
        ...notCompared,
        `Pictures and motion were not compared: ${options.task} cannot be put into the states that were recorded.`,
      ],
    }));
  }
  const simulation = await SuiteEnvironment.create(simulated, 0);
  try {
    const { imageSize, observations } = options;
    const spec = { ...simulation.spec, actionRepeat };
    const images = imageSpaces(cameraImages(simulation, options.cameras), { imageSize });
    const target: Target = {
      environment: spec,
      images: observations === 'state' ? [] : images,
      stateSize: observations === 'pixels' ? 0 : spec.stateSize,
    };
    return await examine(dataset, options, target, async (episodes) => {
      const looks = await compareLooks(dataset, episodes, simulation, images, options.task);
      return { ...looks, skipped: [...notCompared, ...looks.skipped] };
    });
  } finally {
    simulation.close();
  }
}

/**
 * The action repeat that the dataset is held against. A task of one's own, or a server's, that names none is learnt at
 * whichever repeat the run is given: then it is the dataset's.
 */
function repeatFor(
  manifest: Manifest,
  { task, actionRepeat }: ExamineOptions,
  simulated: SuiteTask | undefined,
): { readonly actionRepeat: number; readonly notCompared: readonly string[] } {
  const own = suiteNames.has(task) ? ownActionRepeat(simulated) : simulated?.actionRepeat;
  const stated = actionRepeat ?? own;
  if (stated !== undefined) return { actionRepeat: stated, notCompared: [] };
  const sentence = `The action repeat was not compared: ${task} names none of its own. The dataset's is ${manifest.actionRepeat}: train with --action-repeat ${manifest.actionRepeat}.`;
  return { actionRepeat: manifest.actionRepeat, notCompared: [sentence] };
}

/** What a run would learn in: an environment that is made here for its facts alone. */
async function targetElsewhere(options: ExamineOptions): Promise<Target> {
  const { task, imageSize, cameras, actionRepeat, observations } = options;
  const environment = await makeEnv(task, {
    ...{ observations, frameStack: 1 },
    ...(actionRepeat !== undefined && { actionRepeat }),
    ...(imageSize !== undefined && { imageSize }),
    ...(cameras && { cameras }),
  });
  const { images, state } = environment.observationSpace;
  environment.close();
  return { environment: environment.spec, images, stateSize: state?.shape[0] ?? 0 };
}

/** What looking at the environment brings. */
interface Looks {
  readonly findings: readonly Finding[];
  readonly pictures: PictureComparison | null;
  readonly motion: MotionComparison | null;
  readonly skipped: readonly string[];
}

const nothingSeen: Looks = { findings: [], pictures: null, motion: null, skipped: [] };

async function examine(
  dataset: Dataset,
  options: ExamineOptions,
  target: Target,
  look: (episodes: readonly number[]) => Promise<Looks>,
): Promise<Examination> {
  const findings = [...manifestFindings(dataset.manifest, target)];
  const episodes = evenly(dataset.length, options.episodes);
  const values = dataset.length === 0 ? null : await examineValues(dataset, episodes, target);
  for (const finding of values?.findings ?? [])
    if (!findings.some(({ check }) => check === finding.check)) findings.push(finding);
  const { pictures, motion, skipped, ...looks } = await look(episodes);
  findings.push(...looks.findings);
  return {
    task: options.task,
    fits: findings.every(({ severity }) => severity === 'doubt'),
    findings,
    episodesRead: episodes.length,
    values: values && withoutFindings(values),
    pictures: pictures && withoutFindings(pictures),
    motion: motion && withoutFindings(motion),
    skipped,
  };
}

/** Recorded images and their motion beside the simulation's own. */
async function compareLooks(
  dataset: Dataset,
  episodes: readonly number[],
  simulation: SuiteEnvironment,
  images: readonly FrameLayout[],
  task: string,
): Promise<Looks> {
  const { manifest } = dataset;
  const comparable = matchImages(manifest.images, images).flatMap(({ recorded, wanted }) =>
    recorded?.channels === wanted.channels ? [{ recorded, wanted }] : [],
  );
  const isComparable = dataset.length > 0 && manifest.actionSize === simulation.spec.actionSize;
  const [image, ...others] = isComparable ? comparable : [];
  if (image === undefined)
    return {
      ...nothingSeen,
      skipped: [
        manifest.images.length === 0
          ? 'Pictures and motion were not compared: the dataset has no images.'
          : 'Pictures and motion were not compared: the dataset has other images or actions than the environment.',
      ],
    };
  const pictures = await comparePictures(dataset, episodes, simulation, image);
  const findings = [...pictures.findings];
  for (const other of others)
    findings.push(...(await comparePictures(dataset, episodes, simulation, other)).findings);
  const skipped: string[] = [];
  if (pictures.method === 'average start')
    skipped.push(
      `Pictures were compared at episodes' starts on average only: ${manifest.stateSize === 0 ? 'the dataset has no state' : `the state does not tell the pose in ${task}`}.`,
    );
  // Motion in pictures of another scene says nothing about time.
  const looksAlike = pictures.findings.length === 0;
  const motion = looksAlike ? await compareMotion(dataset, episodes, simulation, image) : null;
  findings.push(...(motion?.findings ?? []));
  if (motion === null)
    skipped.push(
      looksAlike
        ? 'The speed of motion was not compared: that takes at least five episodes.'
        : 'The speed of motion was not compared: the images look different.',
    );
  return { findings, pictures, motion, skipped };
}

function withoutFindings<T extends { readonly findings: unknown }>({ findings: _, ...rest }: T) {
  return rest;
}

/** At most `count` numbers of [0, total), the first and the last among them. */
function evenly(total: number, count: number): number[] {
  if (count >= total) return Array.from({ length: total }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (total - 1)) / Math.max(1, count - 1)));
}
