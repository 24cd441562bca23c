/**
 * What commands say: the result on stdout (with `--json` as one object on the last line), everything else on
 * stderr; progress as a row on a terminal and as plain lines elsewhere.
 */
import { endOnce } from '../src/errors.js';
import { progressRow, StatusRows, say, timeLeft } from './statusRows.js';

/** Ends a command's output with its result. */
export function printResult(json: boolean | undefined, result: object, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(result) : endOnce(text)}\n`);
}

export function note(text: string): void {
  say(endOnce(text));
}

export interface Progress {
  update(done: number, total: number): void;
  stop(): void;
}

/** Plain lines come at every tenth of the way. */
export function progress(label: string): Progress {
  if (process.stderr.isTTY) {
    const rows = new StatusRows();
    let first: { time: number; done: number } | undefined;
    return {
      update(done, total) {
        const time = performance.now() / 1000;
        first ??= { time, done };
        const speed = (done - first.done) / (time - first.time);
        rows.show([
          progressRow(rows.columns, label, done / Math.max(1, total), [
            [`${done}/${total}`],
            ...(speed > 0 ? [timeLeft((total - done) / speed)] : []),
          ]),
        ]);
      },
      stop: rows.clear,
    };
  }
  let tenths = 0;
  return {
    update(done, total) {
      const now = Math.floor((10 * done) / total);
      if (now > tenths) note(`${label} ${done}/${total}`);
      tenths = now;
    },
    stop: () => {},
  };
}

/** A mean return with its 95% interval, which one episode alone does not have. */
export function meanWords(
  { mean, ci95 }: { readonly mean: number; readonly ci95: readonly [number, number] },
  episodes: number,
): string {
  const interval = episodes > 1 ? ` (95% ${ci95[0].toFixed(1)} to ${ci95[1].toFixed(1)})` : '';
  return `${mean.toFixed(1)}${interval}`;
}

/** A mean with the least and the greatest; '' where there is none. One number has no range. */
export function rangeWords(
  mean: number | null,
  least: number | null,
  greatest: number | null,
  count: number,
): string {
  if (mean === null || least === null || greatest === null) return '';
  const range = count > 1 ? ` (${least.toFixed(1)} to ${greatest.toFixed(1)})` : '';
  return `, return ${mean.toFixed(1)}${range}`;
}
