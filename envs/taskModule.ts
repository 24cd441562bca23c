/**
 * Tasks of one's own: a module that exports `SuiteTask`s or, as its default, a function that makes an `Environment`.
 * Such a task goes by the module's path, `./tasks/lift.mjs`, or `./tasks/lift.mjs#lift-high` where it is one of
 * several. A path is looked for in the working folder, and in the folders above the run that recorded it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, dirname, extname, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { InputError } from '../src/errors.js';
import type { Environment, EnvironmentOptions } from './environment.js';
import { heldToSentences, ownFailure } from './ownCode.js';
import { isRemote } from './remote/protocol.js';
import type { SuiteTask } from './suite/task.js';

/**
 * Makes an environment of single control steps, one frame an observation: action repeat, frame stack and time limit
 * are put around it. Where pixels are asked for and it observes none, they are taken from its `render`.
 */
export type EnvironmentFactory = (options: EnvironmentOptions) => Environment | Promise<Environment>;

/** What a module holds: tasks by name, or a function that makes an environment. */
export type TaskModule =
  | { readonly kind: 'tasks'; readonly tasks: ReadonlyMap<string, SuiteTask> }
  | { readonly kind: 'environment'; readonly make: EnvironmentFactory };

interface Reference {
  readonly file: string;
  /** One of several tasks in the file. */
  readonly name: string | undefined;
}

