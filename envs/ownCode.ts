/**
 * What a module of one's own throws becomes a sentence with the module's path, whatever it throws: a program may throw
 * a text, an object or null as well as an error.
 */
import { InputError, thrownWords } from '../src/errors.js';
import type { SuiteTask } from './suite/task.js';

/** @throws InputError in place of what `act` throws; one that says what to do passes as it is */
export function callingOwn<Result>(what: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw ownFailure(what, error);
  }
}

/** @param what as "./lift.mjs fails when it is loaded" */
export function ownFailure(what: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  return new InputError(`${what}: ${thrownWords(error)}${placeOf(error)}.`, { cause: error });
}

/** The task whose functions throw nothing else. @param module its path */
export function heldToSentences(task: SuiteTask, module: string): SuiteTask {
  const name = `The task ${task.name} of ${module}`;
  return {
    ...task,
    bind: (simulation) => {
      const bound = callingOwn(`${name} cannot be set up`, () => task.bind(simulation));
      // What it lacks is said by whoever needs it.
      if (typeof bound !== 'object' || bound === null) return bound;
      const held = { ...bound };
      for (const key of [
        'initialise',
        'observe',
        'reward',
        'terminated',
        'success',
        'demonstrate',
      ] as const) {
        const own: unknown = bound[key];
        if (typeof own !== 'function') continue;
        const call = (...values: unknown[]): unknown =>
          callingOwn(`${name} fails in its ${key}()`, () => own.apply(bound, values));
        Object.assign(held, { [key]: call });
      }
      return held;
    },
  };
}

/** Where this package's own code lies. */
const PACKAGE = new URL('..', import.meta.url).href;

/** File and line of the author's, from an error's stack. */
function placeOf(error: unknown): string {
  const frames = error instanceof Error ? (error.stack ?? '').split('\n') : [];
  for (const frame of frames) {
    const [, url, line] = /(file:.*?):(\d+):\d+\)?$/.exec(frame) ?? [];
    if (url !== undefined && !url.startsWith(PACKAGE))
      return ` (${url.slice(url.lastIndexOf('/') + 1)}, line ${line})`;
  }
  return '';
}
