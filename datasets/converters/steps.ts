/**
 * What formats have in common that keep an episode as columns with a row a step. A format's own file says how its
 * episodes and columns are found and read; here is decided which of them are the images, the state, the action, the
 * reward and the ends, and what is made of them.
 */
import type { ActionBox } from '../../envs/environment.js';
import { imageNames } from '../../envs/imageName.js';
import { InputError } from '../../src/errors.js';
import type { EpisodeSource, FrameLayout } from '../episode.js';
import type { DatasetHeader, Provenance } from '../manifest.js';
import { Camera, type PictureColumn } from './camera.js';
import { type ColumnNames, looksLikeAnEnd, looksLikeGoingOn } from './columnNames.js';
import type { ConversionSource, SourceEpisode, SourceProblem } from './conversionSource.js';
import { type EpisodeEnds, type PickedRows, pickRows, withObservations } from './episodeRows.js';
import { joinRows } from './joinRows.js';
import type { Alignment, OpenOptions } from './openOptions.js';
import type { Remarks } from './remarks.js';
import type { PictureSize } from './treatment.js';

/** Numbers with a row for each step or observation. */
export interface NumberColumn {
  /** What sentences call it. */
  readonly name: string;
  readonly rows: number;
  /** Numbers in a row. */
  readonly size: number;
  /** Whether the source keeps whole numbers: choices rather than quantities, where they are actions. */
  readonly isWhole: boolean;
  /** Rows [from, to). */
  read(from: number, to: number): Promise<Float32Array> | Float32Array;
}

/** One episode of the source. */
export interface StepTable {
  readonly id: string;
  readonly source: EpisodeSource;
  /** By the keys that a user knows them by. */
  readonly pictures: ReadonlyMap<string, PictureColumn>;
  /** What is observed beside them. */
  readonly numbers: ReadonlyMap<string, NumberColumn>;
  /** Actions, rewards, flags. */
  readonly steps: ReadonlyMap<string, NumberColumn>;
  readonly instruction?: string;
  /** Sentences about what it has and nobody can read. */
  readonly unread?: readonly string[];
  /** What is wrong with it already. */
  readonly problems?: readonly SourceProblem[];
}

export interface StepUnit {
  readonly name: string;
  /** @throws InputError where it cannot be read */
  read(): Promise<StepContent>;
}

export interface StepContent {
  readonly table: StepTable;
  /** The files that were read whole for it. */
  readonly files: () => Promise<Provenance['files']>;
}

/** An opened source. */
export interface StepFormat {
  readonly name: string;
  /** What sentences call it: the file or folder. */
  readonly path: string;
  readonly task: string | null;
  readonly controlTimestep: number | null;
  readonly columns: ColumnNames;
  readonly endsOf: EpisodeEnds['of'];
  readonly alignment: Alignment;
  /** What is the state where the user names none. */
  readonly stateKeys: readonly string[];
  /** The action's box by the source's own word. */
  readonly actionBox: ActionBox | null;
  readonly actionNames?: readonly string[] | null;
  readonly stateNames?: (key: string) => readonly string[] | null;
  /** Whether what a reward says of success is the format's own convention. */
  readonly rewardIsSuccess: boolean;
  /** A clause such as "Discrete(3)", where the source says that its actions are choices. */
  readonly discrete?: string;
  /** Whether the source says that its actions are quantities, though it may keep them as whole numbers. */
  readonly isContinuous?: boolean;
  /** The size of a camera's pictures by the source's own metadata. */
  readonly statedSize?: (camera: string) => PictureSize | undefined;
  readonly details: Provenance['details'];
  readonly remarks: Remarks;
  readonly units: readonly StepUnit[];
  close(): Promise<void>;
}

/** @throws InputError where what is asked for is not there */
export async function openSteps(
  opening: Promise<StepFormat>,
  options: OpenOptions,
): Promise<ConversionSource> {
  const format = await opening;
  try {
    return await opened(format, options);
  } catch (error) {
    await format.close();
    throw error;
  }
}

