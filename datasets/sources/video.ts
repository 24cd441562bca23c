/**
 * Frames of a video file, decoded by the ffmpeg on this machine: no package for Node decodes both AV1 and H.264
 * without a download of its own or a licence that would bind this one. Frames come through a pipe, so what is held
 * is what was asked for.
 */
import { spawn } from 'node:child_process';
import { InputError } from '../../src/errors.js';

export interface VideoFrames {
  /** The first frame wanted, and how many. */
  readonly first: number;
  readonly count: number;
  readonly framesPerSecond: number;
  readonly height: number;
  readonly width: number;
}

/** What ffmpeg says is kept so far. */
const MESSAGE_BYTES = 4096;
/** Knows -fps_mode. */
const OLDEST_FFMPEG = { major: 5, minor: 1 };

/**
 * @param name what sentences call the file
 * @returns `[count, height, width, 3]` RGB
 * @throws InputError where there is no ffmpeg, or the video is damaged, of another size or too short
 */
export async function decodeVideo(path: string, name: string, frames: VideoFrames): Promise<Uint8Array> {
  const { first, count, framesPerSecond, height, width } = frames;
  const pixels = new Uint8Array(count * height * width * 3);
  // Half a frame before the first, so that rounding cannot miss it; ffmpeg decodes from the key frame before that.
  const start = Math.max(0, (first - 0.5) / framesPerSecond);
  const options = ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file', '-ss', start.toFixed(6)];
  const input = ['-i', `file:${path}`, '-map', '0:v:0', '-frames:v', String(count)];
  const output = ['-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'];
  const child = spawn('ffmpeg', [...options, ...input, ...output], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [received, message] = [0, ''];
  child.stdout.on('data', (bytes: Buffer) => {
    if (received + bytes.length <= pixels.length) pixels.set(bytes, received);
    else child.kill('SIGKILL');
    received += bytes.length;
  });
  child.stderr.on('data', (bytes: Buffer) => {
    message = (message + bytes.toString()).slice(0, MESSAGE_BYTES);
  });
  await new Promise<void>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => reject(cannotStart(name, error)));
    child.on('close', () => resolve());
  });
  if (received === pixels.length && child.exitCode === 0) return pixels;
  const reason = message.trim().split('\n')[0];
  throw new InputError(
    `${name} does not hold ${count} frames of ${width}×${height} from frame ${first} on${reason ? `: ${reason}` : ` (${received} of ${pixels.length} bytes came)`}.`,
  );
}

/** @param name what a sentence says needs it @throws InputError where there is no ffmpeg, or one that is too old */
export async function requireFfmpeg(name: string): Promise<void> {
  const child = spawn('ffmpeg', ['-version'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(0, MESSAGE_BYTES);
  });
  await new Promise<void>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => reject(cannotStart(name, error)));
    child.on('close', () => resolve());
  });
  // One that was built from a snapshot has no number, and is taken to be new.
  const [, major, minor] = /^ffmpeg version n?(\d+)\.(\d+)/.exec(said) ?? [];
  const age = Number(major) - OLDEST_FFMPEG.major || Number(minor) - OLDEST_FFMPEG.minor;
  if (age < 0)
    throw new InputError(
      `${name} keeps its images as videos, and the ffmpeg here is version ${major}.${minor}: ${OLDEST_FFMPEG.major}.${OLDEST_FFMPEG.minor} or newer is needed to decode them.`,
    );
}

function cannotStart(name: string, error: NodeJS.ErrnoException): Error {
  if (error.code !== 'ENOENT') return error;
  return new InputError(
    `${name} keeps its images as videos, and there is no ffmpeg here to decode them: install it (apt-get install ffmpeg, brew install ffmpeg), or record or export the dataset with images in its parquet files.`,
  );
}
