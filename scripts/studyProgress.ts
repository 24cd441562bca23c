/** How far the runs of a study are: one row a run on a terminal, a plain line now and then elsewhere. */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { StudyEvent } from '../src/study/runStudy.js';
import { duration } from './progress.js';

/** Seconds between two plain lines of one run. */
const LINE_INTERVAL = 60;

interface Row {
  readonly started: number;
  /** What was done when it was first heard of: a resumed run did that before. */
  before: number | undefined;
  line: number;
  bar: SingleBar | undefined;
}

export class StudyDisplay {
  readonly #stream: NodeJS.WriteStream;
  readonly #bars: MultiBar | undefined;
  readonly #rows = new Map<string, Row>();

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
    if (stream.isTTY)
      this.#bars = new MultiBar(
        { stream, format: '{name} {percentage}% {text}', hideCursor: true, clearOnComplete: false },
        Presets.shades_classic,
      );
  }

  show(event: StudyEvent): void {
    const { run } = event;
    switch (event.kind) {
      case 'note':
        this.#say(event.text);
        return;
      case 'started':
        this.#rows.set(run.id, { started: seconds(), before: undefined, line: 0, bar: undefined });
        if (this.#bars === undefined) this.#say(`${run.id}: ${event.resumed ? 'goes on' : 'starts'}`);
        return;
      case 'progress': {
        const row = this.#rows.get(run.id);
        if (row !== undefined) this.#progress(run.id, row, event.progress);
        return;
      }
      default: {
        const row = this.#rows.get(run.id);
        if (row?.bar !== undefined) this.#bars?.remove(row.bar);
        this.#rows.delete(run.id);
        const word = event.kind === 'taken' ? 'is left to another process' : event.kind;
        this.#say(`${run.id}: ${word}${event.kind === 'failed' ? `: ${event.reason}` : ''}`);
      }
    }
  }

  stop(): void {
    this.#bars?.stop();
  }

  #progress(id: string, row: Row, progress: Extract<StudyEvent, { kind: 'progress' }>['progress']): void {
    const { done, total, evaluationMean, lastReturn } = progress;
    row.before ??= done;
    const speed = (done - row.before) / Math.max(1, seconds() - row.started);
    const score = evaluationMean ?? lastReturn;
    const text = [
      ...(score === undefined ? [] : [`return ${score.toFixed(0)}`]),
      ...(speed > 0 ? [`${duration((total - done) / speed)} left`] : []),
    ].join(', ');
    if (this.#bars !== undefined) {
      row.bar ??= this.#bars.create(total, done, { name: shortened(id, 44), text });
      row.bar.setTotal(total);
      row.bar.update(done, { name: shortened(id, 44), text });
      return;
    }
    if (seconds() - row.line < LINE_INTERVAL) return;
    row.line = seconds();
    this.#say(`${id}: ${Math.floor((100 * done) / Math.max(1, total))}%${text === '' ? '' : `, ${text}`}`);
  }

  /** A line above the rows. */
  #say(text: string): void {
    if (this.#bars === undefined) this.#stream.write(`${text}\n`);
    else this.#bars.log(`${text}\n`);
  }
}

/** The end of a run's name tells it from others. */
function shortened(id: string, width: number): string {
  return (id.length > width ? `…${id.slice(id.length - width + 1)}` : id).padEnd(width);
}

function seconds(): number {
  return performance.now() / 1000;
}
