/**
 * Programs that single tests need; `npm test` installs them where it may (scripts/systemPackages.mjs). A test is
 * skipped for want of one on a person's machine alone: in CI it then runs, and fails.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestOptions } from 'node:test';

/** Where the first of the names lies that is on the path. */
export function findProgram(...names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const places = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Options of a test that needs what `findProgram` looked for. */
export function needing(program: string | undefined, name: string): TestOptions {
  if (program !== undefined || process.env.CI !== undefined) return {};
  return { skip: `${name} is not installed here (Debian: apt-get install ${name})` };
}
