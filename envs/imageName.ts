/** What an image is called, in a dataset and in an observation, from the path or key that it has in its source. */

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
 * Of several at once: where two would have one name, as `front/rgb` and `wrist/rgb`, as much of their keys as tells them
 * apart goes into it.
 */
export function imageNames(keys: readonly string[]): string[] {
  const parts = keys.map((key) => key.split(/[/\\.]/).filter((part) => part !== ''));
  const longest = Math.max(1, ...parts.map((part) => part.length));
  for (let count = 1; count <= longest; count++) {
    const names = parts.map((part) => imageName(part.slice(-count).join('_')));
    if (new Set(names).size === names.length) return names;
  }
  return keys.map((key, i) => `${imageName(key)}_${i}`);
}

/**
 * Whether it may be a file's name, a key and a part of a flag at once: without separators of paths and of flags.
 */
export function isImageName(name: string): boolean {
  return name.length > 0 && !/[/\\,=\p{Cc}]/u.test(name) && name !== '.' && name !== '..';
}
