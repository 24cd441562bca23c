/** Where LeRobotDataset keeps the frames of an episode's video: v2.1 a file an episode, v3 many episodes in a file. */
import { join } from 'node:path';
import { InputError } from '../../src/errors.js';
import { FileSource } from '../sources/byteSource.js';
import { readParquetRows } from '../sources/parquet.js';
import { findSourceFiles } from './sourceFiles.js';

export interface EpisodeVideo {
  /** Relative to the dataset's folder. */
  readonly file: string;
  /** The episode's first frame in it. */
  readonly first: number;
  /** Whether the file is this episode's alone. */
  readonly isOwn: boolean;
}

export interface VideoOptions {
  /** `v3.0`, … */
  readonly version: string;
  readonly camera: string;
  readonly framesPerSecond: number;
}

/** @returns by episode index @throws InputError where the dataset does not say where its videos are */
export async function findVideos(
  source: string,
  { version, camera, framesPerSecond }: VideoOptions,
): Promise<(episode: number) => EpisodeVideo> {
  // The name becomes a part of paths.
  if (!/^[\w.-]+$/.test(camera) || camera.includes('..'))
    throw new InputError(`${source}: "${camera}" is not the name of a camera.`);
  if (version.startsWith('v2'))
    return (episode) => ({
      file: join(
        'videos',
        `chunk-${digits(Math.floor(episode / 1000), 3)}`,
        camera,
        `episode_${digits(episode, 6)}.mp4`,
      ),
      first: 0,
      isOwn: true,
    });
  const videos = new Map<number, EpisodeVideo>();
  const columns = ['chunk_index', 'file_index', 'from_timestamp'].map((name) => `videos/${camera}/${name}`);
  for (const { path, name } of await findSourceFiles(join(source, 'meta', 'episodes'), ['.parquet'])) {
    const file = await FileSource.open(path);
    try {
      const rows = await readParquetRows(
        { name, source: file },
        ['episode_index', ...columns],
        [0, Number.POSITIVE_INFINITY],
      );
      for (const row of rows) {
        const [chunk = Number.NaN, number = Number.NaN, start = Number.NaN] = columns.map((column) =>
          Number(row[column]),
        );
        if (![chunk, number].every((value) => Number.isInteger(value) && value >= 0) || !(start >= 0))
          throw new InputError(`${name} does not say where the video of episode ${row.episode_index} is.`);
        videos.set(Number(row.episode_index), {
          file: join('videos', camera, `chunk-${digits(chunk, 3)}`, `file-${digits(number, 3)}.mp4`),
          first: Math.round(start * framesPerSecond),
          isOwn: false,
        });
      }
    } finally {
      await file.close();
    }
  }
  return (episode) => {
    const video = videos.get(episode);
    if (video === undefined)
      throw new InputError(`${source}: meta/episodes does not say where the video of episode ${episode} is.`);
    return video;
  };
}

function digits(number: number, count: number): string {
  return String(number).padStart(count, '0');
}
