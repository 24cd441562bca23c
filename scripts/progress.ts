/** How far a run is, for whoever watches: a row on a terminal, a plain line now and then elsewhere. */
import { percent } from '../src/training/successRate.js';
import type { Progress } from '../src/training/trainingRun.js';
import { duration } from './duration.js';
import { progressRow, StatusRows, timeLeft } from './statusRows.js';

/** Seconds between two plain lines, and between two pictures of the row. */
const LINE_INTERVAL = 10;
const ROW_INTERVAL = 0.25;
/** Speed is measured over this many seconds, so that it follows changes and does not flicker. */
const SPEED_WINDOW = 20;

export class ProgressDisplay {
  readonly #stream: NodeJS.WriteStream;
  readonly #rows: StatusRows | undefined;
  #shown: { phase: Progress['phase']; time: number } | undefined;
  #samples: { time: number; done: number }[] = [];
  #total = -1;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
    if (stream.isTTY) this.#rows = new StatusRows(stream);
  }

  update(progress: Progress): void {
    const now = performance.now() / 1000;
    if (progress.total !== this.#total) this.#samples = [];
    this.#total = progress.total;
    const last = this.#samples.at(-1);
    if (last === undefined || now - last.time > 0.25) {
      this.#samples.push({ time: now, done: progress.done });
      while ((this.#samples[0]?.time ?? now) < now - SPEED_WINDOW) this.#samples.shift();
    }
    const interval = this.#rows === undefined ? LINE_INTERVAL : ROW_INTERVAL;
    const isNewPhase = this.#shown?.phase !== progress.phase;
    if (!isNewPhase && now - (this.#shown?.time ?? 0) < interval && progress.done < progress.total) return;
    this.#shown = { phase: progress.phase, time: now };
    if (this.#rows === undefined) this.#stream.write(`${runLine(progress, this.#speed)}\n`);
    else this.#rows.show([runRow(progress, this.#speed, this.#rows.columns)]);
  }

  stop(): void {
    this.#rows?.clear();
  }

  /** Of what `done` counts, a second; 0 where it is not known yet. */
  get #speed(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    return first === undefined || last === undefined || last.time <= first.time
      ? 0
      : (last.done - first.done) / (last.time - first.time);
  }
}

/** A run's row at the foot of a terminal with so many columns. */
export function runRow(progress: Progress, speed: number, columns: number): string {
  const { phase, done, total, unit } = progress;
  return progressRow(columns, phase, done / Math.max(1, total), [
    [`${done}/${total} ${unit}`, ''],
    ...(speed > 0 ? [[`${rounded(speed)}/s`], timeLeft((total - done) / speed)] : []),
    ...scores(progress).map((score) => [score]),
  ]);
}

function runLine(progress: Progress, speed: number): string {
  const { phase, done, total, unit } = progress;
  return [
    `${phase} ${done}/${total} ${unit}`,
    ...(speed > 0 ? [`${rounded(speed)}/s`, `${duration(Math.max(0, total - done) / speed)} left`] : []),
    ...scores(progress),
  ].join(' | ');
}

/** The return of the last episode of training, and the mean and success rate of the last evaluation. */
function scores({ lastReturn, evaluationMean, evaluationSuccess }: Progress): string[] {
  return [
    ...(lastReturn === undefined ? [] : [`return ${rounded(lastReturn)}`]),
    ...(evaluationMean === undefined ? [] : [`score ${rounded(evaluationMean)}`]),
    ...(evaluationSuccess === undefined ? [] : [`success ${percent(evaluationSuccess)}`]),
  ];
}

/** Three digits tell enough: 0.42, 5.1, 774. */
export function rounded(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 10 || size === 0 ? 0 : size >= 1 ? 1 : 2);
}
