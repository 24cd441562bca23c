/** `rlpd setup`: the set-up of scripts/setup.mjs, from wherever this program is installed. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { examples } from './settings.js';

interface Flags {
  readonly native: boolean;
  readonly torchFromPip?: boolean;
}

/** From dist/scripts. It ships as it is, since a clone runs it before anything is compiled. */
const script = fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url));

export const setupCommand = examples(
  new Command('setup')
    .option(
      '--torch-from-pip',
      'let pip lay torch into a folder of this program, for want of another libtorch',
    )
    .option('--no-native', 'leave the native parts out'),
  ['rlpd setup', 'rlpd setup --torch-from-pip', 'LIBTORCH=/path/to/libtorch rlpd setup'],
).action(({ native, torchFromPip }: Flags) => {
  const flags = [...(native ? [] : ['--no-native']), ...(torchFromPip === true ? ['--torch-from-pip'] : [])];
  const { status } = spawnSync(process.execPath, [script, ...flags], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
});
