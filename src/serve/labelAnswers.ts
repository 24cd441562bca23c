/**
 * What the page writes: labels of a dataset's episodes, and new datasets beside those that are there. No dataset is
 * changed.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { editDataset } from '../../datasets/editing/editDataset.js';
import { type EpisodeLabel, LABELS_FILE, labelFault } from '../../datasets/editing/labels.js';
import { canLabel, readLabels, writeLabels } from '../../datasets/editing/labelsFile.js';
import type { Dataset } from '../../datasets/reader.js';
import { InputError } from '../errors.js';
import type { EditAnswer, EditRequest, LabelsAnswer } from './protocol.js';
import { idOf } from './shelf.js';

/** @throws InputError where the file of labels is damaged */
export async function labelsOf(dataset: Dataset): Promise<LabelsAnswer> {
  return { labels: await readLabels(dataset), readOnly: await refusal(dataset.folder) };
}

/** Why nothing can be kept there; null where it can. */
async function refusal(folder: string): Promise<string | null> {
  return (await canLabel(folder))
    ? null
    : `Nothing can be marked: ${folder} cannot be written to, and ${LABELS_FILE} would lie there.`;
}

/** Labels are read, changed and written by one request at a time. */
let lastWrite: Promise<unknown> = Promise.resolve();

/** @throws InputError where there is no such episode, the label does not fit it, or the folder cannot be written to */
export async function setLabel(dataset: Dataset, id: string, label: EpisodeLabel): Promise<void> {
  const why = await refusal(dataset.folder);
  if (why !== null) throw new InputError(why);
  const entry = dataset.entries.find((one) => one.id === id);
  if (entry === undefined) throw new InputError(`${dataset.folder} has no episode "${id}".`);
  const fault = labelFault(label, entry.steps);
  if (fault !== null) throw new InputError(`The label does not fit the episode "${id}": ${fault}.`);
  const write = lastWrite.then(async () =>
    writeLabels(dataset.folder, { ...(await readLabels(dataset)), [id]: label }),
  );
  lastWrite = write.catch(() => {});
  await write;
}

/**
 * The selection as a dataset beside the one that it is of.
 * @throws InputError as `editDataset` does, and for a name that is not one of a folder
 */
export async function writeSelection(dataset: Dataset, request: EditRequest): Promise<EditAnswer> {
  const { name, episodes, sparse, holdoutShare } = request;
  if (!/^[\w][\w .-]*$/.test(name))
    throw new InputError(`"${name}" cannot be a folder's name here: letters, digits, - _ . and spaces are.`);
  const place = dirname(resolve(dataset.folder));
  const out = join(place, name);
  const report = await editDataset({
    folders: [dataset.folder],
    out,
    labels: true,
    selection: { episodes: episodes.map((number) => [number, number + 1] as const) },
    ...(sparse && { reward: 'sparse' as const }),
    ...(holdoutShare > 0 && { holdout: { out: `${out}-holdout`, share: holdoutShare, seed: 0 } }),
  });
  const parts = [report, ...(report.holdout === null ? [] : [report.holdout])];
  return {
    written: parts.map((part) => ({
      id: idOf(part.out),
      name: basename(part.out),
      episodes: part.episodes,
      steps: part.steps,
    })),
  };
}
