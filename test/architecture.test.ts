/**
 * The sources keep to ARCHITECTURE.md: which folder may import which, and where types alone, stands in its table; files
 * import each other in no circle.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const groundFloor = ['src/errors.ts', 'src/words.ts', 'src/random', 'src/files'];

interface Rule {
  readonly all: boolean;
  readonly folders: readonly string[];
  readonly types: readonly string[];
}

/** Rows such as "| `src/nn/` | … | `src/backend`; types of `encoders` |". */
function readRules(): Map<string, Rule> {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const rules = new Map<string, Rule>();
  for (const [, folder = '', may = ''] of text.matchAll(/^\| `([\w/]+)\/` \|.*\| ([^|]*) \|$/gm)) {
    const [folders = [], types = []] = may
      .split('types of')
      .map((part) => [...part.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
    rules.set(folder, { all: may === 'everything', folders, types });
  }
  return rules;
}

function isOnGround(path: string): boolean {
  return groundFloor.some((name) => path.startsWith(name));
}

function folderOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'src' ? `src/${second}` : top;
}

interface Import {
  /** File that is imported, from the root. */
  readonly target: string;
  /** Whether the import as a whole is one of types. */
  readonly isOfTypes: boolean;
}

const comments = /\/\*[\s\S]*?\*\/|\/\/.*|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/g;
const statements = /^\s*(?:import|export)(\s+type)?(?:\s*[\w$*{},\s]*\sfrom)?\s*['"](\.[^'"]*)['"]/gm;
const calls = /\b(typeof\s+)?import\(\s*['"](\.[^'"]*)['"]/g;

/** What a file imports of ours: by `import` and `export … from`, as types too, and by `import()`. */
function importsOf(file: string, source: string): Import[] {
  // A comment may quote an import or stand in the middle of one; a string may hold what looks like a comment.
  const code = source.replace(comments, (_, string: string | undefined) => string ?? '');
  return [...code.matchAll(statements), ...code.matchAll(calls)].map(([, type, path = '']) => ({
    target: sourceOf(posix.join(posix.dirname(file), path)),
    isOfTypes: type !== undefined,
  }));
}

/** A module is imported by the name that it has when it is compiled. */
function sourceOf(path: string): string {
  const [source, withElements] = [path.replace(/\.js$/, '.ts'), path.replace(/\.js$/, '.tsx')];
  return existsSync(join(root, withElements)) ? withElements : source;
}

function readImports(): Map<string, Import[]> {
  const files = ['src', 'envs', 'encoders', 'datasets', 'scripts', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|tsx|mjs)$/.test(name))
      .map((name) => posix.join(folder, name.replaceAll('\\', '/'))),
  );
  return new Map(files.map((file) => [file, importsOf(file, readFileSync(join(root, file), 'utf8'))]));
}

/** Strongly connected files: those of a circle reach each other, and itself each, along imports. */
function circlesOf(imports: ReadonlyMap<string, readonly Import[]>): string[][] {
  const files = [...imports.keys()];
  const reached = new Map(files.map((file) => [file, reachableFrom(file, imports)]));
  const reaches = (from: string, to: string) => reached.get(from)?.has(to) === true;
  const circles = files
    .filter((file) => reaches(file, file))
    .map((file) => files.filter((other) => reaches(file, other) && reaches(other, file)));
  return circles.filter((circle, i) => circles.findIndex(([first]) => first === circle[0]) === i);
}

/** Every file that a file imports, and those that these import, and so on. */
function reachableFrom(start: string, imports: ReadonlyMap<string, readonly Import[]>): Set<string> {
  const reached = new Set<string>();
  const pending = [start];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    for (const { target } of imports.get(file) ?? []) {
      if (reached.has(target)) continue;
      reached.add(target);
      pending.push(target);
    }
  }
  return reached;
}

test('every import between folders is one that ARCHITECTURE.md allows', () => {
  const rules = readRules();
  const violations: string[] = [];
  let checked = 0;
  for (const [file, imports] of readImports()) {
    const from = folderOf(file);
    for (const { target, isOfTypes } of imports) {
      const to = folderOf(target);
      if (from === to || from === 'src/index.ts') continue;
      checked++;
      const rule = rules.get(from);
      const allowed =
        rule?.all === true ||
        ((rule !== undefined || isOnGround(file)) && isOnGround(target)) ||
        rule?.folders.includes(to) === true ||
        (isOfTypes && rule?.types.includes(to) === true);
      if (!allowed) violations.push(`${file} imports ${target}${isOfTypes ? ' (types)' : ''}`);
    }
  }
  assert.ok(checked > 100, `only ${checked} imports were found`);
  assert.deepEqual(violations, []);
});

test('no circle of files', () => {
  const circles = circlesOf(readImports());
  assert.deepEqual(
    circles.map((circle) => circle.join(' ↔ ')),
    [],
  );
});

test('every way of importing is seen, and what only looks like one is not', () => {
  const source = `
    /* import { no } from './comment.js'; */
    // export * from './line.js';
    import './effects.js';
    import sharp, { type Sharp } from 'sharp';
    import a, { type B } from './value.js';
    import type { C } from '../types.js';
    import {
      d, // the fourth, it's said
      e as f,
    } from "./lines.js";
    const glob = 'envs/*.xml';
    export * as g from './space.js';
    export type {
      H,
    } from './exportedTypes.js';
    const text = '/* import */ http://example.org';
    export const i = await import('./lazy.js');
    type J = typeof import(
      './typeOf.js'
    );
    const from = 'import { k } from "./string.js"';
  `;
  const seen = importsOf('src/folder/file.ts', source);
  assert.deepEqual(
    seen.map(({ target, isOfTypes }) => `${target}${isOfTypes ? ' (types)' : ''}`),
    [
      'src/folder/effects.ts',
      'src/folder/value.ts',
      'src/types.ts (types)',
      'src/folder/lines.ts',
      'src/folder/space.ts',
      'src/folder/exportedTypes.ts (types)',
      'src/folder/lazy.ts',
      'src/folder/typeOf.ts (types)',
    ],
  );
});

test('a circle is found whatever leads to it, and each circle once', () => {
  const graph = { a: 'b', b: 'c', c: 'ad', d: 'ef', e: 'e', f: 'g', g: '', h: 'a', i: 'j', j: 'i' };
  const imports = Object.entries(graph).map(([file, targets]): [string, Import[]] => [
    file,
    [...targets].map((target) => ({ target, isOfTypes: false })),
  ]);
  assert.deepEqual(circlesOf(new Map(imports)), [['a', 'b', 'c'], ['e'], ['i', 'j']]);
});
