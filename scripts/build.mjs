// Compiles the TypeScript into dist/ and lays the files it reads at run time (MuJoCo models, worker assets)
// beside the compiled modules, so that `new URL('./walker.xml', import.meta.url)` holds in both places.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Folders whose non-TypeScript files are part of the program. */
const assetFolders = ['envs', 'datasets'];
const assetEndings = ['.xml', '.stl', '.obj', '.safetensors', '.json'];

execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', root], {
  stdio: 'inherit',
});
for (const folder of assetFolders) copyAssets(join(root, folder), join(root, 'dist', folder));

function copyAssets(source, target) {
  if (!existsSync(source)) return;
  for (const name of readdirSync(source)) {
    const from = join(source, name);
    if (statSync(from).isDirectory()) copyAssets(from, join(target, name));
    else if (assetEndings.some((ending) => name.endsWith(ending))) cpSync(from, join(target, name));
  }
}