const referencePattern = /^(.*\.[cm]?[jt]s)(?:#(.+))?$/s;
const example = '"rlpd task new NAME" writes an example';

const taskSchema = z.object({
  name: z.string().regex(/^[\w.-]+$/, 'expected letters, digits, "-", "_" and "."'),
  model: z.instanceof(URL, { error: "expected new URL('./NAME.xml', import.meta.url)" }),
  controlTimestep: z.number().positive(),
  maxEnvFrames: z.int().min(1),
  camera: z.int().min(0),
  cameras: z
    .array(z.union([z.string(), z.int().min(0)]))
    .min(1)
    .optional(),
  actionRepeat: z.int().min(1).optional(),
  editedFields: z.array(z.string()).optional(),
  bind: z.custom((value) => typeof value === 'function', 'expected a function of the simulation'),
});

/** Whether a task's name is a module's path, not a task of the suite or a server. */
export function isTaskModule(task: string): boolean {
  return parse(task) !== undefined;
}

/** A task's name in paths and titles: that of the suite, or the module's without folder and ending. */
export function taskLabel(task: string): string {
  const reference = parse(task);
  return reference === undefined
    ? task
    : (reference.name ?? basename(reference.file, extname(reference.file)));
}

/** The file of a task that is a module. @throws InputError where it is not there */
export function taskModuleFile(task: string): string | undefined {
  return parse(locateTask(task))?.file;
}

/** How a task that a module exports is named from the working folder, so that a run finds it again. */
export function taskOfModule(module: string | URL, name: string): string {
  const path = String(module).startsWith('file:') ? fileURLToPath(module) : resolve(String(module));
  const fromHere = relative('.', path);
  const file = fromHere.startsWith('..') ? path : `./${fromHere.split(sep).join('/')}`;
  if (!isTaskModule(file))
    throw new InputError(
      `${path} is no module that a thread can load: expected a .js, .mjs, .ts or .mts file.`,
    );
  return `${file}#${name}`;
}

/**
 * The task as it is found from the working folder: with the module's whole path where it lies elsewhere.
 * @param run a run's folder, or a file in it: the module is looked for in the folders above it, too
 * @throws InputError where the module is not there
 */
export function locateTask(task: string, run?: string): string {
  const reference = parse(task);
  if (reference === undefined || existsSync(reference.file)) return task;
  const folders = run === undefined ? [] : foldersAbove(run);
  const path = folders.map((folder) => resolve(folder, reference.file)).find((file) => existsSync(file));
  if (path === undefined)
    throw new InputError(
      `The task's module ${reference.file} is not there: it was looked for in ${process.cwd()}${run === undefined ? '' : ` and in the folders above ${run}`}; put it back, or say with --task where it is.`,
    );
  return reference.name === undefined ? path : `${path}#${reference.name}`;
}

/**
 * The one task that a reference means.
 * @param suiteNames names that are taken
 * @throws InputError where the module cannot be loaded, or what it exports is no task
 */
export async function loadTask(
  task: string,
  suiteNames: ReadonlySet<string>,
): Promise<SuiteTask | EnvironmentFactory> {
  const { file, name } = parse(locateTask(task)) as Reference;
  const module = await loadTaskModule(file, suiteNames);
  if (module.kind === 'environment') {
    if (name !== undefined)
      throw new InputError(
        `${file} makes an environment and has no tasks to choose from: leave out "#${name}".`,
      );
    return module.make;
  }
  const names = [...module.tasks.keys()];
  const found = module.tasks.get(name ?? (names.length === 1 ? (names[0] as string) : ''));
  if (found !== undefined) return heldToSentences(found, file);
  throw new InputError(
    name === undefined
      ? `${file} has several tasks: name one of them, such as ${file}#${names[0]} (there are ${names.join(', ')}).`
      : `${file} exports no task named "${name}": it has ${names.join(', ')}.`,
  );
}

/** The names of a module's tasks, each as `--task` takes it. @throws InputError as `loadTask` */
export async function taskReferences(task: string, suiteNames: ReadonlySet<string>): Promise<string[]> {
  const { file, name } = parse(task) as Reference;
  const module = await loadTaskModule((parse(locateTask(task)) as Reference).file, suiteNames);
  if (name !== undefined || module.kind === 'environment' || module.tasks.size === 1) return [task];
  return [...module.tasks.keys()].map((each) => `${file}#${each}`);
}

async function loadTaskModule(file: string, suiteNames: ReadonlySet<string>): Promise<TaskModule> {
  const exported = await importModule(file);
  if (typeof exported.default === 'function')
    return { kind: 'environment', make: exported.default as EnvironmentFactory };
  const tasks = new Map<string, SuiteTask>();
  for (const [as, value] of Object.entries(exported)) {
    for (const candidate of Array.isArray(value) ? value : [value]) {
      if (!isMeantAsTask(candidate)) continue;
      const task = checkTask(candidate, file, as);
      if (suiteNames.has(task.name))
        throw new InputError(
          `${file} has a task named "${task.name}", and so has the suite: give it another name.`,
        );
      if ((tasks.get(task.name) ?? task) !== task)
        throw new InputError(`${file} has two tasks named "${task.name}": give one of them another name.`);
      tasks.set(task.name, task);
    }
  }
  if (tasks.size === 0)
    throw new InputError(
      `${file} exports no task: expected tasks, or a function that makes an environment as its default; ${example}.`,
    );
  return { kind: 'tasks', tasks };
}

async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION')
      throw new InputError(
        `${file} is TypeScript, which Node ${process.versions.node} does not load: take Node 22.18 or later, or compile it to JavaScript.`,
      );
    if (error instanceof SyntaxError) {
      const { message } = error;
      const isCommonJs = /^Unexpected token 'export'|import statement outside a module/.test(message);
      const remedy = isCommonJs ? ': end its name in .mjs, or put "type": "module" into package.json' : '';
      const line = lineOfSyntaxError(file);
      throw new InputError(
        `${file} cannot be loaded: ${message}${line === undefined ? '' : ` (line ${line})`}${remedy}.`,
      );
    }
    throw ownFailure(`${file} fails when it is loaded`, error);
  }
}

/** The error itself does not say it; undefined where it lies in another file. */
function lineOfSyntaxError(file: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' });
  return /^[^\n]*:(\d+)\n/.exec(stderr)?.[1];
}

/** A task half written is one all the same, and is to be told so. */
function isMeantAsTask(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('bind' in value || 'model' in value);
}

function checkTask(value: unknown, file: string, as: string): SuiteTask {
  const parsed = taskSchema.safeParse(value);
  if (parsed.success) return value as SuiteTask;
  const [issue] = parsed.error.issues;
  throw new InputError(
    `"${issue?.path.join('.')}" of the task that ${file} exports as "${as}" is not usable: ${issue?.message}; ${example}.`,
  );
}

function parse(task: string): Reference | undefined {
  const match = isRemote(task) ? null : referencePattern.exec(task);
  return match === null ? undefined : { file: match[1] as string, name: match[2] };
}

/** From the one that holds the run up to the root. */
function foldersAbove(run: string): string[] {
  const folder = dirname(resolve(run));
  return folder === dirname(folder) ? [folder] : [folder, ...foldersAbove(folder)];
}
