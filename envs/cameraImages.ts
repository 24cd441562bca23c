/** The images that cameras of a suite task give. */
import { InputError } from '../src/errors.js';
import type { EnvironmentOptions, ImageSpace } from './environment.js';
import type { SuiteEnvironment } from './suiteEnvironment.js';

/**
 * An image for each camera, named after it; by default the task's own.
 * @throws InputError where one is unknown or named twice
 */
export function cameraImages(
  environment: SuiteEnvironment,
  cameras: EnvironmentOptions['cameras'] = [],
): Pick<ImageSpace, 'name' | 'channels'>[] {
  const names =
    cameras.length === 0 ? environment.cameras : cameras.map((camera) => environment.cameraName(camera));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new InputError(`The camera "${twice}" is given twice.`);
  return names.map((name) => ({ name, channels: 3 }));
}
