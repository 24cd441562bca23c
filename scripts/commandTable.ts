/**
 * Commands by name, each with its line in the help. The module of one is loaded when that one is asked for: to list
 * them, or to say that there is no such command, takes none.
 */
import { Command } from 'commander';

export interface CommandEntry {
  /** One line without a full stop, as the help has it. */
  readonly description: string;
  /** The command, without a description. `words` are the names that follow its own on the command line. */
  readonly load: (words: readonly string[]) => Promise<Command> | Command;
}

/**
 * Adds all of the table to a group, the one that is asked for whole, the others with their names and lines alone.
 * @param words names on the command line from this group on, such as `['update']`
 */
export async function addCommands(
  group: Command,
  table: Readonly<Record<string, CommandEntry>>,
  [asked, ...rest]: readonly string[],
): Promise<Command> {
  for (const [name, { description, load }] of Object.entries(table)) {
    const command = name === asked ? await load(rest) : new Command(name);
    group.addCommand(command.description(description));
  }
  return group;
}
