/** What a terminal shows after it was sent some bytes: as much of one as `StatusRows` needs. */
import { Writable } from 'node:stream';

const startOfCommand = '\u001b';
/** Cursor up, erase below, or one character. */
const commands = new RegExp(
  `${startOfCommand}\\[(\\d+)A|(${startOfCommand}\\[J)|([^${startOfCommand}])`,
  'gsu',
);

export class TerminalScreen extends Writable {
  readonly isTTY = true;
  readonly rows = 24;
  readonly columns: number;
  #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    super({ decodeStrings: false });
    this.columns = columns;
  }

  /** The lines that hold something. */
  get text(): string[] {
    return this.#lines.map((line) => line.trimEnd()).filter((line) => line !== '');
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    for (const [, up, , one] of chunk.toString().matchAll(commands)) {
      if (up !== undefined) this.#row = Math.max(0, this.#row - Number(up));
      else if (one === undefined) {
        this.#lines = this.#lines.slice(0, this.#row + 1);
        this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column);
      } else if (one === '\r') this.#column = 0;
      else if (one === '\n') this.#newLine();
      else this.#put(one);
    }
    done();
  }

  #put(character: string): void {
    if (this.#column === this.columns) this.#newLine();
    const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column++;
  }

  #newLine(): void {
    this.#row++;
    this.#column = 0;
    this.#lines[this.#row] ??= '';
  }
}
