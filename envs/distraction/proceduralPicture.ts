/** Pictures to stand behind a scene, each made from its number alone: clouds of colour, with things strewn over. */
import { Generator } from '../../src/random/generator.js';

/** Cells along the side of the coarsest noise; each octave has twice as many and half the weight. */
const coarsestCells = 3;
const octaves = 4;
const paletteSize = 5;
const things = 14;

type Colour = readonly [number, number, number];

/** RGB bytes `[side, side, 3]`. */
export function proceduralPicture(number: number, side: number): Uint8Array {
  const random = new Generator(number).child('background');
  const picture = new Uint8Array(side * side * 3);
  const palette = Array.from({ length: paletteSize }, () => randomColour(random));
  const field = noise(random, side);
  for (let i = 0; i < side * side; i++) {
    const at = Math.min(0.999999, field[i] as number) * (paletteSize - 1);
    const index = Math.floor(at);
    const [a, b] = [palette[index] as Colour, palette[index + 1] as Colour];
    for (let c = 0; c < 3; c++) {
      const from = a[c] as number;
      picture[3 * i + c] = 255 * (from + (at - index) * ((b[c] as number) - from)) + 0.5;
    }
  }
  for (let i = 0; i < things; i++) strew(picture, side, random);
  return picture;
}

function randomColour(random: Generator): Colour {
  return [random.uniform(), random.uniform(), random.uniform()];
}

/** Fractal value noise `[side, side]`, stretched to [0, 1]. */
function noise(random: Generator, side: number): Float64Array {
  const sum = new Float64Array(side * side);
  for (let octave = 0; octave < octaves; octave++) {
    const cells = coarsestCells << octave;
    const weight = 0.5 ** octave;
    const corners = Float64Array.from({ length: (cells + 1) ** 2 }, () => random.uniform());
    for (let y = 0, at = 0; y < side; y++) {
      const [row, fy] = split((y * cells) / side);
      for (let x = 0; x < side; x++, at++) {
        const [column, fx] = split((x * cells) / side);
        const corner = row * (cells + 1) + column;
        const above = mix(corners[corner] as number, corners[corner + 1] as number, fx);
        const below = mix(corners[corner + cells + 1] as number, corners[corner + cells + 2] as number, fx);
        sum[at] = (sum[at] as number) + weight * mix(above, below, fy);
      }
    }
  }
  const low = sum.reduce((a, b) => Math.min(a, b), Infinity);
  const high = sum.reduce((a, b) => Math.max(a, b), -Infinity);
  return sum.map((value) => (value - low) / (high - low));
}

/** The cell, and how far into it, eased (3f² − 2f³) so that cells meet smoothly. */
function split(position: number): [number, number] {
  const cell = Math.floor(position);
  const f = position - cell;
  return [cell, f * f * (3 - 2 * f)];
}

function mix(a: number, b: number, share: number): number {
  return a + share * (b - a);
}

/** Draws a disc or a box of one colour, anywhere. */
function strew(picture: Uint8Array, side: number, random: Generator): void {
  const isDisc = random.uniform() < 0.5;
  const colour = randomColour(random);
  const opacity = random.uniform(0.4, 1);
  const [cx, cy] = [random.uniform(0, side), random.uniform(0, side)];
  const [rx, ry] = [random.uniform(0.03, 0.16) * side, random.uniform(0.03, 0.16) * side];
  for (let y = Math.max(0, Math.ceil(cy - ry)); y < Math.min(side, cy + ry); y++) {
    for (let x = Math.max(0, Math.ceil(cx - rx)); x < Math.min(side, cx + rx); x++) {
      if (isDisc && ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 > 1) continue;
      const at = 3 * (y * side + x);
      for (let c = 0; c < 3; c++)
        picture[at + c] = mix(picture[at + c] as number, 255 * (colour[c] as number), opacity);
    }
  }
}
