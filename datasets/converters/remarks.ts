/** What there is to say of a source as a whole, beside the problems of its episodes; each sentence once. */
export class Remarks {
  readonly #sentences = new Set<string>();
  #lossy = false;

  add(sentence: string): void {
    this.#sentences.add(sentence);
  }

  /** Of something whose pixels, actions or rewards are not those of the recording. */
  addLossy(sentence?: string): void {
    this.#lossy = true;
    if (sentence !== undefined) this.add(sentence);
  }

  get sentences(): readonly string[] {
    return [...this.#sentences];
  }

  get lossy(): boolean {
    return this.#lossy;
  }
}
