// Where this program lies: in a clone, whose set-up also installs the packages and compiles the sources, or in the
// node_modules of whoever installed it, where both have been done and what it can do is build the native parts.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A package ships without what it was compiled by. */
export const isClone = existsSync(join(root, 'tsconfig.json'));

/** The set-up as a person would type it here, with further flags such as "--no-native". */
export function setupCommand(...flags) {
  const command = isClone ? 'npm run setup' : 'npx rlpd setup';
  if (flags.length === 0) return command;
  return `${command} ${isClone ? '-- ' : ''}${flags.join(' ')}`;
}
