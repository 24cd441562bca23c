/** A source whose images have other names: those of the cameras of the task that the data is for. */
import { isImageName } from '../../envs/imageName.js';
import { InputError } from '../../src/errors.js';
import type { ConversionSource, SourceEpisode } from './conversionSource.js';

/**
 * @param names the new name by the present one, or by the source's own key
 * @throws InputError for an image that is not there, a name that is none, and one that two images would have
 */
export function renameImages(
  source: ConversionSource,
  names: Readonly<Record<string, string>>,
): ConversionSource {
  const { images = [] } = source.header;
  const keys = keysOf(source);
  const there = images.map(({ name }) => name);
  const renamed = new Map(there.map((name) => [name, name]));
  for (const [old, name] of Object.entries(names)) {
    const found = there.find((one) => one === old) ?? there.find((one) => keys[one] === old);
    if (found === undefined)
      throw new InputError(
        `--rename-images names the image "${old}", which is not converted: there ${there.length === 1 ? 'is' : 'are'} ${there.join(', ') || 'none'}.`,
      );
    if (!isImageName(name))
      throw new InputError(
        `--rename-images: ${JSON.stringify(name)} is no name for an image: one without / \\ , = is expected.`,
      );
    renamed.set(found, name);
  }
  const twice = [...renamed.values()].find((name, i, all) => all.indexOf(name) !== i);
  if (twice !== undefined)
    throw new InputError(
      `--rename-images: two images would be called "${twice}"; there are ${there.join(', ')}: give each a name of its own.`,
    );
  const newName = (name: string): string => renamed.get(name) ?? name;
  const withNames = <Value>(values: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [newName(name), value]));
  const episodeWithNames = ({ episode, packed, ...rest }: SourceEpisode): SourceEpisode => ({
    ...rest,
    episode: { ...episode, images: withNames(episode.images) },
    ...(packed !== undefined && { packed: { ...packed, images: withNames(packed.images) } }),
  });
  return {
    ...source,
    header: { ...source.header, images: images.map((image) => ({ ...image, name: newName(image.name) })) },
    // What each was called in the source.
    details: {
      ...source.details,
      cameras: withNames({ ...Object.fromEntries(there.map((name) => [name, name])), ...keys }),
    },
    units: source.units.map((unit) => ({
      ...unit,
      read: async () => {
        const content = await unit.read();
        return { ...content, episodes: content.episodes.map(episodeWithNames) };
      },
    })),
    close: () => source.close(),
  };
}

/** The source's own keys, by the images' names, where it has any. */
function keysOf({ details }: ConversionSource): Readonly<Record<string, string>> {
  const { cameras } = details;
  if (typeof cameras !== 'object' || cameras === null || Array.isArray(cameras)) return {};
  return Object.fromEntries(
    Object.entries(cameras).flatMap(([name, key]) => (typeof key === 'string' ? [[name, key]] : [])),
  );
}
