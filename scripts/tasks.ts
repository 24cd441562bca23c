/** `rlpd tasks`: the tasks there are, as a list and as a sheet of pictures. */
import { Command } from 'commander';
import { InputError } from '../src/errors.js';
import { writeFileAtomic } from '../src/files/atomicFile.js';
import type { ContactSheetCell } from '../src/media/contactSheet.js';
import { distractionOptions, distractionShape } from '../src/training/environmentOptions.js';
import { note, printResult } from './console.js';
import { addSettings, parseSettings } from './settingFlags.js';
import { examples, wholeNumber } from './settings.js';

interface TaskRow {
  readonly task: string;
  readonly actionSize: number;
  readonly stateSize: number;
  /** Seconds of one env frame. */
  readonly controlTimestep: number;
  readonly maxEnvFrames: number;
  readonly camera: string;
}

/** Env frames of a small constant action before a picture is taken, so that bodies have come down to the floor. */
const framesBeforePicture = 40;

export const tasksCommand = examples(
  addSettings(
    new Command('tasks')
      .option('--task <file>', 'list those of a module of your own instead, such as ./tasks/lift.mjs')
      .option('--sheet <file>', 'write a picture of each task into one PNG')
      .option('--size <pixels>', "side of a task's picture", wholeNumber(16, 1024), 192)
      .option('--json', 'print one JSON object'),
    distractionShape,
  ),
  [
    'rlpd tasks',
    'rlpd tasks --sheet tasks.png',
    'rlpd tasks --sheet distracted.png --distraction medium',
    'rlpd tasks --task ./tasks/lift.mjs --sheet lift.png',
  ],
).action(async (options: { task?: string; sheet?: string; size: number; json?: boolean }) => {
  const distraction = distractionOptions(parseSettings(options, distractionShape));
  const names = await namesOf(options.task);
  const { makeEnv } = await import('../envs/makeEnv.js');
  const tasks: TaskRow[] = [];
  const cells: ContactSheetCell[] = [];
  for (const task of names) {
    const environment = await makeEnv(task, {
      observations: 'state',
      actionRepeat: 1,
      ...(distraction && { distraction }),
    });
    const { actionSize, stateSize, controlTimestep, maxEnvFrames, camera } = environment.spec;
    tasks.push({ task, actionSize, stateSize, controlTimestep, maxEnvFrames, camera });
    if (options.sheet !== undefined) {
      environment.reset({ seed: tasks.length });
      const action = new Float32Array(actionSize).fill(0.2);
      for (let i = 0, hasEnded = false; i < framesBeforePicture && !hasEnded; i++) {
        const { terminated, truncated } = environment.step(action);
        hasEnded = terminated || truncated;
      }
      cells.push({ image: environment.render({ width: options.size, height: options.size }), label: task });
    }
    environment.close();
  }
  if (options.sheet !== undefined) {
    const { contactSheet } = await import('../src/media/contactSheet.js');
    await writeFileAtomic(options.sheet, await contactSheet(cells));
    note(`Wrote ${options.sheet}.`);
  }
  const lines = tasks.map(
    ({ task, actionSize, stateSize, controlTimestep }) =>
      `${task.padEnd(24)} ${actionSize} actions, ${stateSize} state features, ${(controlTimestep * 1000).toFixed(0)} ms an env frame`,
  );
  printResult(options.json, { tasks, sheet: options.sheet ?? null }, lines.join('\n'));
});

async function namesOf(module: string | undefined): Promise<string[]> {
  const { suiteNames, taskNames } = await import('../envs/suite/registry.js');
  if (module === undefined) return taskNames();
  const { isTaskModule, taskReferences } = await import('../envs/taskModule.js');
  if (!isTaskModule(module))
    throw new InputError(`--task ${module} is no module of tasks: expected a file such as ./tasks/lift.mjs.`);
  return taskReferences(module, suiteNames);
}
