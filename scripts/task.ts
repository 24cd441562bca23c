/** `rlpd task new`: the files of a task of one's own, to be changed from there. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Command } from 'commander';
import { suiteNames } from '../envs/suite/registry.js';
import { InputError } from '../src/errors.js';
import { writeFileAtomic } from '../src/files/atomicFile.js';
import { makeFolder } from '../src/files/makeFolder.js';
import { printResult } from './console.js';
import { examples } from './settings.js';
import { taskTemplate } from './taskTemplate.js';

interface Flags {
  readonly folder: string;
  readonly json?: boolean;
}

const newCommand = examples(
  new Command('new')
    .description('write a task that works: a model, the task, and how to use them')
    .argument('<name>', 'its name, such as lift')
    .option('--folder <folder>', 'where its files are put', 'tasks')
    .option('--json', 'print the result as one JSON object on the last line'),
  ['rlpd task new lift'],
).action(async (name: string, { folder, json }: Flags) => {
  if (!/^[a-z][\w-]*$/i.test(name))
    throw new InputError(
      `"${name}" cannot be a task's name: expected letters, digits, "-" and "_", a letter first.`,
    );
  if (suiteNames.has(name))
    throw new InputError(`The suite has a task named "${name}": choose another name.`);
  const files = { module: join(folder, `${name}.mjs`), model: join(folder, `${name}.xml`) };
  const taken = Object.values(files).find((file) => existsSync(file));
  if (taken !== undefined)
    throw new InputError(`${taken} is there already: choose another name, or --folder.`);
  const task = asReference(files.module);
  const { module, model, readme } = taskTemplate(name, task);
  await makeFolder(folder);
  await writeFileAtomic(files.model, model);
  await writeFileAtomic(files.module, module);
  const guide = join(folder, 'README.md');
  const before = existsSync(guide) ? `${(await readFile(guide, 'utf8')).trimEnd()}\n\n` : '# Tasks\n\n';
  await writeFileAtomic(guide, `${before}${readme}`);
  printResult(
    json,
    { task, files: [files.module, files.model, guide] },
    [
      `Written: ${files.module}, ${files.model}, and a section of ${guide}.`,
      `See it:   rlpd tasks --task ${task} --sheet ${name}.png`,
      `Learn it: rlpd train --task ${task} --preset online-only --out runs/${name}`,
    ].join('\n'),
  );
});

export const taskCommand = new Command('task').addCommand(newCommand);

/** As `--task` takes it from the working folder. */
function asReference(file: string): string {
  const path = relative('.', file).split(sep).join('/');
  return path.startsWith('..') ? path : `./${path}`;
}
