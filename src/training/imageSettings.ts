/**
 * Settings of images as a person writes them: one value for all, or `front=128x96,wrist=64`, by the image's name.
 * A size is a side, or WIDTHxHEIGHT.
 */
import { z } from 'zod';
import type { ImageSize, PerImage } from '../../envs/environment.js';

const side = '[1-9][0-9]*';
const size = `${side}(?:x${side})?`;
const byName = (value: string): string => `[^=,]+=${value}(?:,[^=,]+=${value})*`;

export const imageSizeSchema = z.union([
  z.int().min(1),
  z
    .string()
    .regex(
      new RegExp(`^(?:${size}|${byName(size)})$`),
      'expected pixels such as 64, WIDTHxHEIGHT such as 96x72, or both by image, such as front=128x96,wrist=64',
    ),
]);

export const frameStackSchema = z.union([
  z.int().min(1),
  z
    .string()
    .regex(
      new RegExp(`^(?:${side}|${byName(side)})$`),
      'expected a number such as 3, or one by image, such as front=3,wrist=1',
    ),
]);

export function parseImageSize(setting: z.output<typeof imageSizeSchema>): PerImage<ImageSize> {
  return parsePerImage(setting, (text) => {
    const [width, height = width] = text.split('x').map(Number) as [number, number?];
    return height === width ? width : { height, width };
  });
}

export function parseFrameStack(setting: z.output<typeof frameStackSchema>): PerImage<number> {
  return parsePerImage(setting, Number);
}

function parsePerImage<T extends ImageSize>(
  setting: number | string,
  parse: (text: string) => T,
): PerImage<T> {
  const text = String(setting);
  if (!text.includes('=')) return parse(text);
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [name = '', value = ''] = part.split('=');
      return [name, parse(value)];
    }),
  );
}
