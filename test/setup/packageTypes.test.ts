/**
 * The package's types as a program sees them that has no other library's but zod's and Node's: strict, with libraries
 * checked, on an older and on the newest compiler.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'rlpd-types-'));
after(() => rmSync(project, { recursive: true }));

const put = (name: string, text: string): void => writeFileSync(join(project, name), text);

before(() => {
  execFileSync('npm', ['pack', root, '--ignore-scripts', '--silent', '--pack-destination', project]);
  const file = readdirSync(project).find((name) => name.endsWith('.tgz')) ?? '';
  mkdirSync(join(project, 'node_modules', 'rlpd-pixels'), { recursive: true });
  const unpacking = ['-xzf', file, '-C', join('node_modules', 'rlpd-pixels'), '--strip-components', '1'];
  execFileSync('tar', unpacking, { cwd: project });
  for (const name of ['zod', '@types/node', 'undici-types'])
    cpSync(join(root, 'node_modules', name), join(project, 'node_modules', name), { recursive: true });
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const program = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
  assert.match(program, /loadPolicy.*act\(/s);
  put('program.ts', program);
  put('all.ts', `export * from 'rlpd-pixels';`);
  put(
    'wrong.ts',
    `import { resolveConfig, type RunSettings } from 'rlpd-pixels';
export const right: RunSettings = { task: 'walker-walk', batchSize: 64, offlineMode: 'none' };
// @ts-expect-error no such setting
export const misspelt: RunSettings = { task: 'walker-walk', batchSiz: 64 };
// @ts-expect-error no number
resolveConfig({ preset: 'rlpd', flags: { task: 'walker-walk', batchSize: '64' } });
`,
  );
  put('package.json', '{"private":true,"type":"module"}');
  const compilerOptions = {
    ...{ strict: true, skipLibCheck: false, exactOptionalPropertyTypes: true, noEmit: true },
    ...{ target: 'es2022', lib: ['es2023'], module: 'nodenext', types: ['node'] },
  };
  put('tsconfig.json', JSON.stringify({ compilerOptions, files: ['program.ts', 'all.ts', 'wrong.ts'] }));
});

for (const [version, compiler] of [
  ['5.9', 'typescript-5'],
  ['7', 'typescript'],
] as const) {
  test(`the README’s program compiles under TypeScript ${version}, strict, libraries checked, and a wrong setting does not`, () => {
    const tsc = join(root, 'node_modules', compiler, 'bin', 'tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
    assert.equal(stdout, '');
    assert.equal(status, 0);
  });
}
