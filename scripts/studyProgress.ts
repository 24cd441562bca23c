/** How far the runs of a study are: one row a run on a terminal, a plain line now and then elsewhere. */
import type { StudyEvent } from '../src/study/runStudy.js';
import { duration } from './duration.js';
import { rounded } from './progress.js';
import { StatusRows } from './statusRows.js';

/** Seconds between two plain lines of one run. */
const LINE_INTERVAL = 60;

interface Row {
  readonly started: number;
  /** What was done when it was first heard of: a resumed run did that before. */
  before: number | undefined;
  line: number;
  /** As it stands on a terminal. */
  text: string;
}

export class StudyDisplay {
  readonly #stream: NodeJS.WriteStream;
  readonly #status: StatusRows | undefined;
  readonly #rows = new Map<string, Row>();

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
    if (stream.isTTY) this.#status = new StatusRows(stream);
  }

  show(event: StudyEvent): void {
    const { run } = event;
    switch (event.kind) {
      case 'note':
        this.say(event.text);
        return;
      case 'started':
        this.#rows.set(run.id, { started: seconds(), before: undefined, line: 0, text: '' });
        if (this.#status === undefined) this.say(`${run.id}: ${event.resumed ? 'goes on' : 'starts'}`);
        return;
      case 'progress': {
        const row = this.#rows.get(run.id);
        if (row !== undefined) this.#progress(run.id, row, event.progress);
        return;
      }
      default: {
        this.#rows.delete(run.id);
        this.#draw();
        const word = event.kind === 'taken' ? 'is left to another process' : event.kind;
        this.say(`${run.id}: ${word}${event.kind === 'failed' ? `: ${event.reason}` : ''}`);
      }
    }
  }

  stop(): void {
    this.#status?.clear();
  }

  #progress(id: string, row: Row, progress: Extract<StudyEvent, { kind: 'progress' }>['progress']): void {
    const { done, total, evaluationMean, lastReturn } = progress;
    row.before ??= done;
    const speed = (done - row.before) / Math.max(1, seconds() - row.started);
    const score = evaluationMean ?? lastReturn;
    const text = [
      ...(score === undefined ? [] : [`return ${rounded(score)}`]),
      ...(speed > 0 ? [`${duration((total - done) / speed)} left`] : []),
    ].join(', ');
    const percent = Math.floor((100 * done) / Math.max(1, total));
    if (this.#status !== undefined) {
      row.text = `${shortened(id, 44)} ${percent}% ${text}`;
      this.#draw();
      return;
    }
    if (seconds() - row.line < LINE_INTERVAL) return;
    row.line = seconds();
    this.say(`${id}: ${percent}%${text === '' ? '' : `, ${text}`}`);
  }

  #draw(): void {
    this.#status?.show([...this.#rows.values()].flatMap(({ text }) => (text === '' ? [] : [text])));
  }

  /** A line above the rows. */
  say(text: string): void {
    if (this.#status === undefined) this.#stream.write(`${text}\n`);
    else this.#status.say(text);
  }
}

/** The end of a run's name tells it from others. */
function shortened(id: string, width: number): string {
  return (id.length > width ? `…${id.slice(id.length - width + 1)}` : id).padEnd(width);
}

function seconds(): number {
  return performance.now() / 1000;
}
