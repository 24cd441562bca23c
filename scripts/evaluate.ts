/** `rlpd evaluate`: scores a policy on fixed seeds, and shows what it does. */
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Command, Option } from 'commander';
import { taskLabel } from '../envs/taskModule.js';
import { makeFolder } from '../src/files/makeFolder.js';
import type { Image } from '../src/media/image.js';
import { backendOptions, type RunConfig, runConfigShape } from '../src/training/config.js';
import { distractionShape, environmentOptions } from '../src/training/environmentOptions.js';
import { EVALUATION_SEED, evaluateKept } from '../src/training/evaluate.js';
import { successWords } from '../src/training/successRate.js';
import { counted } from '../src/words.js';
import { addPolicyFlags, choosePolicy, type PolicyFlags } from './chosenPolicy.js';
import { meanWords, note, printResult, progress } from './console.js';
import { addSettings, parseSettings } from './settingFlags.js';
import { examples, wholeNumber, workersOption } from './settings.js';
import { stopOnSignals } from './signals.js';

interface Flags extends PolicyFlags, Partial<Pick<RunConfig, keyof typeof distractionShape>> {
  readonly episodes: number;
  readonly seed: number;
  readonly video?: string;
  readonly sheet?: string;
  readonly size: number;
  readonly backend?: 'auto' | 'torch' | 'tensorflow' | 'wasm' | 'cpu';
  readonly precision?: 'auto' | 'float32' | 'bfloat16';
  readonly device?: 'auto' | 'cpu' | 'cuda';
  readonly workers?: number;
  readonly json?: boolean;
}

/** Pictures on a contact sheet, evenly over the first episode. */
const SHEET_PICTURES = 24;

const { backend, precision, device, rewardClassifier, rewardThreshold } = runConfigShape;

export const evaluateCommand = examples(
  addSettings(
    addPolicyFlags(new Command('evaluate'))
      .addOption(new Option('--episodes <number>', 'episodes').default(10).argParser(wholeNumber(1)))
      .addOption(
        new Option('--seed <number>', 'episode i starts from seed + i')
          .default(EVALUATION_SEED)
          .argParser(wholeNumber(0, 0xffffffff)),
      )
      .option('--video <file>', 'film the first episode: .mp4, .webp or .gif')
      .option('--sheet <file>', 'a PNG with pictures along the first episode')
      .addOption(
        new Option('--size <pixels>', 'side of the pictures; the policy sees its own size')
          .default(256)
          .argParser(wholeNumber(16, 2048)),
      )
      .addOption(workersOption())
      .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr'),
    { ...distractionShape, rewardClassifier, rewardThreshold, backend, precision, device },
  ),
  [
    'rlpd evaluate --run runs/a --episodes 10 --video out.mp4',
    'rlpd evaluate --policy runs/a/best.safetensors --episodes 100 --seed 1',
    'rlpd evaluate --run runs/a --distraction hard --distraction-kinds camera',
    'rlpd evaluate --policy runs/expert/policies/step-00300000.safetensors --sheet out.png --json',
  ],
).action(async (flags: Flags) => {
  const { checkVideoPath, writeVideo } = await import('../src/media/video.js');
  if (flags.video !== undefined) checkVideoPath(flags.video);
  // What cannot be written is said before the evaluation, not after it.
  for (const path of [flags.video, flags.sheet]) {
    if (path !== undefined) await makeFolder(dirname(path));
  }
  const { policy, task, taskName, otherTask } = await choosePolicy(flags);
  const config = { ...policy.config, ...parseSettings(flags, distractionShape), task };
  if (otherTask !== undefined) note(otherTask);
  const { rewardOf } = await import('../src/training/rewardClassifier.js');
  const reward = await rewardOf(parseSettings(flags, { rewardClassifier, rewardThreshold }));
  if (reward === undefined && policy.config.rewardClassifier !== null)
    note(
      "The policy learnt from a classifier's reward, and is scored by the task's own: --reward-classifier scores it by one.",
    );
  const engine = backendOptions({
    ...config,
    backend: flags.backend ?? config.backend,
    precision: flags.precision ?? config.precision,
    device: flags.device ?? config.device,
  });
  const stop = stopOnSignals('without a result');
  const bar = progress('evaluating');
  const isFilmed = flags.video !== undefined || flags.sheet !== undefined;
  try {
    const scored = await evaluateKept({
      task: config.task,
      environment: environmentOptions(config),
      behaviour: policy,
      engine,
      reward,
      episodes: flags.episodes,
      seed: flags.seed,
      workers: flags.workers,
      filmSize: isFilmed ? flags.size : undefined,
      signal: stop.signal,
      onEpisode: (done) => bar.update(done, flags.episodes),
      onNote: note,
    });
    bar.stop();
    if (scored === undefined) throw new Error('The evaluation was stopped before its end.');
    const { evaluation, spec, film } = scored;
    if (flags.video !== undefined)
      await writeVideo(flags.video, film, { fps: 1 / (spec.controlTimestep * spec.actionRepeat) });
    if (flags.sheet !== undefined) await writeFile(flags.sheet, await sheet(film, taskLabel(config.task)));
    const result = {
      task: taskName,
      policyTask: policy.config.task,
      episodes: flags.episodes,
      ...evaluation,
      video: flags.video ?? null,
    };
    const { mean, std, iqm, invalid, interventions = 0 } = evaluation;
    const said = successWords(evaluation);
    const success = said === '' ? '' : `, ${said}`;
    if (invalid > 0)
      note(
        `In ${counted(invalid, 'episode')} the simulation went bad; the return is then what was earned before.`,
      );
    if (interventions > 0)
      note(
        `A person took over in ${counted(interventions, 'agent step')}: the return is not the policy's alone.`,
      );
    printResult(
      flags.json,
      result,
      [
        flags.episodes === 1
          ? `${taskLabel(config.task)}, 1 episode: return ${mean.toFixed(1)}${success}.`
          : `${taskLabel(config.task)}, ${flags.episodes} episodes: mean return ${meanWords(evaluation, flags.episodes)}, std ${std.toFixed(1)}, interquartile mean ${iqm.toFixed(1)}${success}.`,
        ...[flags.video, flags.sheet].flatMap((path) => (path === undefined ? [] : [`Written: ${path}`])),
      ].join('\n'),
    );
  } finally {
    bar.stop();
    stop.dispose();
  }
});

async function sheet(film: readonly Image[], task: string): Promise<Buffer> {
  const { contactSheet } = await import('../src/media/contactSheet.js');
  const count = Math.min(SHEET_PICTURES, film.length);
  const cells = Array.from({ length: count }, (_, i) => {
    const step = Math.round((i * (film.length - 1)) / Math.max(1, count - 1));
    return { image: film[step] as Image, label: `step ${step}` };
  });
  return contactSheet(cells, { title: task, enlarge: 1 });
}
