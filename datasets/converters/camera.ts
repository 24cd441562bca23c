/** One camera of a source: its pictures of any episode as frames of one layout. */
import { InputError } from '../../src/errors.js';
import type { FrameLayout } from '../episode.js';
import {
  type ArrayNumbers,
  plainPixels,
  plainShape,
  planeLayout,
  type Scale,
  scaleOf,
} from './pictureArrays.js';
import { pictureFileSize, readPictureFiles } from './pictureFiles.js';
import type { Remarks } from './remarks.js';
import { type PictureOptions, type PictureSize, Treatment } from './treatment.js';

/** The pictures of one camera in one episode, a row each. */
export type PictureColumn = {
  /** What sentences call it. */
  readonly name: string;
  readonly rows: number;
  /** What the source itself says of the order of its channels. */
  readonly channelOrder?: PictureOptions['channelOrder'];
} & (
  | {
      readonly kind: 'array';
      /** Of one row. */
      readonly shape: readonly number[];
      /** As NumPy names it. */
      readonly type: string;
      read(from: number, to: number): Promise<ArrayNumbers> | ArrayNumbers;
    }
  | {
      readonly kind: 'files';
      /** Of the file in a row; default: the column's name and the row. */
      nameOf?(row: number): string;
      /** Contents or paths. */
      read(
        from: number,
        to: number,
      ): Promise<readonly (Uint8Array | string)[]> | readonly (Uint8Array | string)[];
    }
  | {
      /** Decoded by whoever reads them, which is a loss: RGB. */
      readonly kind: 'film';
      read(
        from: number,
        to: number,
      ): Promise<PictureSize & { readonly pixels: Uint8Array; readonly remarks?: readonly string[] }>;
    }
);

export class Camera {
  /** The user's name for it. */
  readonly key: string;
  readonly layout: FrameLayout;
  readonly #treatment: Treatment;
  readonly #remarks: Remarks;
  readonly #scale: Scale;
  /** What sentences call it: an array that is the whole observation has no key. */
  readonly #called: string;

  private constructor(
    key: string,
    called: string,
    layout: FrameLayout,
    treatment: Treatment,
    remarks: Remarks,
    scale: Scale,
  ) {
    this.key = key;
    this.layout = layout;
    this.#treatment = treatment;
    this.#remarks = remarks;
    this.#scale = scale;
    this.#called = called;
  }

  /**
   * @param name of the image in the dataset @param first its column in the first episode
   * @param stated the size that the source's metadata states, where they do
   */
  static async of(
    key: string,
    name: string,
    first: PictureColumn,
    options: PictureOptions,
    remarks: Remarks,
    stated?: PictureSize,
  ): Promise<Camera> {
    if (first.rows === 0) throw new InputError(`${first.name} has no pictures.`);
    const called = key === '' ? name : key;
    const order = options.channelOrder ?? first.channelOrder;
    if (order !== undefined && options.channelOrder === undefined)
      remarks.add(`${called}: its attributes say ${order.toUpperCase()}: read as --channel-order ${order}.`);
    const treatment = new Treatment(
      order === undefined ? options : { ...options, channelOrder: order },
      [name, key],
      remarks,
    );
    let recorded: PictureSize;
    let [channels, scale]: [number, Scale] = [3, 'byte'];
    if (first.kind === 'array') {
      const plane = planeLayout(first.shape, first.name);
      recorded = plane;
      channels = plainShape(plane, 1).channels;
      if (first.type !== 'uint8') scale = scaleOf(await first.read(0, first.rows), first.type);
    } else if (first.kind === 'files') {
      const [file = new Uint8Array()] = await first.read(0, 1);
      recorded = await pictureFileSize(file, first.nameOf?.(0) ?? first.name);
    } else recorded = await first.read(0, 1);
    if (stated !== undefined && (stated.height !== recorded.height || stated.width !== recorded.width))
      remarks.add(
        `${called}: the source's metadata state ${stated.width}×${stated.height}, its pictures are ${recorded.width}×${recorded.height}; the pictures count.`,
      );
    const { height, width } = treatment.sizeOf(recorded, first.name);
    return new Camera(key, called, { name, height, width, channels }, treatment, remarks, scale);
  }

  /** @returns `[rows, height, width, channels]` of `layout` @throws InputError where they are no such pictures */
  async read(column: PictureColumn, rows = column.rows): Promise<Uint8Array> {
    if (column.kind === 'files')
      return readPictureFiles(
        await column.read(0, rows),
        this.layout,
        this.#treatment,
        this.#remarks,
        this.#called,
        (i) => column.nameOf?.(i) ?? `${column.name}, row ${i}`,
      );
    if (column.kind === 'film') {
      const { pixels, height, width, remarks = [] } = await column.read(0, rows);
      this.#remarks.addLossy();
      for (const sentence of remarks) this.#remarks.add(`${this.#called}: ${sentence}`);
      return this.#treated(pixels, { height, width }, rows, column.name);
    }
    const plane = planeLayout(column.shape, column.name);
    const values = await column.read(0, rows);
    const { type } = column;
    const pixels = plainPixels(
      values,
      { plane, type },
      this.#scale,
      this.#remarks,
      this.#called,
      column.name,
    );
    if (plainShape(plane, rows).channels !== this.layout.channels)
      throw new InputError(
        `${column.name} has pictures of ${plane.channels} channels, unlike in the first episode.`,
      );
    return this.#treated(pixels, plane, rows, column.name);
  }

  #treated(pixels: Uint8Array, size: PictureSize, frames: number, name: string): Promise<Uint8Array> {
    const out = this.#treatment.sizeOf(size, name);
    if (out.height !== this.layout.height || out.width !== this.layout.width)
      throw new InputError(
        `${name} is ${out.width}×${out.height}, others are ${this.layout.width}×${this.layout.height}; say --image-size.`,
      );
    const { height, width } = size;
    return this.#treatment.ofFrames(
      pixels,
      { frames, height, width, channels: this.layout.channels },
      this.#called,
    );
  }
}
