/** From what a user asks of an observation's images to their spaces: sizes and stacks, for all or by name. */
import { InputError } from '../src/errors.js';
import type { ImageSize, ImageSpace, PerImage } from './environment.js';

export interface ImageOptions {
  readonly imageSize?: PerImage<ImageSize> | undefined;
  readonly frameStack?: PerImage<number> | undefined;
}

const defaultSize = 64;
const defaultStack = 3;

/**
 * @param images names and channels, in the order of the observation
 * @throws InputError for a name that is none of them, or a number out of range
 */
export function imageSpaces(
  images: readonly Pick<ImageSpace, 'name' | 'channels'>[],
  { imageSize = defaultSize, frameStack = defaultStack }: ImageOptions,
): ImageSpace[] {
  const names = images.map(({ name }) => name);
  return images.map(({ name, channels }) => {
    const size = forImage('imageSize', imageSize, isSize, names, name) ?? defaultSize;
    const stack = forImage('frameStack', frameStack, isNumber, names, name) ?? defaultStack;
    const { height, width } = typeof size === 'number' ? { height: size, width: size } : size;
    requireWholeNumber('imageSize', height, 1, 4096);
    requireWholeNumber('imageSize', width, 1, 4096);
    requireWholeNumber('frameStack', stack, 1, 64);
    return { name, height, width, channels, frameStack: stack };
  });
}

export function requireWholeNumber(option: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new InputError(`${option} is ${value}: expected a whole number from ${low} to ${high}.`);
  }
}

function forImage<T extends ImageSize>(
  option: string,
  values: PerImage<T>,
  isOne: (values: PerImage<T>) => values is T,
  names: readonly string[],
  name: string,
): T | undefined {
  if (isOne(values)) return values;
  const unknown = Object.keys(values).find((key) => !names.includes(key));
  if (unknown !== undefined)
    throw new InputError(
      `${option} is given for the image "${unknown}", which is not observed: there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}.`,
    );
  return (values as Readonly<Record<string, T>>)[name];
}

function isNumber(values: PerImage<number>): values is number {
  return typeof values === 'number';
}

function isSize(values: PerImage<ImageSize>): values is ImageSize {
  return (
    typeof values === 'number' || (typeof values.height === 'number' && typeof values.width === 'number')
  );
}
