/** The header of a dataset that holds episodes of several: they must mean the same by an image, an action, a step. */
import { InputError } from '../../src/errors.js';
import { type DatasetHeader, headerOf } from '../manifest.js';
import type { Dataset } from '../reader.js';

/** What gives numbers and pictures their meaning. */
const meanings = {
  task: 'task',
  actionRepeat: 'action repeat',
  controlTimestep: 'control step',
  images: 'images',
  actionSize: 'action size',
  actionBox: 'action box',
  stateSize: 'state size',
  extra: 'further arrays',
} as const;

/** Words about it, which a dataset may lack; where one does, so does what is made of them. */
const words = ['actionNames', 'actionUnits', 'stateNames', 'stateUnits', 'renderer'] as const;

/** Without provenance, with the first one's codec. @throws InputError naming the first thing in which they differ */
export function mergedHeader([first, ...others]: readonly [Dataset, ...Dataset[]]): Omit<
  DatasetHeader,
  'provenance'
> {
  const { provenance: _, ...header } = headerOf(first.manifest);
  for (const { folder, manifest } of others) {
    for (const [name, meaning] of Object.entries(meanings) as [keyof typeof meanings, string][])
      if (text(manifest[name]) !== text(first.manifest[name]))
        throw new InputError(
          `${folder} and ${first.folder} cannot be one dataset: their ${meaning} differs (${text(manifest[name])}, ${text(first.manifest[name])}).`,
        );
    for (const name of words) if (text(manifest[name]) !== text(header[name])) header[name] = null;
  }
  return header;
}

function text(value: unknown): string {
  return JSON.stringify(value);
}
