/** What the commands have in common that train: their flags, and how a run is begun, shown and ended. */
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { findSimulatedTask } from '../envs/suite/registry.js';
import { ownActionRepeat } from '../envs/suite/task.js';
import { isTaskModule, taskLabel } from '../envs/taskModule.js';
import { InputError } from '../src/errors.js';
import { type RunConfig, type RunSettings, runConfigShape } from '../src/training/config.js';
import { presets } from '../src/training/presets.js';
import { resolveConfig } from '../src/training/resolveConfig.js';
import { runPaths } from '../src/training/runFolder.js';
import { successWords } from '../src/training/successRate.js';
import type { TrainOptions, TrainResult } from '../src/training/train.js';
import { meanWords, note, printResult } from './console.js';
import { duration } from './duration.js';
import { ProgressDisplay } from './progress.js';
import { addSettings, givenSettings } from './settingFlags.js';
import { wholeNumber } from './settings.js';
import { stopOnSignals } from './signals.js';

export interface TrainingFlags {
  readonly out?: string;
  readonly resume?: boolean;
  readonly from?: number;
  readonly acceptChangedData?: boolean;
  readonly preset?: string;
  readonly config?: string;
  readonly json?: boolean;
}

export function addTrainingFlags(command: Command): Command {
  return addSettings(
    command
      .option('--out <folder>', "the run's folder; default: runs/TASK")
      .option('--resume', 'go on with the run in --out from its last checkpoint')
      .option(
        '--from <step>',
        'with --resume: go back to this older checkpoint, and drop what came after it',
        wholeNumber(0),
      )
      .option(
        '--accept-changed-data',
        'with --resume: learn on from datasets that are not those the run learnt from so far',
      )
      .addOption(new Option('--preset <name>', presetList()).choices(Object.keys(presets)))
      .option('--config <file>', 'JSON file of settings, by the names the flags have in camelCase')
      .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr'),
    runConfigShape,
  );
}

/**
 * Trains until the end or a signal, and says how it went.
 * @param load what trains; only loaded now, since a refused setting needs none of it
 * @param name the command's, as it goes on
 */
export async function runTraining(
  options: TrainingFlags & Record<string, unknown>,
  load: () => Promise<(training: TrainOptions) => Promise<TrainResult>>,
  name: string,
): Promise<void> {
  // They are checked where they are resolved, or the run is reopened.
  const flags = givenSettings(options, runConfigShape) as Partial<RunSettings>;
  const run = options.out ?? (flags.task === undefined ? undefined : `runs/${taskLabel(flags.task)}`);
  if (run === undefined) throw new InputError("Name the run's folder with --out, or the task with --task.");
  if (options.resume && (options.preset !== undefined || options.config !== undefined))
    throw new InputError('A resumed run keeps its settings: --preset and --config do not go with --resume.');
  if (!options.resume && (options.from !== undefined || options.acceptChangedData))
    throw new InputError('--from and --accept-changed-data are for a run that goes on: give --resume too.');
  const config = options.resume ? undefined : await newConfig(options, flags);
  const train = await load();
  const display = new ProgressDisplay();
  const stop = stopOnSignals('one more update, then a checkpoint');
  try {
    const result = await train({
      run,
      config,
      resume: options.resume ?? false,
      from: options.from,
      acceptChangedData: options.acceptChangedData,
      changes: flags,
      signal: stop.signal,
      onProgress: (progress) => display.update(progress),
      onNote: note,
    });
    display.stop();
    const last = result.evaluations.at(-1);
    const best = result.evaluations.find(({ mean }) => mean === result.bestEvaluationMean);
    const lines = [
      `${result.finished ? 'Finished' : 'Stopped'} after ${result.envFrames} env frames (${result.agentSteps} agent steps, ${result.updates} updates) in ${duration(result.wallSeconds)}.`,
      ...(last === undefined
        ? []
        : [
            `Last evaluation: ${[meanWords(last, last.episodes), successWords(last)].filter((words) => words !== '').join(', ')}.`,
          ]),
      ...(best === undefined || best === last
        ? []
        : [
            `Best evaluation: ${best.mean.toFixed(1)}, after ${best.envFrames} env frames and ${best.updates} updates; its policy is ${runPaths(run).bestPolicy}.`,
          ]),
      result.finished ? `The run is in ${run}.` : `Go on with: ${name} --out ${run} --resume`,
    ];
    printResult(options.json, result, lines.join('\n'));
  } finally {
    display.stop();
    stop.dispose();
  }
}

async function newConfig({ preset, config }: TrainingFlags, flags: Partial<RunSettings>): Promise<RunConfig> {
  const file = config === undefined ? undefined : await readSettings(config);
  const task = flags.task ?? (file?.settings as Partial<RunSettings> | null | undefined)?.task;
  // What a module's task asks for is known once it is loaded.
  const isModule = typeof task === 'string' && isTaskModule(task);
  const actionRepeat = isModule ? ownActionRepeat(await findSimulatedTask(task)) : undefined;
  return resolveConfig({ preset, file, flags, actionRepeat });
}

async function readSettings(path: string): Promise<{ path: string; settings: unknown }> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError(`The settings in ${path} cannot be read: ${error.message}.`);
  });
  try {
    return { path, settings: JSON.parse(text) };
  } catch (error) {
    throw new InputError(`${path} is not valid JSON: ${(error as Error).message}.`);
  }
}

function presetList(): string {
  return Object.entries(presets)
    .map(([name, { description }]) => `${name}: ${description}`)
    .join('; ');
}
