// Makes a fresh clone ready to use: system libraries, npm packages, the compiled program, the native engine.
// Each step is taken only where something is missing, and is announced before it is taken; with nothing missing
// it is silent and takes a fraction of a second. What concerns the native engine alone never fails the set-up:
// without it the program runs on WebAssembly, many times slower. `--no-native` leaves that part out.
// LIBTORCH and RLPD_TORCH_PYTHON choose the libtorch (scripts/native.mjs).
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, buildIsCurrent } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Debian's and Ubuntu's names; the OpenMP flavour of OpenBLAS shares libtorch's thread pool. */
const nativePackages = ['g++', 'libtorch-dev', 'libopenblas0-openmp', 'libdeflate-dev'];

const native = !noNativeAsked();
checkNode();
try {
  if (!packagesMatchLock()) {
    say('Installing the npm packages (npm ci)');
    npm(['ci', '--loglevel=error', '--no-fund', '--no-audit']);
  }
  if (!buildIsCurrent()) {
    say('Compiling the TypeScript');
    build();
  }
  if (native) await setUpNative();
} catch (error) {
  say(`The set-up stopped: ${error.message}`);
  process.exitCode = 1;
}

function noNativeAsked() {
  const unknown = process.argv.slice(2).find((argument) => argument !== '--no-native');
  if (unknown === undefined) return process.argv.includes('--no-native');
  say(`Unknown argument ${unknown}. Usage: node scripts/setup.mjs [--no-native]`);
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

async function setUpNative() {
  const { binary, buildNative } = await import('./native.mjs');
  const { buildInflate } = await import('./inflate.mjs');
  let result = await buildNative({ log: say });
  let inflate = buildInflate();
  if ((result.missing || inflate.missing) && installSystemPackages()) {
    result = await buildNative({ log: say });
    inflate = buildInflate();
  }
  if (inflate.message !== undefined) say(inflate.message);
  if (result.fresh) say(whyItDoesNotLoad(binary) ?? result.message);
  else if (!result.built)
    say(`${result.message}\nGoing on without it, on WebAssembly, which is many times slower.`);
}

/** With apt-get, as root or through a sudo that asks for no password. Returns whether they are installed now. */
function installSystemPackages() {
  if (process.platform !== 'linux' || !succeeds('apt-get', ['--version'])) return false;
  const asRoot = process.getuid() === 0 ? [] : ['sudo', '-n'];
  if (asRoot.length > 0 && !succeeds('sudo', ['-n', 'true'])) return false;
  const run = (...commandLine) => {
    const [command, ...rest] = [
      ...asRoot,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-q',
      ...commandLine,
    ];
    return spawnSync(command, rest, { encoding: 'utf8' });
  };
  const install = () => run('install', '-y', '--no-install-recommends', ...nativePackages);
  say(
    `Installing ${nativePackages.join(', ')} with apt-get, for the native engine (--no-native leaves it out)`,
  );
  if (install().status === 0) return true;
  // The usual reason on a fresh machine is that the package lists were never fetched.
  run('-o', 'Acquire::Retries=0', 'update');
  const second = install();
  if (second.status === 0) return true;
  const reason = second.stderr.split('\n').find((line) => line.startsWith('E: '));
  say(`apt-get could not install them: ${reason?.slice(3) ?? 'it gave no reason'}`);
  return false;
}

function succeeds(command, commandLine) {
  return spawnSync(command, commandLine, { stdio: 'ignore' }).status === 0;
}

/** In a process of its own, since a library that does not fit can take the whole process down. */
function whyItDoesNotLoad(binary) {
  const trial = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(binary)})`], {
    encoding: 'utf8',
  });
  if (trial.status === 0) return undefined;
  const reason =
    /^Error: (.*)$/m.exec(trial.stderr)?.[1] ?? `its process ended with ${trial.signal ?? trial.status}`;
  return `The native engine is built but does not load: ${reason}`;
}

function say(line) {
  console.error(line);
}