async function opened(format: StepFormat, options: OpenOptions): Promise<ConversionSource> {
  const { remarks } = format;
  const { table, layout } = await firstUsable(format, options);
  const { cameras, stateKeys, actions } = layout;
  if (options.cameras === undefined && cameras.length > 1)
    remarks.add(`Images: ${cameras.map(({ key }) => key).join(', ')}; --cameras takes some of them alone.`);
  remarkUnread(format, table, layout, options);
  remarkNotTaken(format, table, layout, options);
  const stateNames = stateKeys.map((key) => format.stateNames?.(key) ?? null);
  const chosen: Chosen = { ...layout, successByReward: await isSuccessByReward(format, options) };
  const header: Omit<DatasetHeader, 'provenance' | 'codec'> = {
    task: options.task ?? format.task,
    actionRepeat: options.actionRepeat ?? 1,
    controlTimestep: format.controlTimestep,
    images: cameras.map(({ layout }) => layout),
    renderer: null,
    actionSize: actions.size,
    ...(actions.names !== null && { actionNames: [...actions.names] }),
    stateSize: layout.stateSize,
    ...(stateNames.length > 0 &&
      stateNames.every((names) => names !== null) && { stateNames: stateNames.flat() as string[] }),
  };
  return {
    name: format.name,
    header,
    actionBox: format.actionBox,
    remarks,
    defaultCodec: 'brotli',
    details: {
      ...format.details,
      cameras: Object.fromEntries(cameras.map(({ key, layout }) => [layout.name, key])),
      ...(stateKeys.length > 0 && { state: [...stateKeys] }),
      ...(actions.keys.length > 1 && { action: [...actions.keys] }),
    },
    units: format.units.map(({ name, read }) => ({
      name,
      read: async () => {
        const { table, files } = await read();
        return { episodes: [await readEpisode(table, format, chosen, options)], files: await files() };
      },
      actions: async () => {
        const { table } = await read();
        const { actions, length } = (await pick(table, format, chosen, options)).episode;
        return { values: actions, steps: length };
      },
    })),
    close: () => format.close(),
  };
}

/** So many are tried before the first one's fault is that of all. */
const UNITS_TRIED = 16;

interface Layout {
  readonly cameras: readonly Camera[];
  readonly stateKeys: readonly string[];
  readonly stateSize: number;
  readonly actions: Actions;
}

interface Chosen extends Layout {
  readonly successByReward: boolean;
}

/** The first episode that is whole says what all look like. @throws InputError for the first one's fault, where none is */
async function firstUsable(
  format: StepFormat,
  options: OpenOptions,
): Promise<{ table: StepTable; layout: Layout }> {
  if (format.units.length === 0) throw new InputError(`${format.path} has no episodes.`);
  let failure: unknown;
  for (const unit of format.units.slice(0, UNITS_TRIED))
    try {
      const { table } = await unit.read();
      const stateKeys = options.stateKeys ?? format.stateKeys.filter((key) => table.numbers.has(key));
      const layout: Layout = {
        cameras: await chooseCameras(format, table, options),
        stateKeys,
        stateSize: stateKeys.reduce((sum, key) => sum + stateColumn(table, key).size, 0),
        actions: chooseActions(format, table, options),
      };
      await pick(table, format, { ...layout, successByReward: false }, options);
      return { table, layout };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failure ??= error;
    }
  throw failure;
}

async function chooseCameras(format: StepFormat, table: StepTable, options: OpenOptions): Promise<Camera[]> {
  const there = [...table.pictures.keys()];
  const keys = [...new Set(options.cameras ?? there)].map((wanted) => {
    const key = there.find((key) => key === wanted) ?? there[imageNames(there).indexOf(wanted)];
    if (key !== undefined) return key;
    throw new InputError(
      `${format.path} has no images "${wanted}"; it has ${there.join(', ') || 'none'}: choose with --cameras.`,
    );
  });
  if (keys.length === 0)
    throw new InputError(
      `${format.path} has no images; it has ${[...new Set([...table.numbers.keys(), ...table.steps.keys()])].join(', ') || 'nothing that can be read'}.${(table.unread ?? []).map((sentence) => ` ${sentence}`).join('')}`,
    );
  for (const sentence of table.unread ?? []) format.remarks.add(sentence);
  // Of all that are there: what is left out changes no other's name.
  const all = imageNames(there);
  const names = keys.map((key) => all[there.indexOf(key)] as string);
  checkSizes(options, [...names, ...keys]);
  return Promise.all(
    keys.map((key, i) =>
      Camera.of(
        key,
        names[i] as string,
        table.pictures.get(key) as PictureColumn,
        options.pictures ?? {},
        format.remarks,
        format.statedSize?.(key),
      ),
    ),
  );
}

