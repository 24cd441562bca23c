/**
 * How large a picture may be for its time: a renderer's time grows with the pixels, and depends on the task, the camera
 * and what else the machine does, so it is measured as it goes on.
 */

/** Heights in pixels. */
const heights = [64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640] as const;
/** Weight of the last measurement. */
const NEWEST = 0.3;
/** Of the time that there is, what a larger picture may take, so that sizes do not go to and fro. */
const CAUTION = 0.8;

export class PictureSize {
  #place = 2;
  #msPerPixel: number | undefined;

  /** @param ms that there are for a picture @param wanted height beyond which nothing is gained */
  choose(ms: number, wanted: number): number {
    const expected = (place: number): number =>
      (this.#msPerPixel ?? Infinity) * (heights[place] ?? Infinity) ** 2;
    if (this.#msPerPixel !== undefined) {
      while (this.#place > 0 && expected(this.#place) > ms) this.#place--;
      const isEnough = (heights[this.#place] as number) >= wanted;
      if (!isEnough && expected(this.#place + 1) < CAUTION * ms) this.#place++;
    }
    while (this.#place > 0 && (heights[this.#place - 1] as number) >= wanted) this.#place--;
    return heights[this.#place] as number;
  }

  /** A square picture of that height, or as many pixels, took so long. */
  took(height: number, ms: number): void {
    const now = ms / height ** 2;
    this.#msPerPixel =
      this.#msPerPixel === undefined ? now : this.#msPerPixel + NEWEST * (now - this.#msPerPixel);
  }
}
