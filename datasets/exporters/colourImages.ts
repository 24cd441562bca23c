/** What formats that keep pictures as RGB files take of a dataset. */
import { InputError } from '../../src/errors.js';
import type { Manifest } from '../manifest.js';

/** @throws InputError where there are no images, or any are not RGB */
export function requireColourImages({ images }: Manifest, purpose: string): void {
  if (images.length === 0) throw new InputError(`A dataset without images cannot be exported ${purpose}.`);
  const other = images.find(({ channels }) => channels !== 3);
  if (other !== undefined)
    throw new InputError(
      `Only RGB images can be exported ${purpose}; "${other.name}" has ${other.channels} ${other.channels === 1 ? 'channel' : 'channels'}.`,
    );
}
