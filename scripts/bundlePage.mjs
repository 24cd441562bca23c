// Checks the page of `rlpd serve` (src/page) as what runs in a browser, and bundles it into dist/page: one module, one
// style sheet, and the fonts that it names.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

/** @throws where the compiler or the bundler reports an error; it has printed it. */
export function bundlePage(root) {
  const [source, output] = [join(root, 'src/page'), join(root, 'dist/page')];
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', source], {
    stdio: 'inherit',
  });
  rmSync(output, { recursive: true, force: true });
  buildSync({
    entryPoints: { page: join(source, 'main.tsx'), style: join(source, 'style.css') },
    outdir: output,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.woff2': 'file', '.woff': 'empty' },
    logLevel: 'warning',
  });
  for (const file of ['index.html', 'icon.svg']) cpSync(join(source, file), join(output, file));
}