function checkSizes({ pictures }: OpenOptions, names: readonly string[]): void {
  const sizes = pictures?.imageSize;
  if (typeof sizes !== 'object' || typeof sizes.height === 'number') return;
  const unknown = Object.keys(sizes).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new InputError(
      `--image-size is given for the image "${unknown}", which is not converted: there ${names.length === 2 ? 'is' : 'are'} ${[...new Set(names)].join(', ')}.`,
    );
}

function stateColumn(table: StepTable, key: string): NumberColumn {
  const column = table.numbers.get(key);
  if (column !== undefined) return column;
  throw new InputError(
    `${table.id} has no numbers "${key}" for the state; it has ${[...table.numbers.keys()].join(', ') || 'none'}.`,
  );
}

interface Actions {
  readonly keys: readonly string[];
  readonly size: number;
  readonly names: readonly string[] | null;
}

/** @throws InputError where they are choices, or in parts that nobody has put in order */
function chooseActions(format: StepFormat, table: StepTable, options: OpenOptions): Actions {
  const names = format.columns.action;
  const action = names.find((name) => table.steps.has(name)) ?? names[0] ?? '';
  if (format.discrete !== undefined && options.actionKeys === undefined)
    throw new InputError(
      `${format.path} has discrete actions (${format.discrete}); continuous ones are expected, as this learner's are.`,
    );
  const keys = options.actionKeys ?? [action];
  const columns = keys.map((key) => table.steps.get(fullKey(table.steps, key)));
  const missing = keys.find((_, i) => columns[i] === undefined);
  if (missing !== undefined) {
    const parts = [...table.steps.keys()].filter(
      (key) => /^action[./]/.test(key) || key.startsWith(`${action}/`),
    );
    const short = parts.map((key) => key.replace(`${action}/`, ''));
    throw new InputError(
      short.length > 1 && missing === action
        ? `${format.path} has its action in parts, ${short.join(', ')}: say in which order to join them, for example --action ${short.join(',')}.`
        : `${format.path} has no action "${missing}"; it has ${[...table.steps.keys()].join(', ') || 'no numbers'}: choose with --action.`,
    );
  }
  const found = columns as NumberColumn[];
  // One that was asked for by name, of several numbers, is the user's word that they are quantities.
  const isAsked = options.actionKeys !== undefined;
  const discrete =
    format.isContinuous === true
      ? undefined
      : found.find(({ isWhole, size }) => isWhole && !(isAsked && size > 1));
  if (discrete !== undefined)
    throw new InputError(
      `${discrete.name} holds whole numbers alone, which are discrete actions; continuous ones are expected, as this learner's are.${discrete.size > 1 ? ` If they are quantities, say --action ${keys.join(',')}.` : ''}`,
    );
  return {
    keys: keys.map((key) => fullKey(table.steps, key)),
    size: found.reduce((sum, column) => sum + column.size, 0),
    names: options.actionKeys === undefined ? (format.actionNames ?? null) : null,
  };
}

/** Not 0 where a person's action was executed, as programs of all formats call it. */
const INTERVENTIONS = ['is_intervention', 'intervention', 'infos/intervention', 'infos/is_intervention'];

/** What is observed beside the images and would have to be asked for. */
function remarkNotTaken(format: StepFormat, table: StepTable, layout: Layout, options: OpenOptions): void {
  if (options.stateKeys !== undefined) return;
  const taken = [...layout.stateKeys, ...layout.actions.keys, ...Object.values(format.columns).flat()];
  const isObserved = (key: string): boolean =>
    table.numbers !== table.steps || key.startsWith('observation.') || key === 'state';
  const left = [...table.numbers.keys()].filter((key) => !taken.includes(key) && isObserved(key));
  if (left.length > 0)
    format.remarks.add(
      `Numbers that are observed too and are not taken: ${left.join(', ')}; --state ${left.join(',')} joins them as the state.`,
    );
}

/** What looks like an end and is read by nobody. */
function remarkUnread(format: StepFormat, table: StepTable, layout: Layout, options: OpenOptions): void {
  const { terminated, truncated, done, success } = format.columns;
  const firstOf = (names: readonly string[]): string | undefined => names.find((key) => table.steps.has(key));
  const read = [
    ...[options.terminated, options.truncated, options.success, options.reward].flatMap((key) =>
      key === undefined ? [] : [fullKey(table.steps, key)],
    ),
    ...(options.terminated === undefined ? [firstOf(terminated), firstOf(done)] : []),
    ...(options.truncated === undefined ? [firstOf(truncated)] : []),
    ...(options.success === undefined ? [firstOf(success)] : []),
    ...layout.stateKeys,
    ...layout.actions.keys,
  ];
  for (const key of new Set([...table.steps.keys(), ...table.numbers.keys()]))
    if (looksLikeAnEnd(key) && !read.includes(key))
      format.remarks.add(
        `"${key}" looks like the end of an episode and is not read: say --terminated ${key} or --truncated ${key} if it is one.`,
      );
}

