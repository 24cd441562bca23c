/**
 * Rows at the foot of a terminal that say how far a command is, under the lines that stay. They are drawn anew in
 * place, never wider than the terminal, and gone when the command ends, however that comes about. The cursor is left
 * as it is: a process that is killed could not bring it back.
 */
import { duration } from './duration.js';

/** Signals that end a process which does not listen to them. */
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Columns of a bar. */
const BAR = { least: 8, most: 40 };

let current: StatusRows | undefined;

export class StatusRows {
  readonly #stream: NodeJS.WriteStream;
  #rows: readonly string[] = [];
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  /**
   * Columns a row may have. The last one stays free, where some terminals begin a new row, and two before it, for the
   * ^C that a terminal puts behind what is there.
   */
  get columns(): number {
    return Math.max(1, (this.#stream.columns || 80) - 3);
  }

  /** Draws these rows in place of those before. */
  show(rows: readonly string[]): void {
    if (current === undefined) this.#begin();
    this.#rows = rows;
    this.#stream.write(this.#erasure() + this.#draw());
  }

  /** A line above the rows, which stays. */
  say(text: string): void {
    this.#stream.write(`${this.#erasure()}${text}\n${this.#draw()}`);
  }

  /** Leaves nothing of the rows. */
  readonly clear = (): void => {
    if (current !== this) return;
    current = undefined;
    process.off('exit', this.clear);
    for (const name of ENDING_SIGNALS) process.off(name, this.#onSignal);
    this.#stream.write(this.#erasure());
    this.#rows = [];
  };

  #begin(): void {
    current = this;
    process.once('exit', this.clear);
    for (const name of ENDING_SIGNALS) process.on(name, this.#onSignal);
  }

  /** Where nobody else listens the process ends by the signal, as it would have without this. */
  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (current !== this || process.listenerCount(name) > 1) return;
    this.clear();
    process.kill(process.pid, name);
  };

  #erasure(): string {
    const up = this.#drawn > 1 ? `\x1b[${this.#drawn - 1}A` : '';
    this.#drawn = 0;
    return `${up}\r\x1b[J`;
  }

  #draw(): string {
    const rows = this.#rows.slice(0, Math.max(1, (this.#stream.rows || 24) - 1));
    this.#drawn = rows.length;
    return rows.map((row) => row.slice(0, this.columns)).join('\n');
  }
}

/** A line on stderr that stays, above the rows that are shown. */
export function say(text: string): void {
  if (current === undefined) process.stderr.write(`${text}\n`);
  else current.say(text);
}

/**
 * A row with a bar: how it is worded depends on the room there is.
 * @param share what is done, in [0, 1]
 * @param details each from its longest wording to its shortest; '' leaves it out
 */
export function progressRow(
  columns: number,
  label: string,
  share: number,
  details: readonly (readonly string[])[],
): string {
  const percent = `${String(Math.floor(100 * share)).padStart(3)}%`;
  const wordings = Math.max(1, ...details.map((wording) => wording.length));
  let text = percent;
  for (let wording = 0; wording < wordings; wording++) {
    const words = details.map((each) => each[Math.min(wording, each.length - 1)] ?? '');
    text = [percent, ...words.filter((word) => word !== '')].join(' | ');
    const room = columns - label.length - text.length - 2;
    if (room < BAR.least) continue;
    const width = Math.min(room, BAR.most);
    const full = Math.round(width * share);
    return `${label} ${'█'.repeat(full)}${'░'.repeat(width - full)} ${text}`;
  }
  return `${label} ${text.trimStart()}`;
}

/** Wordings of the time that is left. */
export function timeLeft(seconds: number): string[] {
  const short = duration(seconds).replace(/ (h|min|s)\b/g, '$1');
  return [`${duration(seconds)} left`, `${duration(seconds)} left`, `${short} left`];
}
