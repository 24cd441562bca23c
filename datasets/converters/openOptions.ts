/** What a user may say about a source, whatever its format; each format takes what it needs. */
export interface OpenOptions {
  /** Default: as the source says. */
  readonly task?: string;
  /** Control steps for each recorded action; default: 1, or as the format's own recordings were made. */
  readonly actionRepeat?: number;
  /** Default: as recorded. */
  readonly imageSize?: number;
  /** Arrays to be joined as the state, in this order. */
  readonly stateKeys?: readonly string[];
  /** Which images; needed where a source has several. */
  readonly camera?: string;
  /**
   * `dense`: as recorded (the default where there is a reward). `sparse`: 1 for the last step, which then ends the
   * task, for demonstrations that end in success. Else the name of an array.
   */
  readonly reward?: string;
}
