/** Ctrl-C, SIGTERM and the end of the terminal, for commands that have something to bring to an end first. */
import { constants } from 'node:os';
import { note } from './console.js';

/**
 * The first signal aborts; a second one ends the process at once.
 * @param what what is done before the end, for the line that says so
 */
export function stopOnSignals(what: string): { readonly signal: AbortSignal; readonly dispose: () => void } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
    // Over the ^C that the terminal has put there.
    note(`${process.stderr.isTTY ? '\r' : ''}Stopping: ${what}. Once more to stop without.`);
    controller.abort();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
