// Builds the addon that unpacks deflate streams by libdeflate (datasets/native) into build/rlpd_inflate.node. Where
// libdeflate or a compiler is missing there is none, and Node's zlib does the same more slowly.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './installation.mjs';
import { apiHeaders, findCompiler } from './native.mjs';

const source = join('datasets', 'native', 'inflate.cpp');
const binary = join(root, 'build', 'rlpd_inflate.node');
const stamp = join(root, 'build', 'rlpd_inflate.json');
/** Where Homebrew keeps what it installs, beside the compiler's own places. */
const prefixes = ['/usr', '/usr/local', '/opt/homebrew'];

/**
 * @returns {{ missing: boolean, message: string | undefined }} `missing`: a compiler or libdeflate is not there;
 *   `message`: one line, where something was built or could not be.
 */
export function buildInflate() {
  const key = createHash('sha256')
    .update(process.arch)
    .update(readFileSync(fileURLToPath(import.meta.url)))
    .update(readFileSync(join(root, source)))
    .digest('hex');
  // What is up to date is good without a compiler.
  if (isCurrent(key)) return { missing: false, message: undefined };
  const prefix = prefixes.find((folder) => existsSync(join(folder, 'include', 'libdeflate.h')));
  const compiler = prefix && findCompiler();
  if (!compiler) return { missing: true, message: undefined };
  const flags = ['-std=c++17', '-O2', '-fPIC', '-DNAPI_VERSION=8', '-Wall', '-Wextra', '-shared'];
  if (process.platform === 'darwin') flags.push('-undefined', 'dynamic_lookup');
  if (prefix !== '/usr') flags.push(`-I${join(prefix, 'include')}`, `-L${join(prefix, 'lib')}`);
  flags.push('-isystem', apiHeaders() ?? '');
  mkdirSync(dirname(binary), { recursive: true });
  // Written aside: another process may be building, or loading it, at the same time.
  const partial = `${binary}.${process.pid}.part`;
  try {
    execFileSync(compiler.command, [...flags, source, '-o', partial, '-ldeflate'], {
      cwd: root,
      stdio: 'pipe',
    });
    renameSync(partial, binary);
    writeFileSync(stamp, `${JSON.stringify({ key })}\n`);
    return { missing: false, message: 'Datasets are unpacked by libdeflate.' };
  } catch (error) {
    rmSync(partial, { force: true });
    const reason = /^.*error.*$/m.exec(String(error.stderr ?? ''))?.[0] ?? error.message.split('\n')[0];
    return {
      missing: false,
      message: `Datasets are unpacked by zlib; libdeflate could not be used: ${reason}`,
    };
  }
}

function isCurrent(key) {
  try {
    return existsSync(binary) && JSON.parse(readFileSync(stamp, 'utf8')).key === key;
  } catch {
    return false;
  }
}
