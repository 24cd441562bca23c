/** Ctrl-C, SIGTERM, the end of the terminal and a stop key, for commands that have something to bring to an end first. */
import { constants } from 'node:os';
import { note } from './console.js';

/** As a terminal hands it on that hands on every key. */
const CTRL_C = 3;

/** What is used of `process.stdin`, where that is a terminal. */
export type Keyboard = Pick<NodeJS.ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'resume' | 'pause'>;

export interface Stopping {
  readonly signal: AbortSignal;
  readonly dispose: () => void;
}

/**
 * The first signal aborts; a second one ends the process at once.
 * @param what what is done before the end, for the line that says so
 * @param keyboard on which any key does what the first signal does, where it is a terminal; default: none
 */
export function stopOnSignals(what: string, keyboard?: Keyboard): Stopping {
  const controller = new AbortController();
  const stop = (): void => {
    // Over the ^C that the terminal has put there.
    note(`${process.stderr.isTTY ? '\r' : ''}Stopping: ${what}. Once more to stop without.`);
    controller.abort();
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
    stop();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, onSignal);
  // A terminal that hands on every key makes no signal of Ctrl-C. A key that is held down comes many times.
  const onKeys = (keys: Buffer): void => {
    if (keys.includes(CTRL_C)) onSignal('SIGINT');
    else if (!controller.signal.aborted) stop();
  };
  if (keyboard?.isTTY) {
    keyboard.setRawMode(true);
    keyboard.on('data', onKeys).resume();
  }
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of names) process.off(name, onSignal);
      if (!keyboard?.isTTY) return;
      keyboard.off('data', onKeys).pause();
      keyboard.setRawMode(false);
    },
  };
}
