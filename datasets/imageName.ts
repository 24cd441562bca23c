/** What an image is called in a dataset, from the path or key that it has in its source. */

/** What an image is called whose source gives it no name. */
export const UNNAMED_IMAGE = 'image';

/** `observation.images.front` and `pixels/front` are `front`; a source with one image need not name it. */
export function imageName(key: string | null | undefined): string {
  const name = key
    ?.split(/[/\\.]/)
    .at(-1)
    ?.replace(/[,=]/g, '_');
  return name === undefined || name === '' ? UNNAMED_IMAGE : name;
}

/**
 * Whether it may be a file's name, a key and a part of a flag at once: without separators of paths and of flags.
 */
export function isImageName(name: string): boolean {
  return name.length > 0 && !/[/\\,=\p{Cc}]/u.test(name) && name !== '.' && name !== '..';
}
