/**
 * What formats have in common that keep an episode as columns with a row a step. A format's own file says how its
 * episodes and columns are found and read; here is decided, by the first episode that is whole, which of them are the
 * images, the state and the action of all, and what is said of those that are not taken.
 */
import { imageNames } from '../../envs/imageName.js';
import { InputError } from '../../src/errors.js';
import type { FrameLayout } from '../episode.js';
import type { DatasetHeader } from '../manifest.js';
import { Camera, type PictureColumn } from './camera.js';
import { looksLikeAnEnd } from './columnNames.js';
import type { ConversionSource, SourceEpisode } from './conversionSource.js';
import { withObservations } from './episodeRows.js';
import { joinRows } from './joinRows.js';
import type { OpenOptions } from './openOptions.js';
import { type ChosenActions, type ChosenColumns, pickEpisode, type StepLayout } from './pickEpisode.js';
import {
  firstColumn,
  fullKey,
  type NumberColumn,
  pictureColumn,
  readAll,
  type StepFormat,
  type StepTable,
  stateColumn,
} from './stepTable.js';

/**
 * The source as all converters hand it on.
 * @throws InputError where what is asked for is not there; the format is closed then
 */
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
  const chosen: ChosenColumns = { ...layout, successByReward: await isSuccessByReward(format, options) };
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
    place: format.place,
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
        return (await pickEpisode(table, format, chosen, options)).episode.actions;
      },
    })),
    close: () => format.close(),
  };
}

/** So many are tried before the first one's fault is that of all. */
const UNITS_TRIED = 16;

/** The first episode that is whole says what all look like. @throws InputError for the first one's fault, where none is */
async function firstUsable(
  format: StepFormat,
  options: OpenOptions,
): Promise<{ table: StepTable; layout: StepLayout }> {
  if (format.units.length === 0) throw new InputError(`${format.path} has no episodes.`);
  let failure: unknown;
  for (const unit of format.units.slice(0, UNITS_TRIED))
    try {
      const { table } = await unit.read();
      const stateKeys = options.stateKeys ?? format.stateKeys.filter((key) => table.numbers.has(key));
      const layout: StepLayout = {
        cameras: await chooseCameras(format, table, options),
        stateKeys,
        stateSize: stateKeys.reduce((sum, key) => sum + stateColumn(table, key).size, 0),
        actions: chooseActions(format, table, options),
      };
      await pickEpisode(table, format, { ...layout, successByReward: false }, options);
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

/** @throws InputError where they are choices, or in parts that nobody has put in order */
function chooseActions(format: StepFormat, table: StepTable, options: OpenOptions): ChosenActions {
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

/** What is observed beside the images and would have to be asked for. */
function remarkNotTaken(
  format: StepFormat,
  table: StepTable,
  layout: StepLayout,
  options: OpenOptions,
): void {
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
function remarkUnread(format: StepFormat, table: StepTable, layout: StepLayout, options: OpenOptions): void {
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

async function readEpisode(
  table: StepTable,
  format: StepFormat,
  chosen: ChosenColumns,
  options: OpenOptions,
): Promise<SourceEpisode> {
  const picked = await pickEpisode(table, format, chosen, options);
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
  { cameras }: ChosenColumns,
  options: OpenOptions,
): void {
  if (options.cameras !== undefined) return;
  const further = [...table.pictures.keys()].filter((key) => cameras.every((camera) => camera.key !== key));
  if (further.length > 0)
    format.remarks.add(
      `${table.id} has images that the first episode has not, and that are left away: ${further.join(', ')}.`,
    );
}
