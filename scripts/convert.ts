/** `rlpd convert FORMAT SOURCE --out DIR`: other people's image datasets into this project's format. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { codecNames } from '../datasets/codecs/registry.js';
import type { ActionRange } from '../datasets/converters/actionRange.js';
import { type ConversionOptions, type ConversionReport, convert } from '../datasets/converters/conversion.js';
import type { ConversionSource } from '../datasets/converters/conversionSource.js';
import { type Alignment, alignments, type OpenOptions } from '../datasets/converters/openOptions.js';
import { channelOrders, fits, flips, type PictureOptions } from '../datasets/converters/treatment.js';
import { imageSizeSchema, parseImageSize } from '../src/training/imageSettings.js';
import { counted, formatBytes } from '../src/words.js';
import { note, printResult, progress, rangeWords } from './console.js';
import { examples, finiteNumber, rangeOfEpisodes, wholeNumber } from './settings.js';
import { manyTimes } from './strictUsage.js';

/** What every format's command takes, as commander hands it over. */
interface CommonFlags {
  readonly out: string;
  readonly task?: string;
  readonly actionRepeat?: number;
  readonly imageSize?: string;
  readonly fit?: NonNullable<PictureOptions['fit']>;
  readonly crop?: NonNullable<PictureOptions['crop']>;
  readonly flip?: NonNullable<PictureOptions['flip']>;
  readonly channelOrder?: NonNullable<PictureOptions['channelOrder']>;
  readonly state?: string[];
  readonly cameras?: string[];
  readonly camera?: string[];
  readonly renameImages?: Record<string, string>;
  readonly action?: string[];
  readonly reward?: string;
  readonly success?: string;
  readonly terminated?: string;
  readonly truncated?: string;
  readonly alignment?: Alignment;
  readonly split?: string[];
  readonly actionRange?: ActionRange;
  readonly episodes?: [number, number];
  readonly filterReturnMin?: number;
  readonly onProblem: ConversionOptions['onProblem'];
  readonly codec?: (typeof codecNames)[number];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

type Open = (source: string, options: OpenOptions) => Promise<ConversionSource>;

/** A format's own code and its library are loaded when that format is asked for. */
const formats = {
  vd4rl: async () => (await import('../datasets/converters/vd4rl.js')).openVd4rl,
  robomimic: async () => (await import('../datasets/converters/robomimic.js')).openRobomimic,
  minari: async () => (await import('../datasets/converters/minari.js')).openMinari,
  zarr: async () => (await import('../datasets/converters/zarr.js')).openZarr,
  frames: async () => (await import('../datasets/converters/frames.js')).openFrames,
  lerobot: async () => (await import('../datasets/converters/lerobot.js')).openLerobot,
  rlds: async () => (await import('../datasets/converters/rlds.js')).openRlds,
  replay: async () => (await import('../datasets/converters/replay.js')).openReplay,
} satisfies Record<string, () => Promise<Open>>;

export const convertCommand = new Command('convert');

examples(
  formatCommand('vd4rl', 'V-D4RL: a folder of .npz episodes (64 px) or .hdf5 shards (84 px), or one file'),
  [
    'rlpd convert vd4rl vd4rl/main/walker_walk/expert/64px --out data/walker-expert',
    'rlpd convert vd4rl episodes/ --task walker-walk --episodes 0:20 --out data/small',
    'rlpd convert vd4rl episodes/ --task walker-walk --state orientations,height,velocity --dry-run --out data/x',
  ],
).action(converting('vd4rl'));

examples(formatCommand('robomimic', 'robomimic: one HDF5 file of demonstrations'), [
  'rlpd convert robomimic lift/ph/image.hdf5 --cameras agentview_image --image-size 64 --out data/lift',
  'rlpd convert robomimic can/image.hdf5 --state robot0_eef_pos,robot0_gripper_qpos --reward sparse --out data/can',
]).action(converting('robomimic'));

examples(formatCommand('minari', 'Minari: the folder of a dataset in its HDF5 format'), [
  'rlpd convert minari ~/.minari/datasets/D4RL/door/human-v2 --cameras pixels --out data/door',
]).action(converting('minari'));

examples(formatCommand('zarr', 'zarr as Diffusion Policy writes it: a .zarr folder or .zarr.zip'), [
  'rlpd convert zarr pusht.zarr --task pusht --action-range 0:512 --reward sparse --out data/pusht',
]).action(converting('zarr'));

examples(
  formatCommand('frames', 'a folder for each episode: PNG, JPEG or WebP files and steps.csv or steps.jsonl'),
  ['rlpd convert frames recordings/ --task my-robot --image-size 64 --out data/my-robot'],
).action(converting('frames'));

examples(formatCommand('lerobot', 'LeRobotDataset v3 or v2.1: its folder; videos need ffmpeg'), [
  'rlpd convert lerobot datasets/pusht_image --action-range 0:512 --out data/pusht',
  'rlpd convert lerobot datasets/cubes --rename-images observation.images.cam_high=front --out data/cubes',
]).action(converting('lerobot'));

examples(formatCommand('rlds', 'RLDS in TensorFlow Datasets: a folder of .tfrecord files, or one'), [
  'rlpd convert rlds tensorflow_datasets/my_robot/1.0.0 --cameras image,wrist_image --image-size 64 --out data/my-robot',
]).action(converting('rlds'));

examples(formatCommand('replay', "a run's online replay: the run's folder"), [
  'rlpd convert replay runs/a --filter-return-min 500 --out data/walker-own',
]).action(converting('replay'));

/** A command with the flags that all formats share. */
function formatCommand(format: string, description: string): Command {
  return convertCommand
    .command(format)
    .description(description)
    .argument('<source>', 'file or folder to convert')
    .requiredOption('--out <dir>', 'folder of the new dataset; the same command goes on where it was stopped')
    .option('--task <name>', 'task the data belongs to; default: as the source says')
    .option(
      '--action-repeat <n>',
      'control steps for each recorded action; default: as the source says',
      wholeNumber(1),
    )
    .option(
      '--image-size <pixels>',
      'resize images: a side, WIDTHxHEIGHT, or by image, such as front=128x96,wrist=64; default: as recorded',
      imageSize,
    )
    .addOption(
      new Option(
        '--fit <how>',
        'where --image-size has other proportions; default: stretch, with a note',
      ).choices(fits),
    )
    .option(
      '--crop <left,top,WxH>',
      'cut this part out first, in pixels of the source: 80,0,480x480',
      cropPart,
    )
    .addOption(new Option('--flip <axis>', 'turn images over: vertical is upside down').choices(flips))
    .addOption(
      new Option('--channel-order <order>', 'that of the source; images come out as rgb').choices(
        channelOrders,
      ),
    )
    .option('--cameras <keys>', 'comma-separated images to take; default: all', commaList)
    .addOption(
      manyTimes(
        new Option('--camera <key>', 'an image to take; may be given several times')
          .argParser((text: string, before: string[] = []) => [...before, ...commaList(text)])
          .hideHelp(),
      ),
    )
    .option(
      '--rename-images <names>',
      'what images are to be called, such as the cameras of the task: cam_high=front,cam_wrist=wrist',
      newNames,
    )
    .option('--state <keys>', 'comma-separated arrays to join as the state', commaList)
    .option('--action <keys>', 'comma-separated arrays to join as the action, in this order', commaList)
    .option(
      '--action-range <ranges>',
      "the source's range of actions, mapped to -1:1: LOW:HIGH, one for each dimension (-1:1,0:1,0:1), or data for the data's own extremes; default: as the source says, else -1:1",
      actionRange,
    )
    .option(
      '--reward <key>',
      'dense (as recorded), sparse (1 for the last step of an episode that succeeded), or the name of an array',
    )
    .option('--success <key>', 'the array that says whether an episode has succeeded, or all: every one has')
    .option(
      '--terminated <key>',
      'the array that says where the task ends; default: the names that the format uses',
    )
    .option('--truncated <key>', 'the array that says where the recording was stopped')
    .addOption(
      new Option(
        '--alignment <which>',
        "a row's action was chosen on the row's image, or led to it; default: as the format has it",
      ).choices(alignments),
    )
    .option(
      '--split <names>',
      'comma-separated splits or filter keys; default: train, where there are several',
      commaList,
    )
    .option('--episodes <a:b>', 'only episodes a up to but not including b', episodeRange)
    .option('--filter-return-min <return>', 'leave out episodes with a smaller return', finiteNumber)
    .addOption(
      new Option('--on-problem <what>', 'leave episodes with problems out, repair them, or stop')
        .choices(['quarantine', 'fix', 'stop'])
        .default('quarantine'),
    )
    .addOption(
      new Option('--codec <name>', 'how images are packed; default: what suits the source').choices(
        codecNames,
      ),
    )
    .option('--dry-run', 'read and check everything, write nothing')
    .option('--json', 'print the result as one JSON object');
}

/** The action of a format's command. */
function converting(format: keyof typeof formats): (source: string, flags: CommonFlags) => Promise<void> {
  return async (source, flags) => {
    const open = await formats[format]();
    await runConversion(open(source, openOptions(flags)), source, format, flags);
  };
}

function openOptions(flags: CommonFlags): OpenOptions {
  const { task, actionRepeat, state, action, reward, success, terminated, truncated, split, alignment } =
    flags;
  const cameras = flags.cameras ?? flags.camera;
  const pictures = pictureOptions(flags);
  return {
    ...(task !== undefined && { task }),
    ...(actionRepeat !== undefined && { actionRepeat }),
    ...(pictures !== null && { pictures }),
    ...(state !== undefined && { stateKeys: state }),
    ...(cameras !== undefined && { cameras }),
    ...(action !== undefined && { actionKeys: action }),
    ...(reward !== undefined && { reward }),
    ...(success !== undefined && { success }),
    ...(terminated !== undefined && { terminated }),
    ...(truncated !== undefined && { truncated }),
    ...(split !== undefined && { split }),
    ...(alignment !== undefined && { alignment }),
  };
}

function pictureOptions({ imageSize, fit, crop, flip, channelOrder }: CommonFlags): PictureOptions | null {
  const options: PictureOptions = {
    ...(imageSize !== undefined && { imageSize: parseImageSize(imageSize) }),
    ...(fit !== undefined && { fit }),
    ...(crop !== undefined && { crop }),
    ...(flip !== undefined && { flip }),
    ...(channelOrder !== undefined && { channelOrder }),
  };
  return Object.keys(options).length === 0 ? null : options;
}

async function runConversion(
  opening: Promise<ConversionSource>,
  path: string,
  format: string,
  flags: CommonFlags,
): Promise<void> {
  const { out, json, dryRun, ...shaping } = flags;
  const source = await named(opening, flags);
  const bar = progress(dryRun ? 'checking' : 'converting');
  try {
    const report = await convert(source, {
      out,
      dryRun: dryRun ?? false,
      onProblem: flags.onProblem,
      ...(flags.episodes && { episodes: flags.episodes }),
      ...(flags.filterReturnMin !== undefined && { returnMin: flags.filterReturnMin }),
      ...(flags.actionRange && { actionRange: flags.actionRange }),
      ...(flags.codec && { codec: flags.codec }),
      command: z.record(z.string(), z.json()).parse({ format, source: path, ...shaping }),
      onProgress: bar.update,
    });
    bar.stop();
    for (const line of [...report.notes, ...problemLines(report)]) note(line);
    printResult(json, report, summary(report));
    if (report.episodes === 0) process.exitCode = 1;
  } finally {
    bar.stop();
    await source.close();
  }
}

/** @throws InputError for an image that is not there, or a name that is none; the source is closed then */
async function named(
  opening: Promise<ConversionSource>,
  { renameImages: names }: CommonFlags,
): Promise<ConversionSource> {
  const source = await opening;
  if (names === undefined) return source;
  const { renameImages } = await import('../datasets/converters/renameImages.js');
  try {
    return renameImages(source, names);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** At most a screenful; the report file has them all. */
function problemLines({ problems }: ConversionReport): string[] {
  const shown = problems
    .slice(0, 20)
    .map(({ episode, action, message }) => `${episode}: ${action}: ${message}`);
  return problems.length > shown.length ? [...shown, `… and ${problems.length - shown.length} more`] : shown;
}

function summary(report: ConversionReport): string {
  const { returnMean, returnMin, returnMax, episodes, steps } = report;
  const range = rangeWords(returnMean, returnMin, returnMax, episodes);
  return [
    `${report.dryRun ? 'Would convert' : 'Converted'} ${report.source} for ${report.task ?? 'an unknown task'}: ${counted(episodes, 'episode')}, ${counted(steps, 'step')}${range}.`,
    report.leftOut + report.filtered > 0
      ? `Left out: ${report.leftOut} with problems, ${report.filtered} below the return asked for.`
      : 'Nothing was left out.',
    report.dryRun
      ? `Images take ${formatBytes(report.bytes)} in memory.`
      : `${report.out} has ${formatBytes(report.bytes)}; its conversion.json lists ${counted(report.problems.length, 'problem')}.`,
  ].join('\n');
}

function episodeRange(text: string): [number, number] {
  const range = rangeOfEpisodes(text);
  if (range === undefined) throw new InvalidArgumentError('Expected A:B with A < B, for example 0:20.');
  return range;
}

function actionRange(text: string): ActionRange {
  if (text === 'data') return text;
  return text.split(',').map((part) => {
    const [low = Number.NaN, high = Number.NaN, ...rest] = part.split(':').map(Number);
    if (!(low < high) || rest.length > 0)
      throw new InvalidArgumentError(
        'Expected LOW:HIGH with LOW < HIGH, for example 0:512, one for each dimension such as -1:1,0:1, or data.',
      );
    return [low, high] as const;
  });
}

function imageSize(text: string): string {
  const parsed = imageSizeSchema.safeParse(text);
  if (parsed.success) return text;
  throw new InvalidArgumentError('Expected pixels such as 64, 96x72, or front=128x96,wrist=64.');
}

function cropPart(text: string): NonNullable<PictureOptions['crop']> {
  const [, left, top, width, height] = /^(\d+),(\d+),([1-9]\d*)x([1-9]\d*)$/.exec(text) ?? [];
  if (height === undefined)
    throw new InvalidArgumentError('Expected LEFT,TOP,WIDTHxHEIGHT, for example 80,0,480x480.');
  return { left: Number(left), top: Number(top), width: Number(width), height: Number(height) };
}

function newNames(text: string): Record<string, string> {
  const pairs = text.split(',').map((part) => part.split('=').map((name) => name.trim()));
  const isWhole = pairs.every((pair) => pair.length === 2 && !pair.includes(''));
  if (!isWhole || new Set(pairs.map(([old]) => old)).size < pairs.length)
    throw new InvalidArgumentError(
      'Expected OLD=NEW, each old name once, with commas between them: cam_high=front,cam_wrist=wrist.',
    );
  return Object.fromEntries(pairs);
}

function commaList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('Expected names with commas between them.');
  return names;
}
