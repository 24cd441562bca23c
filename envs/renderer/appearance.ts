/** How a picture may differ from the model's own look without touching the simulation. */
import type { CameraOffset } from './view.js';

export interface Appearance {
  /**
   * RGB offsets, three numbers a colour, added to the colours of materials (and of shapes without one), which take
   * them in turn; the sums are kept within [0, 1].
   */
  readonly colours?: ArrayLike<number>;
  readonly camera?: CameraOffset;
  readonly background?: {
    /** RGB bytes `[height, width, 3]` that stand in for the sky; valid until the next call. */
    picture(width: number, height: number): Uint8Array;
    /** Share of floors and walls in what is seen through them, from 0 (glass) to 1. */
    readonly floorOpacity: number;
  };
}
