/** From an image to sharp, which scales, composes and encodes it. */
import sharp, { type Sharp } from 'sharp';
import { InputError } from '../errors.js';
import type { Image } from './image.js';

/** The image as a sharp pipeline, without a copy. */
export function toSharp({ width, height, channels, data }: Image): Sharp {
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw new InputError(`An image of ${channels} channels cannot be shown: 1, 3 or 4 were expected.`);
  return sharp(data, { raw: { width, height, channels } });
}