/** Whether episodes without any reward are failures: where others have one. */
async function isSuccessByReward(format: StepFormat, options: OpenOptions): Promise<boolean> {
  if (options.success !== undefined) return false;
  if (options.reward !== 'sparse' && !format.rewardIsSuccess) return false;
  for (const unit of format.units)
    try {
      const { table } = await unit.read();
      if (firstColumn(table, format.columns.success) !== null) return false;
      const rewards = await readAll(firstColumn(table, format.columns.reward));
      if (rewards?.some((value) => value > 0)) return true;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  return false;
}

function firstColumn(table: StepTable, keys: readonly string[]): NumberColumn | null {
  for (const key of keys) {
    const column = table.steps.get(key);
    if (column !== undefined) return column;
  }
  return null;
}

async function readAll(column: NumberColumn | null): Promise<Float32Array | null> {
  return column === null ? null : column.read(0, column.rows);
}

/** @throws InputError for what is neither 0 nor 1: a number of another meaning would end the episode anywhere */
async function readFlags(column: NumberColumn | null): Promise<Float32Array | null> {
  const values = await readAll(column);
  const row = values?.findIndex((value) => value !== 0 && value !== 1) ?? -1;
  if (row >= 0)
    throw new InputError(`${column?.name} holds ${values?.[row]} in row ${row}; 0 or 1 is expected.`);
  return values;
}

/** @throws InputError for NaN, which is no word on it */
async function readSuccess(column: NumberColumn | null): Promise<Float32Array | null> {
  const values = await readAll(column);
  const row = values?.findIndex(Number.isNaN) ?? -1;
  if (row >= 0)
    throw new InputError(
      `${column?.name} holds NaN in row ${row}; 0, or another number for success, is expected.`,
    );
  return values;
}

/** Which rows make up the episode, by all but its images. */
async function pick(
  table: StepTable,
  format: StepFormat,
  chosen: Chosen,
  options: OpenOptions,
): Promise<PickedRows> {
  const { columns } = format;
  const actions = chosen.actions.keys.map((key) => stepColumn(table, key));
  const steps = actions[0]?.rows ?? 0;
  const isOwn = options.reward === undefined || ['dense', 'sparse'].includes(options.reward);
  const ownRewards = isOwn ? firstColumn(table, columns.reward) : stepColumn(table, options.reward as string);
  const flags = (own: string | undefined, names: readonly string[]): NumberColumn | null =>
    own === undefined ? firstColumn(table, names) : stepColumn(table, own);
  const ends = {
    terminated: flags(options.terminated, columns.terminated),
    truncated: flags(options.truncated, columns.truncated),
    done: options.terminated === undefined ? firstColumn(table, columns.done) : null,
  };
  const success =
    options.success === 'all'
      ? null
      : options.success === undefined
        ? firstColumn(table, columns.success)
        : stepColumn(table, options.success);
  const interventions = firstColumn(table, INTERVENTIONS);
  for (const column of [...actions, ownRewards, interventions, ...Object.values(ends)])
    if (column !== null && column.rows !== steps)
      throw new InputError(
        `${column.name} has ${column.rows} rows for ${steps} actions; as many are expected.`,
      );
  for (const column of [ownRewards, success, interventions, ...Object.values(ends)])
    if (column !== null && column.size !== 1)
      throw new InputError(`${column.name} has ${column.size} numbers in a row; one is expected.`);
  const observations = observationRows(table, chosen);
  const alignment = options.alignment ?? format.alignment;
  const read = {
    actions: joinRows(await Promise.all(actions.map((column) => column.read(0, steps))), steps),
    rewards: await readAll(ownRewards),
    success: await readSuccess(success),
    interventions: await readFlags(interventions),
  };
  const picked = pickRows(
    {
      id: table.id,
      observations,
      steps,
      actions: read.actions,
      actionSize: actions.reduce((sum, column) => sum + column.size, 0),
      rewards: read.rewards,
      alignment,
      ends: {
        terminated: await readFlags(ends.terminated),
        truncated: await readFlags(ends.truncated),
        done: await readFlags(ends.done),
        of: format.endsOf,
        isWhole: true,
        doneMeansSuccess: true,
      },
      success:
        options.success === 'all'
          ? true
          : read.success !== null
            ? read.success.some((value) => value !== 0)
            : chosen.successByReward
              ? (read.rewards?.some((value) => value > 0) ?? null)
              : null,
      source: table.source,
    },
    options.reward,
  );
  const byHand = read.interventions?.some((value) => value !== 0) ? read.interventions : null;
  const firstStep = alignment === 'led' ? 1 : 0;
  if (Object.values(ends).every((column) => column === null)) await remarkGoingOn(table, format.remarks);
  return {
    ...picked,
    episode: {
      ...picked.episode,
      ...(byHand !== null && {
        interventions: Uint8Array.from({ length: picked.length }, (_, t) =>
          Number(byHand[t + firstStep] !== 0),
        ),
      }),
      ...(table.instruction !== undefined && { instruction: table.instruction }),
    },
    problems: [...(table.problems ?? []), ...picked.problems],
  };
}

/** Where nothing else says where an episode ends, a discount of 0 does; it is named, not read. */
async function remarkGoingOn(table: StepTable, remarks: Remarks): Promise<void> {
  for (const [key, column] of table.steps) {
    if (!looksLikeGoingOn(key) || column.size !== 1) continue;
    const row = (await readAll(column))?.indexOf(0) ?? -1;
    if (row >= 0)
      remarks.add(
        `"${key}" is 0 in row ${row} of ${table.id}, as where an episode ends, and is not read: --terminated takes an array that is not 0 there.`,
      );
  }
}

/** The only key that ends in what was asked for, as `infos/success` does in `success`; else that itself. */
function fullKey(columns: ReadonlyMap<string, NumberColumn>, wanted: string): string {
  if (columns.has(wanted)) return wanted;
  const ending = [...columns.keys()].filter(
    (key) => key.endsWith(`/${wanted}`) || key.endsWith(`.${wanted}`),
  );
  return ending.length === 1 ? (ending[0] as string) : wanted;
}

function stepColumn(table: StepTable, key: string): NumberColumn {
  const column = table.steps.get(fullKey(table.steps, key)) ?? table.numbers.get(key);
  if (column !== undefined) return column;
  throw new InputError(`${table.id} has no numbers "${key}"; it has ${[...table.steps.keys()].join(', ')}.`);
}

/** @throws InputError where images and state do not have equally many rows */
function observationRows(table: StepTable, { cameras, stateKeys }: Chosen): number {
  const columns = [
    ...cameras.map(({ key }) => pictureColumn(table, key)),
    ...stateKeys.map((key) => stateColumn(table, key)),
  ];
  const [first] = columns;
  const other = columns.find(({ rows }) => rows !== first?.rows);
  if (other !== undefined)
    throw new InputError(
      `${first?.name} has ${first?.rows} rows and ${other.name} ${other.rows}; as many are expected.`,
    );
  return first?.rows ?? 0;
}

function pictureColumn(table: StepTable, key: string): PictureColumn {
  const column = table.pictures.get(key);
  if (column !== undefined) return column;
  throw new InputError(`${table.id} has no images "${key}".`);
}

async function readEpisode(
  table: StepTable,
  format: StepFormat,
  chosen: Chosen,
  options: OpenOptions,
): Promise<SourceEpisode> {
  const picked = await pick(table, format, chosen, options);
  remarkFurtherCameras(table, format, chosen, options);
  const rows = picked.repeatsLast ? picked.length : picked.length + 1;
  const images: [FrameLayout['name'], Uint8Array][] = [];
  for (const camera of chosen.cameras)
    images.push([camera.layout.name, await camera.read(pictureColumn(table, camera.key), rows)]);
  const states = chosen.stateKeys.map((key) => stateColumn(table, key).read(0, rows));
  const state = states.length > 0 ? joinRows(await Promise.all(states), rows) : null;
  return withObservations(picked, Object.fromEntries(images), state);
}

function remarkFurtherCameras(
  table: StepTable,
  format: StepFormat,
  { cameras }: Chosen,
  options: OpenOptions,
): void {
  if (options.cameras !== undefined) return;
  const further = [...table.pictures.keys()].filter((key) => cameras.every((camera) => camera.key !== key));
  if (further.length > 0)
    format.remarks.add(
      `${table.id} has images that the first episode has not, and that are left away: ${further.join(', ')}.`,
    );
}
