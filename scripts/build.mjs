// Compiles the TypeScript into dist/ and lays the files it reads or ships (MuJoCo models, trained experts, the server of
// remote environments) beside the compiled modules, so that `new URL('./walker.xml', import.meta.url)` holds in both
// places. What runs in a browser goes into dist/page (bundlePage.mjs).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundlePage } from './bundlePage.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(root, 'dist');
const stamp = join(output, '.sources');
const sourceFolders = ['src', 'envs', 'encoders', 'datasets', 'scripts', 'test'];
const assetFolders = ['envs', 'datasets'];
const pageFolder = 'src/page';
const assetEndings = ['.xml', '.stl', '.obj', '.safetensors', '.json', '.py'];

/** Whether dist/ was made from exactly the sources that are here now. */
export function buildIsCurrent() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === sourceHash();
}

/** @throws where the compiler reports an error; it has printed it. */
export function build() {
  rmSync(stamp, { force: true });
  removeOrphans();
  const hash = sourceHash();
  // What runs in a browser is compiled as such.
  for (const project of [root, join(root, 'src/web/page')])
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], {
      stdio: 'inherit',
    });
  bundlePage(root);
  for (const path of filesOf(assetFolders).filter(isAsset)) {
    mkdirSync(dirname(join(output, path)), { recursive: true });
    cpSync(join(root, path), join(output, path));
  }
  writeFileSync(stamp, hash);
}

function sourceHash() {
  const digest = createHash('sha256');
  const sources = filesOf(sourceFolders).filter((path) => path.endsWith('.ts') || isAsset(path));
  const page = filesOf([pageFolder]).filter((path) => !sources.includes(path));
  for (const path of [
    'tsconfig.json',
    'src/web/page/tsconfig.json',
    'package-lock.json',
    ...[...sources, ...page].sort(),
  ]) {
    digest.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  }
  return digest.digest('hex');
}

/** A compiled module whose source was moved or deleted would go on being imported, or run as a test. */
function removeOrphans() {
  for (const path of filesOf(sourceFolders, output)) {
    const source = path.replace(/(\.js|\.js\.map|\.d\.ts)$/, '.ts');
    if (!existsSync(join(root, source)) && !existsSync(join(root, path))) rmSync(join(output, path));
  }
}

function isAsset(path) {
  return (
    assetFolders.some((folder) => path.startsWith(folder)) &&
    assetEndings.some((ending) => path.endsWith(ending))
  );
}

/** Every file below the folders, as paths from `base`. */
function filesOf(folders, base = root) {
  return folders
    .filter((folder) => existsSync(join(base, folder)))
    .flatMap((folder) =>
      readdirSync(join(base, folder), { withFileTypes: true }).flatMap((entry) => {
        const path = `${folder}/${entry.name}`;
        return entry.isDirectory() ? filesOf([path], base) : [path];
      }),
    );
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    build();
  } catch {
    process.exitCode = 1;
  }
}
