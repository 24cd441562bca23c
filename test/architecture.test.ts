/** The sources keep to the table of ARCHITECTURE.md: which folder may import which, and where types alone. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const groundFloor = ['src/errors.js', 'src/random', 'src/files'];

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

test('every import between folders is one that ARCHITECTURE.md allows', () => {
  const rules = readRules();
  const files = ['src', 'envs', 'encoders', 'datasets', 'scripts', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => posix.join(folder, name.replaceAll('\\', '/'))),
  );
  const violations: string[] = [];
  let checked = 0;
  for (const file of files) {
    const from = folderOf(file);
    const source = readFileSync(join(root, file), 'utf8');
    for (const [, types, path = ''] of source.matchAll(
      /^(?:import|export)( type)?\s[^;']*?from '(\.[^']+)';/gm,
    )) {
      const target = posix.join(posix.dirname(file), path);
      const to = folderOf(target);
      if (from === to || from === 'src/index.ts') continue;
      checked++;
      const rule = rules.get(from);
      const allowed =
        rule?.all === true ||
        ((rule !== undefined || isOnGround(file)) && isOnGround(target)) ||
        rule?.folders.includes(to) === true ||
        (types !== undefined && rule?.types.includes(to) === true);
      if (!allowed) violations.push(`${file} imports ${target}${types === undefined ? '' : ' (types)'}`);
    }
  }
  assert.ok(checked > 100, `only ${checked} imports were found`);
  assert.deepEqual(violations, []);
});
