/** Flags and help that commands have in common. Those of a run's settings are made from their schema in settingFlags.ts. */
import { type Command, InvalidArgumentError, Option } from 'commander';

/** Examples under a command's help. */
export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
}

/** A whole number from a flag, in a range. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(
        max === Number.MAX_SAFE_INTEGER
          ? `Expected a whole number of at least ${min}.`
          : `Expected a whole number from ${min} to ${max}.`,
      );
    return value;
  };
}

/** A number from a flag. */
export function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** A number above 0 from a flag. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

/**
 * Episodes from one part of a flag, first and end: "3:7" is [3, 7], ":7" begins with the first, "3:" goes to the last.
 * @returns undefined where it is no such range, or an empty one
 */
export function rangeOfEpisodes(text: string): [number, number] | undefined {
  const match = /^(\d*):(\d*)$/.exec(text);
  const [from, to] = [Number(match?.[1] || 0), match?.[2] ? Number(match[2]) : Number.MAX_SAFE_INTEGER];
  return match === null || from >= to ? undefined : [from, to];
}

/** A number between 0 and 1 from a flag. */
export function shareOfOne(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value < 1))
    throw new InvalidArgumentError('Expected a number between 0 and 1, such as 0.1.');
  return value;
}

/** Control steps a second from a flag: what a timer of milliseconds can keep. */
export function controlRate(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0.01 && value <= 1000))
    throw new InvalidArgumentError('Expected a number of control steps a second from 0.01 to 1000.');
  return value;
}

/** Where the native engine computes, for the benches; runs have it among their settings. */
export function deviceOption(): Option {
  return new Option('--device <name>', 'where the torch engine computes; auto: the GPU where it has one')
    .choices(['auto', 'cpu', 'cuda'])
    .default('auto');
}

/** How many threads play episodes; no result depends on it. */
export function workersOption(): Option {
  return new Option(
    '--workers <number>',
    'threads that play episodes; the result is the same for any number (default: one a core)',
  ).argParser(wholeNumber(1, 1024));
}
