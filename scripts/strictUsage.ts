/** What commander lets pass, and a person would want to hear of: an option given twice, help for no command. */
import type { Command, Option } from 'commander';

const severalTimes = new WeakSet<Option>();
/** Which option set a property in the command line that is read, by the property: `--x` and `--no-x` set the same. */
const seenBy = new WeakMap<Command, Map<string, Option>>();

/** An option that may be given several times. Its parser gathers the values. */
export function manyTimes(option: Option): Option {
  severalTimes.add(option);
  return option;
}

/**
 * Errors are thrown, and an option of one value that is given twice is one, here and in all commands below. To be
 * called before each command line that a command is to read.
 */
export function beStrict(command: Command): void {
  command.exitOverride();
  // Of 80 columns the longest flag leaves 36 for what it means.
  command.configureHelp({ minWidthToWrap: 24 });
  for (const child of command.commands) beStrict(child);
  const before = seenBy.get(command);
  before?.clear();
  if (before === undefined) refuseTwice(command);
}

function refuseTwice(command: Command): void {
  const seen = new Map<string, Option>();
  seenBy.set(command, seen);
  for (const option of command.options) {
    if (severalTimes.has(option) || option.variadic) continue;
    command.on(`option:${option.name()}`, () => {
      const name = option.attributeName();
      const before = seen.get(name);
      seen.set(name, option);
      const takesValue = option.required || option.optional;
      if (before === undefined || (before === option && !takesValue)) return;
      command.error(
        before === option
          ? `error: option '${option.flags}' was given more than once, and takes one value`
          : `error: options '${before.flags}' and '${option.flags}' were both given`,
      );
    });
  }
}

/**
 * The arguments without those behind a command that does not exist: commander would answer `--help` among them with
 * the help of the group, and no error.
 */
export function upToUnknownCommand(program: Command, args: readonly string[]): readonly string[] {
  let command = program;
  for (const [i, word] of args.entries()) {
    if (command.commands.length === 0) return args;
    // Groups have no options that take a value.
    if (word.startsWith('-')) continue;
    const child = command.commands.find((other) => [other.name(), ...other.aliases()].includes(word));
    if (child !== undefined) command = child;
    // `rlpd help COMMAND` names a command as well.
    else if (word !== 'help') return [...args.slice(0, i).filter(isWord), word];
  }
  return args;
}

/** The commands that a command line may name, from the program's own on: its words before any is a value. */
export function commandWords(args: readonly string[]): readonly string[] {
  return args.filter(isWord);
}

function isWord(text: string): boolean {
  return !text.startsWith('-') && text !== 'help';
}
