/**
 * `rlpd dataset doctor`: a dataset against the environment it is meant for. First what its manifest says (which is
 * what `rlpd train` looks at, too), then a sample of its episodes: values, pictures, motion.
 */
import { cameraImages } from '../../envs/cameraImages.js';
import type { ImageSize, PerImage } from '../../envs/environment.js';
import { imageSpaces } from '../../envs/imageSpaces.js';
import { simulatedTask } from '../../envs/suite/registry.js';
import { SuiteEnvironment } from '../../envs/suiteEnvironment.js';
import { matchImages } from '../imageMatching.js';
import { openDataset } from '../reader.js';
import type { Finding, Target } from './finding.js';
import { manifestFindings } from './manifestFindings.js';
import { compareMotion, type MotionComparison } from './motion.js';
import { comparePictures, type PictureComparison } from './pictures.js';
import { examineValues, type Values } from './valueFindings.js';

export interface ExamineOptions {
  readonly task: string;
  /** Control steps for each action in the environment. */
  readonly actionRepeat: number;
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

/** @throws InputError for a folder that is no dataset, a damaged episode, an unknown task or camera */
export async function examineDataset(folder: string, options: ExamineOptions): Promise<Examination> {
  const dataset = await openDataset(folder);
  const { manifest } = dataset;
  const simulation = await SuiteEnvironment.create(await simulatedTask(options.task), 0);
  try {
    const { imageSize, actionRepeat, observations } = options;
    const spec = { ...simulation.spec, actionRepeat };
    const images = imageSpaces(cameraImages(simulation, options.cameras), { imageSize });
    const target: Target = {
      environment: spec,
      images: observations === 'state' ? [] : images,
      stateSize: observations === 'pixels' ? 0 : spec.stateSize,
    };
    const findings = [...manifestFindings(manifest, target)];
    const skipped: string[] = [];
    const episodes = evenly(dataset.length, options.episodes);
    const values = dataset.length === 0 ? null : await examineValues(dataset, episodes, target);
    for (const finding of values?.findings ?? [])
      if (!findings.some(({ check }) => check === finding.check)) findings.push(finding);
    const comparable = matchImages(manifest.images, images).flatMap(({ recorded, wanted }) =>
      recorded?.channels === wanted.channels ? [{ recorded, wanted }] : [],
    );
    const isComparable = dataset.length > 0 && manifest.actionSize === spec.actionSize;
    const compared = isComparable ? comparable : [];
    const [image] = compared;
    if (image === undefined)
      skipped.push(
        manifest.images.length === 0
          ? 'Pictures and motion were not compared: the dataset has no images.'
          : 'Pictures and motion were not compared: the dataset has other images or actions than the environment.',
      );
    const pictures = image && (await comparePictures(dataset, episodes, simulation, image));
    findings.push(...(pictures?.findings ?? []));
    for (const other of compared.slice(1))
      findings.push(...(await comparePictures(dataset, episodes, simulation, other)).findings);
    if (pictures?.method === 'average start')
      skipped.push(
        `Pictures were compared at episodes' starts on average only: ${manifest.stateSize === 0 ? 'the dataset has no state' : `the state does not tell the pose in ${options.task}`}.`,
      );
    // Motion in pictures of another scene says nothing about time.
    const looksAlike = image !== undefined && pictures?.findings.length === 0;
    const motion = looksAlike ? await compareMotion(dataset, episodes, simulation, image) : null;
    findings.push(...(motion?.findings ?? []));
    if (image !== undefined && motion === null)
      skipped.push(
        looksAlike
          ? 'The speed of motion was not compared: that takes at least five episodes.'
          : 'The speed of motion was not compared: the images look different.',
      );
    return {
      task: options.task,
      fits: findings.every(({ severity }) => severity === 'doubt'),
      findings,
      episodesRead: episodes.length,
      values: values && withoutFindings(values),
      pictures: pictures ? withoutFindings(pictures) : null,
      motion: motion && withoutFindings(motion),
      skipped,
    };
  } finally {
    simulation.close();
  }
}

function withoutFindings<T extends { readonly findings: unknown }>({ findings: _, ...rest }: T) {
  return rest;
}

/** At most `count` numbers of [0, total), the first and the last among them. */
function evenly(total: number, count: number): number[] {
  if (count >= total) return Array.from({ length: total }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (total - 1)) / Math.max(1, count - 1)));
}
