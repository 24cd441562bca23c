/** Textures of a compiled model with their mip levels, filtered as OpenGL filters them (linear, mip-mapped). */
import type { Simulation } from '../mujoco.js';

const texture2d = 0;
const textureCube = 1;
/** mjTEXROLE_RGB among mjNTEXROLE texture slots of a material. */
const colourRole = 1;
const textureRoles = 10;

/** One image of a mip chain: RGB bytes, row 0 first as stored. */
interface Level {
  readonly size: { readonly width: number; readonly height: number };
  readonly data: Uint8Array;
}

/** Level of detail at that many texels a pixel: 0 where each texel is seen. */
export function lodOf(texels: number): number {
  return texels > 1 ? Math.log2(texels) : 0;
}

/** A mip-mapped image; levels are made when they are first needed. */
export class MipMap {
  readonly #levels: Level[];

  /** @param data RGB bytes, `[height, width, 3]`. */
  constructor(width: number, height: number, data: Uint8Array) {
    this.#levels = [{ size: { width, height }, data }];
  }

  get width(): number {
    return (this.#levels[0] as Level).size.width;
  }

  get height(): number {
    return (this.#levels[0] as Level).size.height;
  }

  /**
   * Trilinear sample. `u`, `v` in texture units (0 to 1 across the image), `lod` = log2 of texels per pixel.
   * @param repeat outside [0, 1]: repeat the image, or hold its edge.
   * @param out receives RGB in [0, 255].
   */
  sample(u: number, v: number, lod: number, repeat: boolean, out: Float64Array): void {
    const lower = Math.max(0, Math.floor(lod));
    const blend = Math.max(0, lod - lower);
    bilinear(this.#level(lower), u, v, repeat, out);
    if (blend === 0) return;
    const red = out[0] as number;
    const green = out[1] as number;
    const blue = out[2] as number;
    bilinear(this.#level(lower + 1), u, v, repeat, out);
    out[0] = red + blend * ((out[0] as number) - red);
    out[1] = green + blend * ((out[1] as number) - green);
    out[2] = blue + blend * ((out[2] as number) - blue);
  }

  #level(index: number): Level {
    for (;;) {
      const last = this.#levels[this.#levels.length - 1] as Level;
      const isSmallest = last.size.width === 1 && last.size.height === 1;
      const found = this.#levels[index];
      if (found !== undefined) return found;
      if (isSmallest) return last;
      this.#levels.push(halve(last));
    }
  }
}

/** The next level: half the size rounded down, each texel the linear sample at its centre. */
function halve(level: Level): Level {
  const width = Math.max(1, level.size.width >> 1);
  const height = Math.max(1, level.size.height >> 1);
  const data = new Uint8Array(width * height * 3);
  if (level.size.width === 2 * width && level.size.height === 2 * height)
    averageBlocks(level.data, width, height, data);
  else resample(level, width, height, data);
  return { size: { width, height }, data };
}

/** Even sizes: the linear sample is the mean of a block of four. */
function averageBlocks(source: Uint8Array, width: number, height: number, out: Uint8Array): void {
  const stride = width * 6;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0, from = 2 * y * stride; x < width; x++, from += 6) {
      for (let c = from; c < from + 3; c++) {
        const sum =
          (source[c] as number) +
          (source[c + 3] as number) +
          (source[c + stride] as number) +
          (source[c + stride + 3] as number);
        out[at++] = (sum + 2) >> 2;
      }
    }
  }
}

function resample(level: Level, width: number, height: number, out: Uint8Array): void {
  const colour = new Float64Array(3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      bilinear(level, (x + 0.5) / width, (y + 0.5) / height, false, colour);
      for (let c = 0; c < 3; c++) out[at++] = Math.round(colour[c] as number);
    }
  }
}

function bilinear(level: Level, u: number, v: number, repeat: boolean, out: Float64Array): void {
  const { width, height } = level.size;
  const data = level.data;
  const x = u * width - 0.5;
  const y = v * height - 0.5;
  const left = Math.floor(x);
  const top = Math.floor(y);
  const fx = x - left;
  const fy = y - top;
  const x0 = repeat ? wrap(left, width) : clamp(left, width);
  const x1 = repeat ? wrap(left + 1, width) : clamp(left + 1, width);
  const y0 = (repeat ? wrap(top, height) : clamp(top, height)) * width;
  const y1 = (repeat ? wrap(top + 1, height) : clamp(top + 1, height)) * width;
  const a = 3 * (y0 + x0);
  const b = 3 * (y0 + x1);
  const c = 3 * (y1 + x0);
  const d = 3 * (y1 + x1);
  const wa = (1 - fx) * (1 - fy);
  const wb = fx * (1 - fy);
  const wc = (1 - fx) * fy;
  const wd = fx * fy;
  out[0] =
    wa * (data[a] as number) + wb * (data[b] as number) + wc * (data[c] as number) + wd * (data[d] as number);
  out[1] =
    wa * (data[a + 1] as number) +
    wb * (data[b + 1] as number) +
    wc * (data[c + 1] as number) +
    wd * (data[d + 1] as number);
  out[2] =
    wa * (data[a + 2] as number) +
    wb * (data[b + 2] as number) +
    wc * (data[c + 2] as number) +
    wd * (data[d + 2] as number);
}

