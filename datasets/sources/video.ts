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
  /** Whether the film should end with the last of them, which is then looked at. */
  readonly isLast: boolean;
}

export interface DecodedFrames {
  /** `[count, height, width, 3]` RGB, turned as the film's own metadata say. */
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** Whether there are more after those that should be the last. */
  readonly goesOn: boolean;
  /** What was done to them that a viewer of the film does not see, a sentence each. */
  readonly remarks: readonly string[];
}

/** What ffmpeg says is kept so far. */
const MESSAGE_BYTES = 2 ** 16;
/** Knows -fps_mode. */
const OLDEST_FFMPEG = { major: 5, minor: 1 };
/** What one episode's frames may take: a hostile header must not make us allocate more. */
const MAX_BYTES = 2 ** 31;
/** Of a frame that says its own size: PPM's P6, width, height, and the greatest level. */
const PPM = /^P6\s+(\d+)\s+(\d+)\s+255\s/;
const PPM_HEADER_BYTES = 32;

/**
 * @param name what sentences call the file
 * @throws InputError where there is no ffmpeg, or the video is damaged, too short, or of another rate
 */
export async function decodeVideo(path: string, name: string, frames: VideoFrames): Promise<DecodedFrames> {
  const { first, count, framesPerSecond, isLast } = frames;
  // Half a frame before the first, so that rounding cannot miss it; ffmpeg decodes from the key frame before that.
  const start = Math.max(0, (first - 0.5) / framesPerSecond);
  const options = [
    '-nostdin',
    '-hide_banner',
    '-nostats',
    '-v',
    'level+info',
    '-protocol_whitelist',
    'file',
    '-ss',
    start.toFixed(6),
  ];
  const input = ['-i', `file:${path}`, '-map', '0:v:0', '-frames:v', String(isLast ? count + 1 : count)];
  const output = [
    '-fps_mode',
    'passthrough',
    '-f',
    'image2pipe',
    '-c:v',
    'ppm',
    '-pix_fmt',
    'rgb24',
    'pipe:1',
  ];
  const child = spawn('ffmpeg', [...options, ...input, ...output], { stdio: ['ignore', 'pipe', 'pipe'] });
  const pictures = new PpmFrames(count);
  let message = '';
  child.stdout.on('data', (bytes: Buffer) => {
    if (!pictures.take(bytes)) child.kill('SIGKILL');
  });
  child.stderr.on('data', (bytes: Buffer) => {
    message = (message + bytes.toString()).slice(0, MESSAGE_BYTES);
  });
  await new Promise<void>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => reject(cannotStart(name, error)));
    child.on('close', () => resolve());
  });
  const facts = filmFacts(message);
  if (facts.isDepth)
    throw new InputError(
      `${name} is a film of ${facts.pixels} pictures, of more than 8 bits a level, as a depth camera gives: bring it to 8 bits by a scale of your own, or leave this camera out with --cameras.`,
    );
  if (facts.rate !== null && Math.abs(facts.rate / framesPerSecond - 1) > RATE_TOLERANCE)
    throw new InputError(
      `${name} has ${facts.rate} frames a second, and meta/info.json says ${framesPerSecond} (fps): write the film anew at that rate, or put info.json right.`,
    );
  const goesOn = pictures.frames > count;
  if (goesOn || (pictures.frames === count && pictures.isWhole && child.exitCode === 0))
    return { ...pictures.decoded(), goesOn, remarks: facts.remarks };
  const reason = pictures.reason || firstError(message);
  throw new InputError(
    `${name} does not hold ${count} frames from frame ${first} on${reason ? `: ${reason}` : ` (${pictures.frames} came)`}.`,
  );
}

/** Rates are written as fractions, and rounded: 29.97 for 30000/1001. */
const RATE_TOLERANCE = 0.01;

interface FilmFacts {
  readonly pixels: string;
  readonly isDepth: boolean;
  readonly rate: number | null;
  readonly remarks: readonly string[];
}

