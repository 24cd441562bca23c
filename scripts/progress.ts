/** How far a run is, for whoever watches: a bar on a terminal, a plain line now and then elsewhere. */
import { Presets, SingleBar } from 'cli-progress';
import type { Progress } from '../src/training/trainingRun.js';

/** Seconds between two plain lines. */
const LINE_INTERVAL = 10;
/** Speed is measured over this many seconds, so that it follows changes and does not flicker. */
const SPEED_WINDOW = 20;

export class ProgressDisplay {
  #bar: SingleBar | undefined;
  #shown: { phase: Progress['phase']; time: number } | undefined;
  #samples: { time: number; done: number }[] = [];
  #total = -1;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    if (stream.isTTY) {
      this.#bar = new SingleBar(
        { stream, format: '{bar} {percentage}% | {text}', hideCursor: true, clearOnComplete: false },
        Presets.shades_classic,
      );
    }
  }

  update(progress: Progress): void {
    const now = performance.now() / 1000;
    const isNewTotal = progress.total !== this.#total;
    if (isNewTotal) this.#samples = [];
    this.#total = progress.total;
    const last = this.#samples.at(-1);
    if (last === undefined || now - last.time > 0.25) {
      this.#samples.push({ time: now, done: progress.done });
      while ((this.#samples[0]?.time ?? now) < now - SPEED_WINDOW) this.#samples.shift();
    }
    const interval = this.#bar === undefined ? LINE_INTERVAL : 0.25;
    const isNewPhase = this.#shown?.phase !== progress.phase;
    if (!isNewPhase && now - (this.#shown?.time ?? 0) < interval && progress.done < progress.total) return;
    this.#shown = { phase: progress.phase, time: now };
    const text = this.#describe(progress);
    if (this.#bar === undefined) {
      process.stderr.write(`${text}\n`);
      return;
    }
    if (isNewTotal || !this.#bar.isActive) this.#bar.start(progress.total, progress.done, { text });
    else this.#bar.update(progress.done, { text });
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #describe(progress: Progress): string {
    const { phase, done, total, lastReturn, evaluationMean } = progress;
    const unit = progress.agentSteps === 0 && phase !== 'training' ? 'updates' : 'env frames';
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    const speed =
      first === undefined || last === undefined || last.time <= first.time
        ? 0
        : (last.done - first.done) / (last.time - first.time);
    return [
      `${phase} ${done}/${total} ${unit}`,
      ...(speed > 0 ? [`${speed.toFixed(0)}/s`, `${duration((total - done) / speed)} left`] : []),
      ...(lastReturn === undefined ? [] : [`return ${lastReturn.toFixed(0)}`]),
      ...(evaluationMean === undefined ? [] : [`evaluated ${evaluationMean.toFixed(0)}`]),
    ].join(' | ');
  }
}

export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
