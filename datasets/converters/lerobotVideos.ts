/** Where LeRobotDataset keeps the frames of an episode's video: v2.1 a file an episode, v3 many episodes in a file. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../src/errors.js';
import { FileSource } from '../sources/byteSource.js';
import { cellNumber, parquetColumns, readParquetRows } from '../sources/parquet.js';
import { findSourceFiles } from './sourceFiles.js';

export interface EpisodeVideo {
  /** Relative to the dataset's folder. */
  readonly file: string;
  /** The episode's first frame in it. */
  readonly first: number;
  /** Whether the file ends with it. */
  readonly isLast: boolean;
  /** Whether the file is this episode's alone. */
  readonly isOwn: boolean;
  /** How many are its own by what the dataset says; null where it says only where they begin. */
  readonly frames: number | null;
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
      isLast: true,
      isOwn: true,
      frames: null,
    });
  const videos = new Map<number, EpisodeVideo>();
  const columns = ['chunk_index', 'file_index', 'from_timestamp'].map((name) => `videos/${camera}/${name}`);
  const ending = `videos/${camera}/to_timestamp`;
  const folder = join(source, 'meta', 'episodes');
  if ((await stat(folder).catch(() => null)) === null)
    throw new InputError(`${source} has no meta/episodes, which says where in a video each episode is.`);
  for (const { path, name } of await findSourceFiles(folder, ['.parquet'])) {
    const file = await FileSource.open(path);
    try {
      const hasEnd = (await parquetColumns({ name, source: file })).some((column) => column.name === ending);
      const rows = await readParquetRows(
        { name, source: file },
        ['episode_index', ...columns, ...(hasEnd ? [ending] : [])],
        [0, Number.POSITIVE_INFINITY],
      );
      for (const row of rows) {
        const [chunk = Number.NaN, number = Number.NaN, start = Number.NaN] = columns.map((column) =>
          cellNumber(row[column]),
        );
        if (![chunk, number].every((value) => Number.isInteger(value) && value >= 0) || !(start >= 0))
          throw new InputError(`${name} does not say where the video of episode ${row.episode_index} is.`);
        videos.set(cellNumber(row.episode_index), {
          file: join('videos', camera, `chunk-${digits(chunk, 3)}`, `file-${digits(number, 3)}.mp4`),
          first: Math.round(start * framesPerSecond),
          isLast: false,
          isOwn: false,
          frames: hasEnd ? Math.round((cellNumber(row[ending]) - start) * framesPerSecond) : null,
        });
      }
    } finally {
      await file.close();
    }
  }
  // A file that goes on after the last episode in it holds frames that belong to none.
  const last = new Map<string, number>();
  for (const { file, first } of videos.values()) last.set(file, Math.max(first, last.get(file) ?? 0));
  return (episode) => {
    const video = videos.get(episode);
    if (video === undefined)
      throw new InputError(`${source}: meta/episodes does not say where the video of episode ${episode} is.`);
    return { ...video, isLast: video.first === last.get(video.file) };
  };
}

function digits(number: number, count: number): string {
  return String(number).padStart(count, '0');
}