/** From what ffmpeg says of its input before it begins, such as `Video: h264 (High), yuv420p(tv), 32x48, 10 fps, 10 tbr`. */
function filmFacts(message: string): FilmFacts {
  const [input = ''] = message.split(/^(?:\[info\] )?Output #0/m);
  const [, described = ''] = /Stream #0:\d+.*?: Video: (.*)/.exec(input) ?? [];
  const [, pixels = ''] = /, ([a-z][a-z0-9]+)(?:\([^)]*\))?, (?:\d+)x(?:\d+)/.exec(described) ?? [];
  const [, rate] = /, ([\d.]+) fps/.exec(described) ?? [];
  const [, turned] = /displaymatrix: rotation of (-?[\d.]+) degrees/.exec(input) ?? [];
  const bits = Number(/p(1[0-6])(?:le|be)$/.exec(pixels)?.[1] ?? 8);
  return {
    pixels,
    isDepth: /^gray(9|1\d|f)/.test(pixels) || /(48|64|16)(le|be)$/.test(pixels),
    rate: rate === undefined ? null : Number(rate),
    remarks: [
      ...(turned === undefined || Number(turned) === 0
        ? []
        : [`its film is turned by ${Number(turned)} degrees, as its metadata say and players show it.`]),
      ...(bits > 8 ? [`its film has ${bits} bits a level, which are brought to 8.`] : []),
      ...(/^(yuva|rgba|argb|bgra|abgr|gbrap|ya)/.test(pixels)
        ? ['its film has an alpha channel, which is left away.']
        : []),
    ],
  };
}

function firstError(message: string): string {
  const line = message.split('\n').find((line) => /\[(error|fatal|panic)\]/.test(line)) ?? '';
  return line.replace(/^.*\[(?:error|fatal|panic)\] /, '').trim();
}

/** Frames out of a stream of PPM pictures. */
class PpmFrames {
  frames = 0;
  reason = '';
  readonly #count: number;
  #size: { height: number; width: number } | null = null;
  #pixels = new Uint8Array();
  /** Bytes of the frame in progress that are still to come. */
  #left = 0;
  #at = 0;
  #header = Buffer.alloc(0);

  constructor(count: number) {
    this.#count = count;
  }

  get isWhole(): boolean {
    return this.#left === 0 && this.#header.length === 0;
  }

  decoded(): Omit<DecodedFrames, 'remarks' | 'goesOn'> {
    return { pixels: this.#pixels, ...(this.#size ?? { height: 0, width: 0 }) };
  }

  /** @returns false where no more is wanted */
  take(bytes: Buffer): boolean {
    for (let rest = bytes; rest.length > 0; ) {
      if (this.#left === 0) {
        this.#header = Buffer.concat([this.#header, rest]);
        const header = PPM.exec(this.#header.toString('latin1', 0, PPM_HEADER_BYTES));
        if (header === null) return this.#header.length < PPM_HEADER_BYTES;
        if (!this.#begin(Number(header[2]), Number(header[1]))) return false;
        rest = this.#header.subarray(header[0].length);
        this.#header = Buffer.alloc(0);
      }
      const now = rest.subarray(0, this.#left);
      this.#pixels.set(now, this.#at);
      this.#at += now.length;
      this.#left -= now.length;
      rest = rest.subarray(now.length);
    }
    return true;
  }

  #begin(height: number, width: number): boolean {
    this.frames++;
    if (this.frames > this.#count) return false;
    const bytes = height * width * 3;
    if (this.#size === null) {
      if (bytes * this.#count > MAX_BYTES) {
        this.reason = `${this.#count} frames of ${width}×${height} are too many`;
        return false;
      }
      this.#size = { height, width };
      this.#pixels = new Uint8Array(bytes * this.#count);
    }
    if (this.#size.height !== height || this.#size.width !== width) {
      this.reason = `its frames change their size from ${this.#size.width}×${this.#size.height} to ${width}×${height}`;
      return false;
    }
    this.#left = bytes;
    return true;
  }
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
