// Makes this program ready to use: in a clone the npm packages, the compiled program and the native parts; in an
// installed package, which has the first two, the native parts. Each step is taken only where something is missing, and
// is announced before it is taken; with nothing missing it is silent and takes a fraction of a second.
//   --no-native        leaves the native parts out
//   --torch-from-pip   lets pip lay torch into build/torch, for want of another libtorch or of root
//   --for-tests        also installs the programs that single tests need
// LIBTORCH and RLPD_TORCH_PYTHON choose the libtorch (scripts/native.mjs).
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isClone, root, setupCommand } from './installation.mjs';
import { setUpNative } from './nativeSetup.mjs';
import { installTestPrograms } from './systemPackages.mjs';

const flags = ['--no-native', '--torch-from-pip', '--for-tests'];
const given = new Set(process.argv.slice(2));

checkArguments();
checkNode();
try {
  if (isClone) await setUpClone();
  if (given.has('--for-tests')) installTestPrograms(say);
  if (!given.has('--no-native')) {
    const torchFromPip = given.has('--torch-from-pip');
    if (!(await setUpNative({ say, torchFromPip }))) process.exitCode = 1;
  }
} catch (error) {
  say(`The set-up stopped: ${error.message}`);
  process.exitCode = 1;
}

function checkArguments() {
  const unknown = [...given].find((argument) => !flags.includes(argument));
  if (unknown === undefined) return;
  say(`Unknown argument ${unknown}. Usage: ${setupCommand(...flags.map((flag) => `[${flag}]`))}`);
  process.exit(2);
}

function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [oldestMajor, oldestMinor] = engines.node.match(/\d+/g).map(Number);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  say(
    `Node ${oldestMajor}.${oldestMinor} or newer is needed; this is ${process.versions.node} (nodejs.org, nvm and fnm have newer ones).`,
  );
  process.exit(1);
}

async function setUpClone() {
  if (!packagesMatchLock()) {
    say('Installing the npm packages (npm ci)');
    npm(['ci', '--loglevel=error', '--no-fund', '--no-audit']);
  }
  const { build, buildIsCurrent } = await import('./build.mjs');
  if (!buildIsCurrent()) {
    say('Compiling the TypeScript');
    build();
  }
}

/**
 * Whether node_modules holds what the lock file lists: npm keeps its own account of what it installed there, last of
 * all, so an interrupted installation has none. An optional package may be absent, but not in another version.
 */
function packagesMatchLock() {
  const account = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(account)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(account, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    return installed[path] ? installed[path].version === entry.version : entry.optional === true;
  });
}

function npm(commandLine) {
  // Under `npm test` this is the very npm that runs; `npm` may not even be on the path.
  const running = process.env.npm_execpath;
  if (running?.endsWith('.js'))
    execFileSync(process.execPath, [running, ...commandLine], { cwd: root, stdio: 'inherit' });
  else execFileSync('npm', commandLine, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
}

function say(line) {
  console.error(line);
}