function wrap(index: number, size: number): number {
  const rest = index % size;
  return rest < 0 ? rest + size : rest;
}

function clamp(index: number, size: number): number {
  return index < 0 ? 0 : index >= size ? size - 1 : index;
}

/** Six pictures, as seen from the middle of the cube that they are the sides of. */
export class CubeMap {
  /** +x, −x, +y, −y, +z, −z. */
  readonly #faces: readonly MipMap[];

  private constructor(faces: readonly MipMap[]) {
    this.#faces = faces;
  }

  /** A texture of type cube or skybox. */
  static read(simulation: Simulation, texture: number): CubeMap {
    const width = simulation.model('tex_width')[texture] as number;
    const height = simulation.model('tex_height')[texture] as number;
    const faces = Array.from({ length: 6 }, (_, face) =>
      // One picture stands for all sides, or they lie one below the other.
      pictureOf(simulation, texture, width, width, height === width ? 0 : face * width),
    );
    return new CubeMap(faces);
  }

  /**
   * Trilinear sample in a direction of any length.
   * @param stepX how far it moves along each axis, at most, from one pixel to the next
   * @param out receives RGB in [0, 255]
   */
  sample(
    dx: number,
    dy: number,
    dz: number,
    stepX: number,
    stepY: number,
    stepZ: number,
    out: Float64Array,
  ): void {
    const ax = Math.abs(dx);
    const ay = Math.abs(dy);
    const az = Math.abs(dz);
    let face: number;
    let major: number;
    let step: number;
    let s: number;
    let t: number;
    if (ax >= ay && ax >= az) {
      face = dx > 0 ? 0 : 1;
      major = ax;
      step = Math.max(stepY, stepZ);
      s = dx > 0 ? -dz : dz;
      t = -dy;
    } else if (ay >= az) {
      face = dy > 0 ? 2 : 3;
      major = ay;
      step = Math.max(stepX, stepZ);
      s = dx;
      t = dy > 0 ? dz : -dz;
    } else {
      face = dz > 0 ? 4 : 5;
      major = az;
      step = Math.max(stepX, stepY);
      s = dz > 0 ? dx : -dx;
      t = -dy;
    }
    const map = this.#faces[face] as MipMap;
    // Texels per pixel: the face spans 2 units at distance 1 along its axis.
    const lod = Math.log2(((step / major) * map.width) / 2);
    map.sample((s / major + 1) / 2, (t / major + 1) / 2, lod, false, out);
  }
}

/** The two-dimensional picture of a material; null where it has none. */
export function materialTexture(simulation: Simulation, material: number): MipMap | null {
  const texture = textureOf(simulation, material, texture2d);
  if (texture < 0) return null;
  const width = simulation.model('tex_width')[texture] as number;
  const height = simulation.model('tex_height')[texture] as number;
  return pictureOf(simulation, texture, width, height, 0);
}

/** The cube of pictures of a material; null where it has none. */
export function materialCube(simulation: Simulation, material: number): CubeMap | null {
  const texture = textureOf(simulation, material, textureCube);
  return texture < 0 ? null : CubeMap.read(simulation, texture);
}

/** −1 where the material has none of that type. */
function textureOf(simulation: Simulation, material: number, type: number): number {
  if (material < 0) return -1;
  const texture = simulation.model('mat_texid')[material * textureRoles + colourRole] as number;
  return texture >= 0 && simulation.model('tex_type')[texture] === type ? texture : -1;
}

/** Rows from `firstRow` on, grey ones as RGB, without alpha. */
function pictureOf(
  simulation: Simulation,
  texture: number,
  width: number,
  height: number,
  firstRow: number,
): MipMap {
  const channels = simulation.model('tex_nchannel')[texture] as number;
  const start = Number(simulation.model('tex_adr')[texture]) + firstRow * width * channels;
  const data = simulation.model('tex_data') as Uint8Array;
  const pixels = width * height;
  if (channels === 3) return new MipMap(width, height, data.slice(start, start + 3 * pixels));
  const rgb = new Uint8Array(3 * pixels);
  for (let i = 0; i < pixels; i++)
    for (let c = 0; c < 3; c++)
      rgb[3 * i + c] = data[start + i * channels + (channels < 3 ? 0 : c)] as number;
  return new MipMap(width, height, rgb);
}
