/**
 * What commands say: the result on stdout (with `--json` as one object on the last line), everything else on
 * stderr; progress as a bar on a terminal and as plain lines elsewhere.
 */
import { Presets, SingleBar } from 'cli-progress';

/** Ends a command's output with its result. */
export function printResult(json: boolean | undefined, result: object, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(result) : text}\n`);
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export interface Progress {
  update(done: number, total: number): void;
  stop(): void;
}

/** Plain lines come at every tenth of the way. */
export function progress(label: string): Progress {
  if (process.stderr.isTTY) {
    const bar = new SingleBar(
      { format: `${label} {bar} {value}/{total} · {eta_formatted} left`, hideCursor: true },
      Presets.shades_classic,
    );
    let started = false;
    return {
      update(done, total) {
        if (!started) bar.start(total, 0);
        started = true;
        bar.update(done);
      },
      stop: () => bar.stop(),
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

/** A number of things in words: "1 episode", "2 episodes". */
export function counted(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}

/** 1234567 → "1.2 MB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toPrecision(3)} ${units[power]}`;
}
