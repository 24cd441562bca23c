/** `labels.json` of a dataset, read and written. */
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/files/atomicFile.js';
import type { Dataset } from '../reader.js';
import { LABELS_FILE, type Labels, labelFault, labelsSchema, plainLabel } from './labels.js';

/** None where the dataset has no such file. @throws InputError where it is not one, or does not fit the dataset */
export async function readLabels(dataset: Dataset): Promise<Labels> {
  const path = join(dataset.folder, LABELS_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new InputError(`${path} cannot be read (${error.message}).`, { cause: error });
  });
  if (text === null) return {};
  const labels = parseLabels(text, path);
  const steps = new Map(dataset.entries.map(({ id, steps }) => [id, steps]));
  for (const [id, label] of Object.entries(labels)) {
    const length = steps.get(id);
    // Of an episode that is gone, as those of a replay that was cut back, a label says nothing.
    const fault = length === undefined ? null : labelFault(label, length);
    if (fault !== null)
      throw new InputError(
        `${path}: the label of "${id}" does not fit it: ${fault}. Correct it in the page, or there.`,
      );
  }
  return labels;
}

function parseLabels(text: string, path: string): Labels {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path} is not valid JSON: ${(error as Error).message}.`);
  }
  const parsed = z.safeParse(labelsSchema, json);
  if (parsed.success) return parsed.data.episodes;
  const issue = parsed.error.issues[0];
  throw new InputError(
    `${path} is no file of labels: ${issue?.path.join('.') || 'all of it'}: ${issue?.message ?? 'not as expected'}.`,
  );
}

/** Labels that say nothing are left out; episodes come in the order of their ids. */
export async function writeLabels(folder: string, labels: Labels): Promise<void> {
  const said = Object.entries(labels)
    .map(([id, label]) => [id, plainLabel(label)] as const)
    .filter(([, label]) => Object.keys(label).length > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const file = { format: 'rlpd-pixels-labels', version: 1, episodes: Object.fromEntries(said) };
  await writeFileAtomic(join(folder, LABELS_FILE), `${JSON.stringify(file, null, 1)}\n`);
}

/** Whether labels can be kept there. */
export async function canLabel(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}
